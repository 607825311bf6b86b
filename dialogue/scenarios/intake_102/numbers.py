"""Spoken and written numbers, for house numbers and for counting people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dialogue.scenarios.intake_102.morphology import base_forms
from dialogue.scenarios.intake_102.text import Token
from dialogue.scenarios.intake_102.words import LANGUAGES, number_words

GREATEST = 9999

_VALUES: dict[str, dict[str, int]] = {language: number_words(language) for language in LANGUAGES}


@dataclass(frozen=True, slots=True)
class Number:
    """A number at the tokens ``start`` to ``end`` (exclusive); ``text`` is how it is written in an address."""

    value: int
    start: int
    end: int
    text: str


@lru_cache(maxsize=10_000)
def _value(norm: str, language: str) -> int | None:
    known = _VALUES[language]
    if norm in known:
        return known[norm]
    if language == "en":
        return None
    return next((known[form] for form in sorted(base_forms(norm, language)) if form in known), None)


def find_numbers(tokens: Sequence[Token], language: str) -> list[Number]:
    """All numbers, spoken ones joined: ``twenty five`` is 25, ``one five`` is 15, ``сто двадцать`` is 120."""
    found: list[Number] = []
    index = 0
    while index < len(tokens):
        norm = tokens[index].norm
        if norm[0].isdigit():
            digits = "".join(c for c in norm[:6] if c.isdecimal() and c.isascii())
            if digits:
                found.append(Number(min(int(digits), GREATEST), index, index + 1, norm.upper()))
            index += 1
            continue
        number = _spoken(tokens, index, language)
        if number is None:
            index += 1
        else:
            found.append(number)
            index = number.end
    return found


def _spoken(tokens: Sequence[Token], start: int, language: str) -> Number | None:
    total = last = _value(tokens[start].norm, language)
    if total is None or last is None:
        return None
    end = start + 1
    while end < len(tokens) and tokens[end].clause == tokens[start].clause:
        value = _value(tokens[end].norm, language)
        if value is None or total > GREATEST // 10:
            break
        if value == 100 and language in {"en", "kk"} and 0 < last < 10:
            total += last * 99
        elif (
            (last >= 100 and value < 100)
            or (20 <= last < 100 and 0 < value < 10)
            or (last == 10 and 0 < value < 10 and language == "kk")
        ):
            total += value
        elif last < 10 and value < 10:
            total = total * 10 + value
        else:
            break
        last, end = value, end + 1
    return Number(total, start, end, str(total))
