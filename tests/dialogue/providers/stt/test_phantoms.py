"""Which recognised words are taken for invented, and which short true ones are not."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dialogue.providers.stt.phantoms import Piece, doubts

TABLE = yaml.safe_load((files("dialogue.providers.stt") / "phantoms.yaml").read_text("utf-8"))
HINTS = ("улица Абая", "проспект Достык", "Алмалинский район", "Toyota Camry")


@pytest.mark.parametrize(
    "text",
    [
        "Субтитры сделал DimaTorzok",
        "Субтитры создавал DimaTorzok",
        "Редактор субтитров А.Семкин Корректор А.Егорова",
        "Продолжение следует...",
        "Спасибо за просмотр!",
        "Подписывайтесь на канал и ставьте лайки!",
        "Дякую за перегляд!",
        "Дякую за перегляд! Дякую за перегляд!",
        "Көргендеріңізге рахмет!",
        "Thanks for watching!",
        "Thank you for watching. Thank you for watching.",
        "Subtitles by the Amara.org community",
        "[Music]",
        "♪♪",
        "(смех) [АПЛОДИСМЕНТЫ]",
    ],
)
def test_lines_of_videos_are_doubted_however_sure_the_engine_is(text):
    assert "known_phrase" in doubts(Piece(text, 3.0, 0.01, -0.1)) or not text.strip("♪")


@pytest.mark.parametrize("text", ["спасибо", "Thank you.", "Рақмет!", "До свидания.", "Bye.", "играет музыка"])
def test_what_people_do_say_is_doubted_only_where_the_sound_speaks_against_words(text):
    assert doubts(Piece(text, 0.6, 0.1, -0.4)) == ()
    assert "known_phrase" in doubts(Piece(text, 0.6, 0.5, -0.4))
    assert "known_phrase" in doubts(Piece(text, 0.05, 0.1, -0.4))


@pytest.mark.parametrize("text", ["да", "Да.", "нет", "иә", "жоқ", "так", "ні", "yes", "no", "сто два"])
@pytest.mark.parametrize("no_speech", [None, 0.05, 0.5])
@pytest.mark.parametrize("log_probability", [None, -0.2, -1.4])
def test_a_short_true_answer_survives(text, no_speech, log_probability):
    assert doubts(Piece(text, 0.2, no_speech, log_probability)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "у меня украли машину вчера ночью во дворе дома на улице Абая двенадцать",
        "помогите помогите помогите помогите",
        "алло алло алло вы меня слышите",
        "да да да конечно",
        "он бьёт её прямо сейчас, быстрее приезжайте пожалуйста, Абая 10",
        "көшеде төбелес болып жатыр",
        "somebody is breaking into my neighbour's house, please hurry",
        "соседи громко слушают музыку, играет музыка и кричат",
        "спасибо, что так быстро ответили, у нас пожар",
        "улица Абая, Алмалинский район",
        "восемь семьсот один двести двадцать два тридцать три сорок четыре",
    ],
)
def test_what_callers_say_is_not_doubted(text):
    seconds = len(text.split()) / 3.5
    assert doubts(Piece(text, seconds, 0.2, -0.5), HINTS) == ()


def test_unlikely_words_without_speech_are_doubted():
    assert doubts(Piece("он пошёл туда", 1.5, 0.8, -1.3)) == ("no_speech", "low_probability")
    assert doubts(Piece("да", 0.3, 0.8, -1.3)) == ("no_speech",)
    assert doubts(Piece("да", 0.3, 0.2, -2.5)) == ("low_probability",)


def test_the_same_words_over_and_over_are_doubted():
    assert "repetition" in doubts(Piece("я не знаю " * 8, 12.0))
    assert "repetition" in doubts(Piece("и " * 30, 12.0))


def test_more_words_than_the_time_allows_are_doubted():
    sentence = "в этом видео мы расскажем вам о том как правильно"
    assert doubts(Piece(sentence, 0.4)) == ("too_fast",)
    assert doubts(Piece(sentence, 2.5)) == ()


@pytest.mark.parametrize("text", ["ご視聴ありがとうございました", "시청해 주셔서 감사합니다", "شكرا للمشاهدة"])
def test_another_script_is_doubted(text):
    assert "other_script" in doubts(Piece(text, 2.0))


def test_the_hints_themselves_are_doubted_where_nothing_else_is_said():
    assert doubts(Piece("Улица Абая, проспект Достык, Алмалинский район.", 3.0), HINTS) == ("hints_repeated",)
    assert doubts(Piece("проспект Достык, Алмалинский район, дом пять", 3.0), HINTS) == ()


@pytest.mark.parametrize("kind", ["never", "sometimes"])
def test_every_phrase_of_the_table_is_found(kind):
    for phrases in TABLE[kind].values():
        for phrase in phrases:
            said = phrase.replace("*", "something").title() + "."
            assert "known_phrase" in doubts(Piece(said, 2.0, 0.5, -1.2)), phrase


@given(st.text(max_size=400), st.floats(0, 60), st.floats(0, 1) | st.none(), st.floats(-20, 0) | st.none())
def test_any_text_is_judged(text, seconds, no_speech, log_probability):
    found = doubts(Piece(text, seconds, no_speech, log_probability), ("a", "", "b c"))
    assert len(set(found)) == len(found)


def test_a_text_without_a_word_is_nothing():
    assert doubts(Piece(" … !? ", 0.0, 0.99, -5.0)) == ()
