"""The callers of the live benchmarks: what they do in a call, and what is made of what they heard."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.benchmarks.live_callers import PATIENCE, QUIET, THINKING, Caller
from tests.benchmarks.live_load import Heard, judge
from tests.benchmarks.live_sound import IDENTITIES, NOBODY, answer, voice
from webadmin.operations.sip_rtp import CODECS, encoder

FRAME = 160
SILENCE = b"\xff" * FRAME
Line = Callable[[float], bytes]


class Assistant:
    """Greets, and answers a while after each utterance with a sound; falls silent some time after a caller cuts in."""

    def __init__(self, identity: int, delay: float = 0.34, stop: float = 0.1, seconds: float = 1.2) -> None:
        encode = encoder(CODECS["PCMU"])
        self._answer = encode(answer(identity, seconds, 8000))
        self._playing = encode(answer(NOBODY, 0.6, 8000))
        self._delay, self._stop = delay, stop
        self._due = self._stop_at = float("inf")
        self._spoke = False

    def frame(self, now: float, said: bytes) -> bytes:
        speaks = said != SILENCE
        if speaks and not self._spoke and self._playing:
            self._stop_at = now + self._stop
        if self._spoke and not speaks:
            self._due = now - 0.02 + self._delay
        self._spoke = speaks
        if now >= self._stop_at:
            self._playing, self._stop_at = b"", float("inf")
        if now >= self._due:
            self._playing, self._due = self._answer, float("inf")
        frame, self._playing = self._playing[:FRAME], self._playing[FRAME:]
        return frame or SILENCE


def call(caller: Caller, assistant: Assistant, seconds: float) -> Heard:
    """A call in no time at all, 20 ms at a step; returns what the caller heard."""
    for step in range(int(seconds * 50)):
        now = 1000 + step * 0.02
        caller.take(now, step, assistant.frame(now, caller.frame(now)))
    heard = Heard()
    judge(caller, 0.0, 1000 + seconds - 4, 1.2, heard)
    return heard


def caller(identity: int = 42, cut_in_every: int = 0) -> Caller:
    return Caller(identity, CODECS["PCMU"], cut_in_every)


def test_a_caller_speaks_after_the_greeting_and_again_after_each_answer() -> None:
    heard = call(caller(), Assistant(42), 30)
    assert len(heard.delays) >= 7
    assert heard.delays == pytest.approx([0.34] * len(heard.delays), abs=0.021)
    assert (heard.mixed, heard.unanswered, heard.cut_short, heard.missing) == (0, 0, 0, 0)
    assert max(heard.waits) == pytest.approx(0.02)
    assert max(heard.holes) == 0


def test_every_packet_of_every_calls_sound_counts_as_sound() -> None:
    for identity in range(IDENTITIES):
        one = caller(identity)
        for sound in (answer(identity, 1.0, 8000), voice(identity, 1.2, 8000)):
            payload = encoder(CODECS["PCMU"])(sound)
            for start in range(0, len(payload) - FRAME + 1, FRAME):
                one.take(start, 0, payload[start : start + FRAME])
        one.take(0.0, 0, SILENCE)
        assert [packet.voiced for packet in one.packets] == [True] * (len(one.packets) - 1) + [False]


def test_each_third_answer_is_cut_into_and_how_long_it_goes_on_is_measured() -> None:
    heard = call(caller(cut_in_every=3), Assistant(42, stop=0.1), 40)
    assert len(heard.stops) >= 2
    assert heard.stops == pytest.approx([0.12] * len(heard.stops), abs=0.041)
    assert heard.never_silent == 0


def test_an_assistant_that_speaks_on_is_told_apart() -> None:
    assert call(caller(cut_in_every=1), Assistant(42, stop=9.0, seconds=3.0), 30).never_silent


def test_another_calls_answer_is_mixed() -> None:
    heard = call(caller(42), Assistant(43), 20)
    assert heard.mixed == len(heard.delays) > 0


def test_a_question_whether_they_are_there_is_no_mixed_call_but_not_their_answer_either() -> None:
    heard = call(caller(), Assistant(NOBODY), 20)
    assert heard.other == len(heard.delays) > 0
    assert heard.mixed == 0


def test_an_answer_that_lacks_its_end_is_cut_short() -> None:
    heard = call(caller(), Assistant(42, seconds=0.9), 20)
    assert heard.cut_short == len(heard.delays) > 0


def test_without_an_answer_the_caller_loses_patience_and_it_counts() -> None:
    heard = call(caller(), Assistant(42, delay=1e6), 4 * (PATIENCE + QUIET + THINKING))
    assert not heard.delays
    assert heard.unanswered >= 2
