"""Single facts in the caller's words: how many people, a number to call back, what somebody looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import phonenumbers

from dialogue.scenarios.intake_102.morphology import base_forms, is_plural
from dialogue.scenarios.intake_102.reading import Reading, mentioned
from dialogue.scenarios.intake_102.text import shorten
from dialogue.scenarios.intake_102.words import LANGUAGES, word_set

T = TypeVar("T")

REGION = "KZ"
MOST_PEOPLE = 500
_DESCRIPTION_LENGTH = 200

_PEOPLE = {language: word_set("people", language) for language in LANGUAGES}
_SINGLE = {language: word_set("single_people", language) for language in LANGUAGES}
_PRONOUNS = {language: word_set("somebody", language) for language in LANGUAGES}
_COLLECTIVE = word_set("collective_numbers")
_TOGETHER = {"вдвоем": 2, "втроем": 3, "вчетвером": 4}
_MEASURES = word_set("measures")


@dataclass(frozen=True, slots=True)
class Slot(Generic[T]):
    """A value, the turn it was said in and the exact words."""

    value: T
    turn: int
    words: str


def people(readings: Sequence[Reading]) -> Slot[int] | None:
    """People besides the caller: those counted and single ones named beside them; None where the words do not tell."""
    counted: list[Slot[int]] = []
    named: list[Slot[str]] = []
    for reading in readings:
        for language in reading.languages:
            counted += _counted(reading, language)
            named += _named(reading, language)
    distinct = {slot.value: slot for slot in named}
    if counted:
        most = max(counted, key=lambda slot: slot.value)
        beside = [slot for slot in distinct.values() if not any(slot.words in one.words for one in counted)]
        return Slot(most.value + len(beside), most.turn, most.words)
    if not distinct:
        return _somebody(readings)
    first = named[0]
    return Slot(len(distinct), first.turn, ", ".join(dict.fromkeys(slot.words for slot in distinct.values())))


def callback_number(readings: Sequence[Reading]) -> Slot[str] | None:
    """The last telephone number that was said in digits, in E.164."""
    found = None
    for reading in readings:
        for match in phonenumbers.PhoneNumberMatcher(reading.text, REGION):
            text = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
            found = Slot(text, reading.turn, match.raw_string)
    return found


def description(readings: Sequence[Reading]) -> Slot[str] | None:
    """The clauses in which somebody's looks are told."""
    parts: dict[tuple[int, int], str] = {}
    for reading in readings:
        for mention in mentioned([reading], "description"):
            clause = reading.tokens[mention.start].clause
            inside = [i for i, token in enumerate(reading.tokens) if token.clause == clause]
            parts[reading.turn, clause] = reading.words(inside[0], inside[-1] + 1)
    if not parts:
        return None
    return Slot(shorten(", ".join(parts.values()), _DESCRIPTION_LENGTH), min(parts)[0], next(iter(parts.values())))


def _counted(reading: Reading, language: str) -> list[Slot[int]]:
    found = []
    for number in reading.numbers[language]:
        following = [
            t for t in reading.tokens[number.end : number.end + 3] if t.clause == reading.tokens[number.start].clause
        ]
        forms = [base_forms(t.norm, language) | {t.norm} for t in following]
        if forms and not forms[0].isdisjoint(_MEASURES):
            continue
        person = next((i for i, f in enumerate(forms) if not f.isdisjoint(_PEOPLE[language])), None)
        if number.ordinal:
            continue
        collective = reading.tokens[number.start].norm in _COLLECTIVE
        if (person is not None or collective) and 0 < number.value <= MOST_PEOPLE:
            end = number.end + (person + 1 if person is not None else 0)
            found.append(Slot(number.value, reading.turn, reading.words(number.start, end)))
    for index, token in enumerate(reading.tokens):
        if token.norm in _TOGETHER and language == "ru":
            found.append(Slot(_TOGETHER[token.norm], reading.turn, reading.words(index, index + 1)))
    return found


def _somebody(readings: Sequence[Reading]) -> Slot[int] | None:
    """The first who is only spoken of as "he" or "somebody": one person, as far as the words tell."""
    for reading in readings:
        for index, token in enumerate(reading.tokens):
            if any(token.norm in _PRONOUNS[language] for language in reading.languages):
                return Slot(1, reading.turn, reading.words(index, index + 1))
    return None


def _named(reading: Reading, language: str) -> list[Slot[str]]:
    found = []
    for index, token in enumerate(reading.tokens):
        forms = ({token.norm} | base_forms(token.norm, language)) if language != "en" else {token.norm}
        known = forms & _SINGLE[language]
        if known and not (language == "ru" and is_plural(token.norm)):
            found.append(Slot(min(known), reading.turn, reading.words(index, index + 1)))
    return found
