"""What the words of an utterance may be in an address: names, units, house numbers and where they end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from dialogue.scenarios.intake_102 import place_words as words
from dialogue.scenarios.intake_102.gazetteer import KnownName, PlaceKind, find_known
from dialogue.scenarios.intake_102.morphology import base_forms, is_genitive_name, is_surname
from dialogue.scenarios.intake_102.numbers import Number
from dialogue.scenarios.intake_102.reading import Reading
from dialogue.scenarios.intake_102.spelling import is_russian

SHORTEST_NAME = 3
_HIGHEST_HOUSE = 2999
SURNAME = re.compile(
    r".{2,}(?:ов|ев|ин|ова|ева|ского|ская|ской|ұлы|улы"
    r"|ov|ev|ova|eva|uly|uli|bayev|sky|skaya)"
)
"""How names after which streets are called end."""

VERB = re.compile(r".+(?:[иеаяую]т|[иеу]тся|л[аио]?|л[аио]?сь|лся|ть|ться|[еи]шь)")
"""How misspelt Russian verbs end."""

KAZAKH_NO_NAME = re.compile(
    r".+(?:ды|ді|ты|ті|ып|іп|йды|йді|ған|ген|қан|кен|ым|ім|мыз|міз|ңыз|ңіз|сың|сің|мын|мін|лар|лер|дар|дер|тар|тер"
    r"|ның|нің|дың|дің|тың|тің|ға|ге|қа|ке|да|де|та|те|дан|ден|тан|тен|нан|нен|шы|ші)"
)
"""How verbs and what is one's own end in Kazakh: no street is called so."""


class Level(IntEnum):
    """How sure it is that a word is a name."""

    NONE = 0
    LOOSE = 1
    LIKELY = 2
    KNOWN = 3


@dataclass(frozen=True, slots=True)
class Name:
    end: int
    level: Level
    kinds: frozenset[PlaceKind] = frozenset()
    numbered: bool = False

    def is_a(self, kind: PlaceKind) -> bool:
        return kind in self.kinds


