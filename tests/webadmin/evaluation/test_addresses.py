import pytest

from webadmin.evaluation.addresses import same_place


@pytest.mark.parametrize(
    ("wanted", "given", "language"),
    [
        ("Абая 12", "улица Абая, дом 12", "ru"),
        ("Абая 12", "ул. абая двенадцать", "ru"),
        ("Абая 12", "улице Абай 12, Алматы", "ru"),
        ("Абая 12а", "Абая 12 А", "ru"),
        ("Абая 12а", "Абая, 12-A", "ru"),
        ("Төле би 45 8", "Төле би көшесі 45 үй, 8 пәтер", "kk"),
        ("Абай 12", "Абай көшесінде он екінші үй", "kk"),
        ("Орлёнок", "лагерь «Орленок»", "ru"),
        ("Green Street 12", "12 Green St, flat number twelve", "en"),
        ("7 микрорайон 3", "7-й микрорайон, дом 3", "ru"),
        ("базар", "базардың қасында", "kk"),
        ("площадь", "на площади", "ru"),
    ],
)
def test_one_place_in_two_forms_is_the_same(wanted: str, given: str, language: str) -> None:
    assert same_place(wanted, given, language)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("Абая 12", "Абая 21"),
        ("Абая 12", "Абая"),
        ("Абая 12", "Абая 12, квартира 5"),
        ("Абая 12", "12"),
        ("Абая 12а", "Абая 12б"),
        ("Абая", "Абдуллина"),
        ("Мира", "Миронова"),
        ("Сейфуллина 5", "Сатпаева 5"),
        ("Абая Гагарина", "угол Абая"),
    ],
)
def test_another_place_is_not_the_same(wanted: str, given: str) -> None:
    assert not same_place(wanted, given, "ru")


def test_what_a_caller_says_cannot_make_it_slow_or_fail() -> None:
    assert not same_place("Абая 12", "12 а-" * 2000 + "\x00'\"; ²³ ٣", "ru")
