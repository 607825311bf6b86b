"""Words of places as the finder of addresses looks them up: kinds of streets, units of houses, what stands before."""

from __future__ import annotations

from dialogue.scenarios.intake_102.gazetteer import word_list
from dialogue.scenarios.intake_102.words import LANGUAGES, ordered, word_set


def _units(language: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in ordered("place_units", language))


UNITS: dict[str, dict[str, str]] = {language: _units(language) for language in LANGUAGES}
"""Words for parts of an address that a number belongs to, and how each is written."""

INSIDE = frozenset({"этаж", "подъезд", "қабат", "кіреберіс", "floor", "entrance"})
"""Parts of a house that pin nothing without the house."""

FEMININE_STREETS = frozenset({"улица", "ул", "набережная", "площадь", "трасса", "станция"})
HOUSES = frozenset({"дом", "д", "үй", "house", "building", "километр", "км", "шақырым"})

STREETS = {language: word_set("street_types", language) for language in LANGUAGES}
AMBIGUOUS_STREETS = word_set("ambiguous_street_types", "en")
NUMBERED_STREETS = frozenset(word_list("numbered_streets"))
"""Kinds of which each has a number for a name."""

POSSESSED = word_list("possessed")
"""How Kazakh kinds of streets begin behind the name of one."""

SMALL_KK = frozenset({"шағын", "ықшам", "мөлтек"})
GENERIC_KK = frozenset(word_list("generic_kk"))
"""What stands before a Kazakh kind of place and is no name."""

NATURAL_KK = frozenset(word_list("natural_kk"))
TITLE_ENDINGS = frozenset({"", *word_list("title_endings")})
ROADS = frozenset(word_list("roads"))
KILOMETRES = frozenset(word_list("kilometres"))

STOP = {language: word_set("not_in_street_names", language) for language in LANGUAGES}
ORDINARY_EN = frozenset({"mega", "magnum", "oral", "aport"})
NO_STREETS = frozenset(word_list("no_streets"))
TITLES = word_set("titles", "kk")

KINDS = {language: frozenset(word_list(f"kinds_{language}")) for language in LANGUAGES}
SINGLE = {language: frozenset(word_list(f"single_{language}")) for language in LANGUAGES}
NUMBERED_KINDS = frozenset(word_list("numbered_kinds"))
SHOPS = frozenset(word_list("shops"))

CORNERS = {
    "ru": ("угол", "углу", "угла", "перекрест", "пересечен"),
    "kk": ("қиылыс", "бұрыш", "перекрест"),
    "en": ("corner", "intersection", "crossroads", "crossing"),
}
JOINING = frozenset(word_list("joining"))
NUMBER_WORDS = frozenset(word_list("number_words"))
BEFORE_STREETS = frozenset(word_list("before_streets"))
BEFORE_PLACES = frozenset(word_list("before_places"))
LEAVING = frozenset(word_list("leaving"))
DIRECTIONS = frozenset(word_list("directions"))
DIRECTIONS_AFTER = frozenset(word_list("directions_after"))

OBLIQUE = word_set("collective_or_oblique") | word_set("collective_numbers")
COUNTED = (
    word_set("counted_things")
    | (word_set("measures") - frozenset().union(*(UNITS[language] for language in LANGUAGES)))
    | frozenset().union(*(word_set("people", language) for language in LANGUAGES))
)
PERSONS = frozenset[str]().union(*(word_set(kind, k) for kind in ("people", "single_people") for k in LANGUAGES))
TOLD_OTHERWISE = word_set("told_otherwise")
LETTERS = frozenset("абвгдежзabcd")
FRACTION = frozenset(word_list("fraction"))
AFTER_ORDINALS = frozenset(word_list("after_ordinals"))
BESIDE = word_list("beside")
LEADING_EN = frozenset(word_list("leading_en"))
KAZAKH_PLACES = word_list("kazakh_places")
NEAR_LANDMARKS = frozenset(word_list("near_landmarks"))
