"""Where it happens: an address found in the caller's words."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue.scenarios.intake_102 import place_words as words
from dialogue.scenarios.intake_102.gazetteer import PlaceKind, find_known
from dialogue.scenarios.intake_102.morphology import base_forms, is_geographic
from dialogue.scenarios.intake_102.numbers import number_value
from dialogue.scenarios.intake_102.place_spans import Rank, Span, SpanFinder
from dialogue.scenarios.intake_102.reading import Reading
from dialogue.scenarios.intake_102.schema import AddressConfidence

LONGEST = 200

_CONFIDENCE = {
    Rank.EXACT: AddressConfidence.HIGH,
    Rank.NAMED: AddressConfidence.MEDIUM,
    Rank.VAGUE: AddressConfidence.LOW,
}
_WHOLE = {PlaceKind.LANDMARK, PlaceKind.SETTLEMENT}
"""What is written in the nominative where nothing but its name was said."""

_CLEARLY_LATER = 6
"""Words between two addresses within which "no, sorry" takes back the first."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address: how it is written, the exact words, how well it pins a place, and where it was said."""

    text: str
    words: str
    confidence: AddressConfidence
    turn: int


def find_place(reading: Reading) -> Place | None:
    """The best address of an utterance: one with a house number before a bare street, a street before a landmark."""
    found = [(span, language) for language in reading.languages for span in SpanFinder(reading, language).find()]
    if not found:
        return None
    span, language = max(
        found, key=lambda f: (f[0].rank, _told_later(reading, f[0], found), f[0].end - f[0].start, -f[0].start)
    )
    return Place(
        _write(reading, span, language)[:LONGEST],
        reading.words(span.start, span.end),
        _CONFIDENCE[span.rank],
        reading.turn,
    )


def _told_later(reading: Reading, span: Span, found: list[tuple[Span, str]]) -> bool:
    """Whether the caller takes another address back for this one."""
    return any(
        0 <= span.start - other.end <= _CLEARLY_LATER
        and other.rank == span.rank
        and any(reading.tokens[i].norm in words.TOLD_OTHERWISE for i in range(other.end, span.start))
        for other, _ in found
    )


def answered_place(reading: Reading) -> Place | None:
    """The words themselves, where the caller was asked for the address and names no street: a landmark, a house."""
    if not reading.tokens or len(reading.tokens) > 12:
        return None
    numbered = any(reading.numbers.values())
    span = Span(0, len(reading.tokens), Rank.NAMED if numbered else Rank.VAGUE)
    text = _write(reading, span, reading.languages[0])[:LONGEST]
    return Place(text, reading.text, _CONFIDENCE[span.rank], reading.turn)


def _write(reading: Reading, span: Span, language: str) -> str:
    """The caller's words as people write an address: digits, a street's kind in its base form, names capitalised."""
    known = find_known(reading.tokens, span.start)
    if language == "ru" and known and known.end == span.end and not known.kinds.isdisjoint(_WHOLE):
        return known.name if known.number is None else f"{known.name}-{known.number}"
    numbers = {n.start: n for n in reading.numbers[language]}
    spoken_small = reading.words(span.start, span.end).islower()
    named = _named(reading, span, language) if spoken_small else set()
    parts: list[str] = []
    index, position = span.start, reading.tokens[span.start].start
    while index < span.end:
        if index in span.hole:
            index, position = span.hole.stop, reading.tokens[span.hole.stop].start
            parts.append(" ")
            continue
        number = numbers.get(index)
        last = number.end if number and number.end <= span.end else index + 1
        token = reading.tokens[index]
        parts.append(reading.text[position : token.start])
        word = reading.text[token.start : reading.tokens[last - 1].end]
        if number:
            word = word if token.norm[0].isdigit() else number.text
        elif token.norm in words.FRACTION and index + 1 in numbers:
            word = "/"
        elif index == span.start and language == "ru" and (kind := _street_kind(token.norm)):
            word = kind
        else:
            word = _with_digits(word.capitalize() if index in named else word, language)
        parts.append(word)
        position = reading.tokens[last - 1].end
        index = last
    return "".join(parts).replace(" / ", "/").strip(" ,.")


def _with_digits(word: str, language: str) -> str:
    """ "Алматы-два" is "Алматы-2"."""
    name, mark, spoken = word.rpartition("-")
    value = number_value(spoken.casefold(), language) if mark else None
    return word if value is None else f"{name}-{value}"


def _street_kind(norm: str) -> str | None:
    """Base form of an inflected Russian word for a kind of street: "улице" is "улица"."""
    return next(iter(sorted(base_forms(norm, "ru") & words.STREETS["ru"] - {norm})), None)


def _named(reading: Reading, span: Span, language: str) -> set[int]:
    """Which tokens of a span are names."""
    found: set[int] = set()
    for index in range(span.start, span.end):
        norm = reading.tokens[index].norm
        if known := find_known(reading.tokens, index):
            found.update(range(index, known.end))
        elif language == "en":
            found.update({index} - ({index} if norm in {"of", "and", "the", "at", "near", "by", "on"} else set()))
        elif language == "ru" and is_geographic(norm):
            kinds = words.STREETS["ru"] | words.KINDS["ru"] | set(words.UNITS["ru"])
            found.update({index} if base_forms(norm, "ru").isdisjoint(kinds) else ())
    return found