class PlaceReader:
    """A reading with the numbers of one of its languages, asked what its words may be in an address."""

    def __init__(self, reading: Reading, language: str) -> None:
        self._reading = reading
        self._tokens = reading.tokens
        self._language = language
        self._numbers = {n.start: n for n in reading.numbers[language]}
        self._ends = {n.end: n for n in reading.numbers[language]}
        # Units and what is counted are said in either language of a mixed call.
        mixed = ("en",) if language == "en" else tuple(k for k in reading.languages if k != "en")
        self._forms = [base_forms(t.norm, language) | {t.norm} for t in self._tokens]
        self._mixed = [
            f.union(*(base_forms(t.norm, k) for k in mixed)) for f, t in zip(self._forms, self._tokens, strict=True)
        ]
        self._units = {word: unit for k in mixed for word, unit in words.UNITS[k].items()}
        self._stop = frozenset[str]().union(*(words.STOP[k] for k in mixed))
        self._streets, self._landmarks, self._single = (
            lists[language] for lists in (words.STREETS, words.KINDS, words.SINGLE)
        )
        self._no_names = self._streets | self._landmarks | frozenset(self._units) | words.COUNTED
        self._plain = language == reading.language
        self._names = [self._name(i) for i in range(len(self._tokens))]

    def _norm(self, index: int) -> str:
        return self._tokens[index].norm if 0 <= index < len(self._tokens) else ""

    def _is(self, index: int, kinds: frozenset[str]) -> bool:
        return 0 <= index < len(self._tokens) and not self._forms[index].isdisjoint(kinds)

    def _same_clause(self, one: int, other: int) -> bool:
        return one >= 0 and other < len(self._tokens) and self._tokens[one].clause == self._tokens[other].clause

    def _ends_clause(self, end: int) -> bool:
        return end >= len(self._tokens) or self._tokens[end].clause != self._tokens[end - 1].clause

    def _starts_clause(self, index: int) -> bool:
        return index == 0 or self._tokens[index - 1].clause != self._tokens[index].clause

    def _capital(self, index: int) -> bool:
        """Whether a word is written with a capital inside a sentence."""
        token = self._tokens[index]
        inside = index > 0 and self._tokens[index - 1].sentence == token.sentence
        return inside and token.end - token.start > 1 and self._reading.text[token.start].isupper()

    def _name(self, index: int) -> Name | None:
        norm = self._norm(index)
        known = find_known(self._tokens, index)
        if norm in self._stop and index and not self._mixed[index - 1].isdisjoint(words.COUNTED):
            return None  # "күн сайын": every day, not the street.
        if known:
            return self._of_known(known)
        if (
            index in self._numbers
            or len(norm) < SHORTEST_NAME
            or not norm.replace("-", "").isalpha()
            or norm in self._stop
            or norm.isascii() != (self._language == "en")
            or not self._forms[index].isdisjoint(words.NO_STREETS)
            or not self._mixed[index].isdisjoint(self._no_names)
        ):
            return None
        end = index + 1
        verbal = self._reading.text[self._tokens[index].start].islower()
        if self._is_title(end) and self._same_clause(index, end) and not (verbal and KAZAKH_NO_NAME.fullmatch(norm)):
            return Name(end + 1, Level.LIKELY)
        return Name(end, self._level(index))

    def _level(self, index: int) -> Level:
        norm = self._norm(index)
        if self._language == "en":
            return Level.LIKELY if self._capital(index) or SURNAME.fullmatch(norm) else Level.LOOSE
        if is_russian(norm):
            return Level.LIKELY if is_surname(norm) else Level.LOOSE if self._capital(index) else Level.NONE
        return Level.LIKELY if SURNAME.fullmatch(norm) or self._capital(index) else Level.LOOSE

    def _of_known(self, known: KnownName) -> Name:
        end = known.end
        if self._is_title(end) and self._same_clause(end - 1, end):
            end += 1
        ordinary = known.common and (self._language != "en" or self._norm(end - 1) in words.ORDINARY_EN)
        return Name(end, Level.LIKELY if ordinary else Level.KNOWN, known.kinds, known.number is not None)

    def _is_title(self, index: int) -> bool:
        """Whether a word is a title in a name: "батыр" of "Қабанбай батырдың", not "атам"."""
        norm = self._norm(index)
        return any(norm.startswith(t) and norm.removeprefix(t) in words.TITLE_ENDINGS for t in words.TITLES)

    # Numbers behind a name

    def _house_number(self, index: int) -> Number | None:
        """A number that may be a house's: it counts nothing."""
        number = self._numbers.get(index)
        if number is None or number.value > _HIGHEST_HOUSE or self._norm(number.end - 1) in words.OBLIQUE:
            return None
        counts = self._same_clause(number.end - 1, number.end) and not self._mixed[number.end].isdisjoint(words.COUNTED)
        return None if counts else number

    def _unit(self, index: int) -> str | None:
        if not 0 <= index < len(self._tokens):
            return None
        return next((self._units[form] for form in sorted(self._mixed[index]) if form in self._units), None)

    def _tail(self, index: int, *, bare: bool, across: bool) -> tuple[int, bool]:
        """Extend over ``[house] number [, flat number]…``: where it ends, and whether there was a number.

        Args:
            bare: the first number may stand without a word for it before.
            across: it may also stand behind a comma.
        """
        numbered = False
        while index < len(self._tokens):
            unit = self._unit(index)
            at = index + 1 + (self._norm(index + 1) in words.NUMBER_WORDS)
            if (
                unit
                and (number := self._house_number(at))
                and self._tokens[at].sentence - self._tokens[index].sentence < 1
            ):
                index, numbered, bare = self._lettered(number.end), numbered or unit not in words.INSIDE, False
                continue
            if numbered and unit and self._norm(index + 1) in words.LETTERS and self._ends_clause(index + 2):
                return index + 2, True
            number = self._house_number(index)
            if number is None or not (self._same_clause(index - 1, index) or (across and self._stands_alone(number))):
                break
            if self._is_behind(number, numbered):
                numbered = numbered or self._unit(number.end) not in words.INSIDE
                index, bare = number.end + 1, False
            elif bare:
                index, numbered, bare = self._lettered(number.end), True, False
                across = True
            elif numbered and self._is_flat(number):
                index = number.end
            else:
                break
        return index, numbered

    def _stands_alone(self, number: Number) -> bool:
        """Whether a number behind a comma is all that is said there, or has a word for what it counts off."""
        if self._tokens[number.start].sentence != self._tokens[number.start - 1].sentence:
            return self._unit(number.end) is not None
        end = self._lettered(number.end)
        return self._ends_clause(end) or self._unit(end) is not None or self._norm(end).startswith(words.BESIDE)

    def _is_behind(self, number: Number, numbered: bool = False) -> bool:
        """Whether the word for what a number counts off stands behind it: "12 үй", "пятая квартира"."""
        unit = self._unit(number.end)
        if unit is None or not self._same_clause(number.end - 1, number.end):
            return False
        if unit in words.INSIDE and not numbered and not number.ordinal:
            return False
        if self._language == "en":
            return number.ordinal
        further = self._house_number(number.end + 1)
        if further is None or self._unit(further.end):
            return number.ordinal or self._language == "kk" or unit in words.HOUSES
        return number.ordinal or unit == "үй"

    def _is_flat(self, number: Number) -> bool:
        """Whether a bare number behind a house is its flat: in digits behind a comma, or the last word of all."""
        apart = self._tokens[number.start - 1].clause != self._tokens[number.start].clause
        digits = self._norm(number.start)[0].isdigit()
        return digits if apart else self._ends_clause(number.end) and not number.ordinal

    def _lettered(self, index: int) -> int:
        """Extend over a house's letter or fraction."""
        letter = self._norm(index)
        if letter in words.LETTERS and self._same_clause(index - 1, index):
            closed = self._ends_clause(index + 1) or self._unit(index + 1) is not None
            if closed or letter not in {"а", "в", "a"}:
                return index + 1
        if letter in words.FRACTION and (number := self._house_number(index + 1)):
            return number.end
        return index

    def _head(self, start: int) -> int:
        """Extend to the front over "flat 6," and "дом двенадцать по"."""
        at = start - 1 if self._norm(start - 1) in {"по", "на", "on", "at"} else start
        while (number := self._ends.get(at)) and self._tokens[start].sentence == self._tokens[number.start].sentence:
            whole = self._ends.get(number.start - 1) if self._norm(number.start - 1) in words.FRACTION else None
            first = (whole or number).start
            if self._unit(first - 1) is None or self._house_number(number.start) is None:
                break
            at = start = first - 1
        return start

    def _has_house(self, start: int, end: int) -> bool:
        """Whether words that stand before a street number a house or a flat."""
        return any(self._unit(i) not in {None, *words.INSIDE} for i in range(start, end))

    def _is_possessed(self, index: int) -> bool:
        """Whether a Kazakh word for a building says that it is somebody's: "көпірі" is, "көпірде" is not."""
        stem = max((form for form in self._forms[index] if form in self._landmarks), key=len)
        rest = self._norm(index).removeprefix(stem[:-1])[1:]
        return (rest[:1] in {"і", "ы", "с"} and not rest.startswith("ік")) or stem == "плаза"

    def _may_own(self, index: int, name: Name) -> bool:
        no_name = KAZAKH_NO_NAME.fullmatch(self._norm(index))
        natural = self._is(index + 1, words.NATURAL_KK) and self._starts_clause(index) and not no_name
        return name.level >= Level.LIKELY or (natural and self._norm(index) not in words.GENERIC_KK)

    def _is_genitive(self, index: int) -> bool:
        norm = self._norm(index)
        return is_genitive_name(norm) and norm.endswith(("ова", "ева", "ина", "ого", "ой", "а", "я", "ы"))

    def _led_in(self, index: int) -> bool:
        return any(self._norm(i) in words.LEADING_EN for i in range(max(0, index - 2), index + 1))
