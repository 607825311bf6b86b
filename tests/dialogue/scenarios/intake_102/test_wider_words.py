"""Calls in words that the labelled cases do not use: misspelt, indirect, merged, and idle."""

import pytest

from dialogue.scenarios.intake_102.scenario import classify


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "дед посинел и не шевелится"),
        ("ru", "его мутузят ногами трое на остановке"),
        ("ru", "тут мужик сножом гоняет людей"),
        ("ru", "девчонка сидит на карнизе девятый этаж"),
        ("ru", "полыхает барак там люди внутри"),
        ("ru", "девушку запихивают в багажник"),
        ("kk", "баланы су ағызып барады"),
        ("kk", "қызым мойнына арқан салды"),
        ("kk", "куйеуим мени урып жатыр"),
        ("kk", "әкем ессіз жатыр, аузынан көбік ағып жатыр"),
        ("en", "grandad's gone grey and he won't wake up"),
        ("en", "they're stamping on his head outside the kebab shop"),
        ("en", "she's on the wrong side of the railings on the bridge"),
        ("en", "the kids are still upstairs and the kitchen is ablaze"),
        ("en", "a lad has been bundled into a van"),
    ],
)
def test_danger_to_life_is_heard_in_everyday_words(language, text):
    assert classify(text, language).fields["urgency"] == "critical"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "у меня принтер сдох, подскажите телефон сервиса"),
        ("ru", "придушу этого кота, орёт всю ночь"),
        ("en", "my laptop died, is this the helpdesk"),
        ("en", "these shoes are killing me, what time do you close"),
        ("kk", "шаршап өлдім, анықтама алайын деп едім"),
    ],
)
def test_idle_words_are_no_emergency(language, text):
    assert classify(text, language).fields["urgency"] == "low"


def test_somebody_who_may_not_be_heard_needs_a_person():
    fields = classify("я не могу говорить он рядом", "ru").fields
    assert (fields["urgency"], fields["caller_safe_to_talk"]) == ("high", False)


def test_a_greeting_alone_is_a_silent_call():
    assert classify("алло алло", "ru").fields["category"] == "silent"
