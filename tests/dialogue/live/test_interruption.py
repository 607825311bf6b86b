"""Whether a caller who makes a sound while the assistant speaks cuts it short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.live.interruption import Interruption, InterruptionPolicy, Verdict, is_backchannel


def judge(*, paused_for=0.2, voiced_for=0.2, voiced=False, text=None, language="ru", asked=False) -> Verdict:
    return Interruption().judge(
        paused_for=paused_for, voiced_for=voiced_for, voiced=voiced, text=text, language=language, asked=asked
    )


def test_a_sound_that_has_just_begun_is_waited_for():
    assert judge(paused_for=0.0, voiced_for=0.08, voiced=True) is Verdict.WAIT
    assert judge(paused_for=0.3, voiced_for=0.2, voiced=False, text=None) is Verdict.WAIT


@pytest.mark.parametrize("text", [None, "", "угу"])
def test_sustained_voice_cuts_the_assistant_short_whatever_it_says(text):
    assert judge(voiced_for=0.4, voiced=True, text=text) is Verdict.DROP


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "да"),
        ("ru", "Нет!"),
        ("ru", "стоп"),
        ("ru", "оператор"),
        ("kk", "жоқ"),
        ("kk", "иә"),
        ("uk", "так"),
        ("en", "yes"),
        ("en", "operator"),
    ],
)
def test_words_cut_the_assistant_short(language, text):
    assert judge(text=text, language=language) is Verdict.DROP


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "угу"),
        ("ru", "Ага."),
        ("ru", "мгм"),
        ("ru", "угу-угу"),
        ("kk", "мхм"),
        ("kk", "ыңғай"),
        ("uk", "ага"),
        ("en", "mm-hm"),
        ("en", "Uh-huh"),
        ("en", "uh huh"),
        ("en", "mm hm"),
    ],
)
def test_a_sign_of_listening_lets_it_go_on_unless_it_answers_a_question(language, text):
    assert judge(text=text, language=language) is Verdict.RESUME
    assert judge(text=text, language=language, asked=True) is Verdict.DROP


@pytest.mark.parametrize("asked", [True, False])
def test_a_cough_and_a_hum_let_it_go_on(asked):
    assert judge(text="", asked=asked) is Verdict.RESUME
    assert judge(text="хм", asked=asked) is Verdict.RESUME


def test_while_the_caller_still_speaks_their_first_words_do_not_decide():
    assert judge(voiced_for=0.3, voiced=True, text="угу") is Verdict.WAIT


def test_after_half_a_second_it_is_decided_by_whether_they_still_speak():
    assert judge(paused_for=0.5, voiced_for=0.39, voiced=True) is Verdict.DROP
    assert judge(paused_for=0.5, voiced_for=0.39, voiced=False) is Verdict.RESUME


def test_how_long_voice_must_last_can_be_set():
    eager = Interruption(InterruptionPolicy(sustained=0.2, decide_within=0.3))
    common = {"text": None, "language": "ru", "asked": False}
    assert eager.judge(paused_for=0.1, voiced_for=0.2, voiced=True, **common) is Verdict.DROP
    assert eager.judge(paused_for=0.3, voiced_for=0.1, voiced=False, **common) is Verdict.RESUME


@given(
    paused_for=st.floats(0.5, 10),
    voiced_for=st.floats(0, 60),
    voiced=st.booleans(),
    text=st.text(max_size=40) | st.none(),
    language=st.sampled_from(["ru", "kk", "uk", "en", "de", ""]),
    asked=st.booleans(),
)
def test_after_half_a_second_it_is_always_decided(paused_for, voiced_for, voiced, text, language, asked):
    verdict = judge(
        paused_for=paused_for, voiced_for=voiced_for, voiced=voiced, text=text, language=language, asked=asked
    )
    assert verdict is not Verdict.WAIT


@pytest.mark.parametrize("text", ["", "  ", "?", "угу мне нужна помощь", "ага ага ага ага ага", "помогите"])
def test_what_is_no_sign_of_listening(text):
    assert not is_backchannel(text, "ru")


def test_signs_of_listening_belong_to_a_language():
    assert is_backchannel("right", "en")
    assert not is_backchannel("right", "ru")
    assert not is_backchannel("угу", "de")
