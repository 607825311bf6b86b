import pytest

from webadmin.evaluation.degrade import degrade, plain_words, word_errors

SAID = {
    "ru": "Помогите, сосед ударил жену ножом! Улица Абая, дом двенадцать, квартира пять, второй подъезд, быстрее.",
    "kk": "Көмектесіңіздер, көршім әйелін пышақпен ұрып жатыр! Абай көшесі он екінші үй, екінші кіреберіс.",
    "en": "Please help, my neighbour has stabbed his wife! Twelve Green Street, second floor, come quickly.",
}


@pytest.mark.parametrize("language", SAID)
@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5])
def test_so_many_words_are_wrong_as_were_asked_for(language, rate):
    said = plain_words(SAID[language])
    errors = sum(word_errors(said, degrade(SAID[language], language, rate, str(n)).split()) for n in range(200))

    assert errors / (200 * len(said)) == pytest.approx(rate, rel=0.15)


@pytest.mark.parametrize("language", SAID)
def test_the_same_words_come_out_each_time_and_others_for_another_call(language):
    first = degrade(SAID[language], language, seed="a")

    assert degrade(SAID[language], language, seed="a") == first
    assert degrade(SAID[language], language, seed="b") != first


def test_without_errors_only_capitals_and_punctuation_go():
    assert degrade("Алло? Пожар — Абая, 12!", "ru", 0.0) == "алло пожар абая 12"


@pytest.mark.parametrize("text", ["", "...", "а", "нож", "12"])
def test_short_texts_and_none_are_no_trouble_even_if_every_word_is_wrong(text):
    for seed in range(50):
        degrade(text, "ru", 1.0, str(seed))


def test_word_errors():
    assert word_errors([], []) == 0
    assert word_errors(["a", "b", "c"], ["a", "x", "c", "d"]) == 2
    assert word_errors(["a", "b", "c"], []) == 3
    assert word_errors(["at", "home", "now"], ["athome", "now"]) == 2
