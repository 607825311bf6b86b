"""What the caller heard, on recordings of which every time is known."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from webadmin.calls.heard import Hearing, Spoken, Yielded, measure
from webadmin.calls.voices import Span

RATE = 16_000
EXACT = pytest.approx
TOLERANCE = 0.02


def voice(seconds: float, level: float = 6000.0, rate: int = RATE) -> np.ndarray:
    """A vowel: harmonics of 130 Hz under two formants, begun and ended at once."""
    t = np.arange(round(seconds * rate)) / rate
    partials = sum(
        np.sin(2 * np.pi * 130 * n * t) / (1 + ((130 * n - 700) / 300) ** 2 + ((130 * n - 1200) / 900) ** 2)
        for n in range(1, 25)
    )
    return level * partials / np.abs(partials).max() if len(t) else t


def recording(
    seconds: float,
    caller: Iterable[tuple[float, float]] = (),
    agent: Iterable[tuple[float, float]] = (),
    *,
    noise: float = 0.0,
    level: float = 6000.0,
    rate: int = RATE,
) -> np.ndarray:
    """Stereo sound with a voice from each start to each end, s."""
    both = np.zeros((round(seconds * rate), 2))
    both[:, 0] += noise * np.random.default_rng(7).standard_normal(len(both))
    for channel, stretches in enumerate((caller, agent)):
        for start, end in stretches:
            sound = voice(end - start, level, rate)
            first = round(start * rate)
            both[first : first + len(sound), channel] += sound
    return np.clip(both, -32768, 32767).astype(np.int16)


def delays(hearing: Hearing) -> list[float]:
    return [answer.seconds for answer in hearing.answers]


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_the_wait_for_each_answer_is_told_to_20_ms(rate: int):
    pcm = recording(14, [(3.0, 4.503), (8.0, 9.0)], [(0.5, 2.5), (5.111, 7.0), (9.347, 12.0)], rate=rate)
    hearing = measure(pcm, rate)
    assert delays(hearing) == EXACT([0.608, 0.347], abs=TOLERANCE)
    assert [answer.caller_ended for answer in hearing.answers] == EXACT([4.503, 9.0], abs=TOLERANCE)
    assert hearing.talk_over == 0
    assert hearing.stops == ()


@pytest.mark.parametrize("noise", [10.0, 100.0, 300.0])
def test_noise_behind_the_caller_is_no_voice(noise: float):
    pcm = recording(12, [(3.0, 4.5)], [(0.5, 2.5), (5.2, 7.0)], noise=noise)
    hearing = measure(pcm, RATE)
    assert delays(hearing) == EXACT([0.7], abs=TOLERANCE)
    assert len(hearing.caller) == 1


def test_pauses_between_words_and_syllables_end_no_turn():
    pcm = recording(12, [(3.0, 3.4), (3.6, 4.0), (4.5, 5.0)], [(0.5, 2.5), (5.8, 6.5), (6.6, 7.0)])
    assert delays(measure(pcm, RATE)) == EXACT([0.8], abs=TOLERANCE)


def test_a_filler_is_no_answer():
    pcm = recording(14, [(3.0, 4.5)], [(0.5, 2.5), (5.0, 5.6), (5.7, 6.0), (6.15, 8.0)])
    said = [
        Spoken(0, 2.5, 2.0, answers=False),
        Spoken(1, 6.05, 1.05, filler=True),
        Spoken(1, 8.0, 1.85, delay=1.6),
    ]
    (answer,) = measure(pcm, RATE, said=said).answers
    assert (answer.turn, answer.reported) == (1, 1.6)
    assert answer.seconds == EXACT(1.65, abs=TOLERANCE)


@pytest.mark.parametrize("ahead", [-4.2, -0.3, 0.0, 1.6])
def test_the_journal_may_have_another_clock(ahead: float):
    pcm = recording(14, [(3.0, 4.5)], [(0.5, 2.5), (5.0, 5.6), (6.15, 8.0)])
    said = [
        Spoken(0, 2.5 + ahead, 2.0, answers=False),
        Spoken(1, 5.6 + ahead, 0.6, filler=True),
        Spoken(1, 8.0 + ahead, 1.85),
    ]
    hearing = measure(pcm, RATE, said=said)
    assert hearing.offset == EXACT(ahead, abs=0.1)
    assert delays(hearing) == EXACT([1.65], abs=TOLERANCE)


def test_a_question_after_silence_answers_nobody():
    pcm = recording(20, [(3.0, 3.3)], [(0.5, 2.5), (11.0, 13.0)])
    said = [Spoken(0, 2.5, 2.0, answers=False), Spoken(1, 13.0, 2.0, answers=False)]
    assert measure(pcm, RATE, said=said).answers == ()


def test_a_caller_who_cuts_in_is_given_way_to_and_answered():
    pcm = recording(14, [(2.0, 3.5)], [(0.5, 2.24), (4.1, 6.0)])
    said = [Spoken(0, 2.24, 1.74, answers=False), Spoken(1, 6.0, 1.9)]
    for hearing in (
        measure(pcm, RATE),
        measure(pcm, RATE, said=said, yielded=[Yielded(0, 2.3)]),
    ):
        assert [stop.seconds for stop in hearing.stops] == EXACT([0.24], abs=TOLERANCE)
        assert hearing.talk_over == EXACT(0.24, abs=TOLERANCE)
        assert delays(hearing) == EXACT([0.6], abs=TOLERANCE)


def test_a_single_short_word_that_stops_it_is_answered_too():
    pcm = recording(14, [(2.0, 2.2)], [(0.5, 2.4), (3.1, 5.0)])
    said = [Spoken(0, 2.4, 1.9, answers=False), Spoken(1, 5.0, 1.9)]
    hearing = measure(pcm, RATE, said=said, yielded=[Yielded(0, 2.4)])
    assert delays(hearing) == EXACT([0.9], abs=TOLERANCE)


def test_going_on_after_a_cough_is_no_answer_but_a_stop():
    pcm = recording(14, [(2.0, 2.2), (6.0, 7.0)], [(0.5, 2.3), (2.75, 5.0), (7.8, 9.0)])
    said = [Spoken(0, 5.0, 4.5, answers=False), Spoken(1, 9.0, 1.2)]
    hearing = measure(pcm, RATE, said=said, yielded=[Yielded(0, 2.32, resumed=True)])
    assert [stop.seconds for stop in hearing.stops] == EXACT([0.3], abs=TOLERANCE)
    assert [(answer.turn, answer.seconds) for answer in hearing.answers] == [(1, EXACT(0.8, abs=TOLERANCE))]
    assert hearing.agent_gap == 0, "the pause was for the caller"


def test_an_mm_hm_that_is_spoken_over_is_neither_stop_nor_answer():
    pcm = recording(10, [(2.0, 2.3)], [(0.5, 3.0), (3.2, 5.0)])
    said = [Spoken(0, 5.0, 4.5, answers=False)]
    hearing = measure(pcm, RATE, said=said, yielded=[])
    assert (hearing.stops, hearing.answers) == ((), ())
    assert hearing.talk_over == EXACT(0.3, abs=TOLERANCE)


def test_an_assistant_that_speaks_into_the_callers_words_has_not_answered_them():
    pcm = recording(12, [(3.0, 6.0)], [(0.5, 2.5), (5.0, 7.0)])
    hearing = measure(pcm, RATE)
    assert hearing.answers == ()
    assert hearing.talk_over == EXACT(1.0, abs=TOLERANCE)


def test_long_silences_are_told_also_before_the_first_word_and_after_the_last():
    pcm = recording(20, [(5.0, 6.0)], [(2.5, 4.0), (8.5, 16.0)])
    hearing = measure(pcm, RATE)
    assert [span.start for span in hearing.silences] == EXACT([0.0, 6.0, 16.0], abs=TOLERANCE)
    assert [span.end for span in hearing.silences] == EXACT([2.5, 8.5, 20.0], abs=TOLERANCE)


def test_a_gap_within_an_answer_is_told():
    pcm = recording(8, [], [(0.5, 2.0), (2.4, 3.0), (3.7, 5.0)])
    assert measure(pcm, RATE).agent_gap == EXACT(0.7, abs=TOLERANCE)
    said = [Spoken(0, 3.0, 2.5, answers=False), Spoken(0, 5.0, 1.3, answers=False)]
    assert measure(pcm, RATE, said=said).agent_gap == EXACT(0.4, abs=TOLERANCE)


def test_what_a_person_says_after_the_assistant_is_not_measured():
    pcm = recording(20, [(3.0, 4.0), (9.0, 10.0)], [(0.5, 2.5), (4.5, 6.0), (13.0, 15.0)])
    hearing = measure(pcm, RATE, until=6.5)
    assert delays(hearing) == EXACT([0.5], abs=TOLERANCE)
    assert hearing.seconds == EXACT(6.5, abs=TOLERANCE)


def test_a_clipped_and_a_very_quiet_caller_are_heard_alike():
    for level in (60_000.0, 600.0):
        pcm = recording(10, [(3.0, 4.5)], [(0.5, 2.5), (5.2, 7.0)], level=level, noise=5.0)
        assert delays(measure(pcm, RATE)) == EXACT([0.7], abs=TOLERANCE)


def test_a_click_is_no_word():
    pcm = recording(10, [(3.0, 4.5)], [(0.5, 2.5), (5.2, 7.0)])
    pcm[round(4.8 * RATE) : round(4.8 * RATE) + 160, 0] = 20_000
    assert delays(measure(pcm, RATE)) == EXACT([0.7], abs=TOLERANCE)


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.4])
def test_a_call_of_no_length_has_nothing_to_measure(seconds: float):
    hearing = measure(recording(seconds), RATE)
    assert (hearing.answers, hearing.caller, hearing.agent, hearing.silences) == ((), (), (), ())


def test_a_silent_side_has_no_answers():
    only_agent = measure(recording(8, [], [(0.5, 2.0), (5.0, 6.0)]), RATE)
    only_caller = measure(recording(8, [(0.5, 2.0)], []), RATE, said=[Spoken(0, 2.0, 1.0)], yielded=[Yielded(0, 1.0)])
    assert (only_agent.answers, only_caller.answers, only_caller.stops) == ((), (), ())
    assert only_agent.caller == ()


@pytest.mark.parametrize(("shape", "rate"), [((100,), RATE), ((100, 3), RATE), ((100, 2), 11_025)])
def test_what_is_no_stereo_recording_is_refused(shape: tuple[int, ...], rate: int):
    with pytest.raises(ValueError, match="stereo"):
        measure(np.zeros(shape, np.int16), rate)


TIMES = st.floats(-5, 30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    pcm=arrays.arrays(np.int16, st.tuples(st.integers(0, 24_000), st.just(2)), elements=st.integers(-32768, 32767)),
    said=st.lists(
        st.builds(Spoken, st.integers(0, 5), TIMES, st.floats(0, 20), st.booleans(), st.booleans()), max_size=6
    ),
    yielded=st.none() | st.lists(st.builds(Yielded, st.integers(0, 5), TIMES, st.booleans()), max_size=4),
    until=st.none() | TIMES,
)
def test_any_sound_and_any_journal_give_times_that_make_sense(pcm, said, yielded, until):
    hearing = measure(pcm, 8000, said=said, yielded=yielded, until=until)
    assert 0 <= hearing.seconds <= len(pcm) / 8000 + 0.01
    for side in (hearing.caller, hearing.agent, hearing.silences):
        assert all(isinstance(span, Span) and 0 <= span.start < span.end <= hearing.seconds + 0.01 for span in side)
        assert all(one.end <= after.start for one, after in pairwise(side))
    assert all(answer.seconds >= 0 for answer in hearing.answers)
    assert all(stop.seconds > 0 for stop in hearing.stops)
    assert 0 <= hearing.talk_over <= hearing.seconds + 0.01
    assert hearing.to_json()["seconds"] == hearing.seconds
