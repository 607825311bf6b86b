"""Addresses as callers say them and as dispatchers read them."""

import pytest

from dialogue.scenarios.intake_102.address import find_place
from dialogue.scenarios.intake_102.reading import read


@pytest.mark.parametrize(
    ("language", "text", "address", "confidence"),
    [
        ("en", "loud music at twelve green street", "12 Green Street", "high"),
        ("en", "fifteen garden street apartment four", "15 Garden Street Apartment 4", "high"),
        ("en", "one two three main street", "123 Main Street", "high"),
        ("en", "a fight on the corner of Abay and Dostyk", "corner of Abay and Dostyk", "high"),
        ("en", "five men are fighting on garden street", "Garden Street", "medium"),
        ("ru", "Улица Абая, 15, шумят", "Улица Абая, 15", "high"),
        ("ru", "проспект Назарбаева 20 квартира 5", "проспект Назарбаева 20 квартира 5", "high"),
        ("ru", "микрорайон Аксай-4 дом 7", "микрорайон Аксай-4 дом 7", "high"),
        ("ru", "на улице сатпаева двадцать пять драка", "улица Сатпаева 25", "high"),
        ("ru", "ул. Толе би, 59, кв. 12", "ул. Толе би, 59, кв. 12", "high"),
        ("ru", "я на абая пятнадцать квартира три", "Абая 15 квартира 3", "high"),
        ("ru", "авария, перекрёсток Абая и Достык", "перекрёсток Абая и Достык", "high"),
        ("ru", "возле школы номер пять", "возле школы номер 5", "medium"),
        ("kk", "Абай көшесі 12 үй", "Абай көшесі 12 үй", "high"),
        ("kk", "Күйеуім мені ұрып жатыр Абай көшесі он екі үй", "Абай көшесі 12 үй", "high"),
        ("kk", "Назарбаев даңғылы 15", "Назарбаев даңғылы 15", "high"),
        ("kk", "Абай мен Достық көшелерінің қиылысында", "Абай мен Достық көшелерінің қиылысында", "high"),
    ],
)
def test_an_address_is_found(language, text, address, confidence):
    place = find_place(read(text, 3, language))
    assert place is not None
    assert (place.text, place.confidence.value, place.turn) == (address, confidence, 3)
    assert place.words in text


@pytest.mark.parametrize(
    "text",
    [
        "мужчина на улице бьёт женщину",
        "a man is lying in the street",
        "he was driving down the road",
        "двое с пистолетом",
        "мне 15 лет",
        "көшеде төбелесіп жатыр",
    ],
)
def test_no_address_is_made_up(text):
    assert find_place(read(text, 1, "ru")) is None
