"""How long callers are given to go on, after what they have said."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.live.ear import Pace
from dialogue.live.endpointing import end_silence

PACE = Pace()
LANGUAGES = ("ru", "kk", "uk", "en", "de", "")

COMPLETE = [
    ("ru", "да"),
    ("ru", "нет"),
    ("ru", "У меня украли телефон."),
    ("ru", "Горит мой дом"),
    ("ru", "улица Абая дом сорок два"),
    ("ru", "там"),
    ("ru", "дом сто двадцать пять"),
    ("ru", "мой номер восемь семьсот один двести двадцать три сорок пять шестьдесят семь"),
    ("kk", "иә"),
    ("kk", "жоқ"),
    ("kk", "менің телефонымды ұрлап кетті"),
    ("kk", "Абай көшесі екі жүз қырық бес"),
    ("uk", "так"),
    ("uk", "ні"),
    ("uk", "у мене вкрали телефон"),
    ("en", "yes"),
    ("en", "There is a fire in my house."),
    ("en", "42 Lenin Street"),
    ("en", "it happened one hundred twenty five"),
    ("de", "Hilfe"),
]

GOES_ON = [
    ("ru", "э-э"),
    ("ru", "у меня это"),
    ("ru", "ну"),
    ("ru", "там стоит как его"),
    ("ru", "я нахожусь ммм"),
    ("ru", "у меня украли телефон и"),
    ("ru", "это случилось возле"),
    ("ru", "я живу улица"),
    ("ru", "улица Абая, дом"),
    ("ru", "Ленина сорок два квартира"),
    ("ru", "стою на углу"),
    ("ru", "восьмой микрорайон корпус"),
    ("ru", "восемь семьсот один"),
    ("ru", "8 701"),
    ("ru", "меня зовут…"),
    ("ru", "во-первых,"),
    ("kk", "ыы"),
    ("kk", "ол жерде жаңағы"),
    ("kk", "мен Абай көшесі"),
    ("uk", "еее"),
    ("uk", "ну"),
    ("uk", "мій номер"),
    ("uk", "вулиця"),
    ("en", "uh"),
    ("en", "well"),
    ("en", "there is a man with"),
    ("en", "my address is flat number"),
    ("en", "I live on Lenin street"),
    ("en", "seven oh one"),
]


@pytest.mark.parametrize(("language", "text"), COMPLETE)
def test_a_complete_phrase_is_answered_soon(language, text):
    assert end_silence(PACE, text, language) == PACE.shortest


@pytest.mark.parametrize(("language", "text"), GOES_ON)
def test_who_looks_for_words_is_given_time(language, text):
    assert end_silence(PACE, text, language) == PACE.longest
    assert end_silence(PACE, text.upper(), language) == PACE.longest


@pytest.mark.parametrize("text", [None, "", "  ", "...", "?!"])
def test_without_words_the_usual_silence_ends_a_turn(text):
    assert end_silence(PACE, text, "ru") == PACE.usual


@pytest.mark.parametrize(
    ("language", "text", "silence"),
    [
        ("ru", "Абая", PACE.usual),
        ("ru", "проспект Назарбаева", PACE.usual),
        ("ru", "Абая сорок два", PACE.shortest),
        ("ru", "Абая 42", PACE.shortest),
        ("ru", "не знаю", PACE.shortest),
        ("ru", "оператор", PACE.shortest),
        ("kk", "жоқ", PACE.shortest),
        ("uk", "Хрещатик", PACE.usual),
        ("en", "Lenin", PACE.usual),
    ],
)
def test_between_street_and_house_there_is_time(language, text, silence):
    assert end_silence(PACE, text, language, expects_place=True) == silence


def test_letters_of_two_parts_are_the_same_letter():
    decomposed = unicodedata.normalize("NFD", "восьмой микрорайон")
    assert end_silence(PACE, decomposed, "ru") == PACE.longest


@given(text=st.text(max_size=200) | st.none(), language=st.sampled_from(LANGUAGES), place=st.booleans())
def test_any_text_ends_a_turn_within_bounds(text, language, place):
    assert PACE.shortest <= end_silence(PACE, text, language, place) <= PACE.longest


@given(
    words=st.lists(st.sampled_from(["ну", "дом", "да", "сорок", "жүз", "hundred", "street", "8", "і", "э", "-", ","])),
    language=st.sampled_from(LANGUAGES),
)
def test_words_in_any_order_end_a_turn_within_bounds(words, language):
    assert PACE.shortest <= end_silence(PACE, " ".join(words), language) <= PACE.longest
