"""Spoken and written numbers, for house numbers and for counting people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dialogue.scenarios.intake_102.morphology import base_forms
from dialogue.scenarios.intake_102.spelling import FOLD_MARK, folded, may_be_folded
from dialogue.scenarios.intake_102.text import Token
from dialogue.scenarios.intake_102.words import LANGUAGES, number_words, word_set

GREATEST = 9999

_CARDINALS: dict[str, dict[str, int]] = {language: number_words(language) for language in LANGUAGES}
_ORDINALS: dict[str, dict[str, int]] = {language: number_words(language, "ordinals") for language in LANGUAGES}
_KK_NO_NUMBERS = word_set("no_numbers", "kk")
_DIGITS = re.compile(r"[0-9]{1,6}")
_DIGIT_ENDING = word_set("digit_endings")
"""What is written behind a hyphen after digits: "5-й", "12-ші"."""
_EN_ORDINAL = re.compile(r"[0-9]+(?:st|nd|rd|th)")


def _kazakh_forms() -> re.Pattern[str]:
    """A number word with the endings of an ordinal and of a case, in Kazakh letters or in Russian ones."""
    stems, ordinal, case = _CARDINALS["kk"], word_set("number_endings", "kk"), word_set("case_endings", "kk")
    parts = []
    for name, words in (("stem", stems), ("ordinal", ordinal), ("case", case)):
        spelt = {spelling for word in words for spelling in (word, folded(word).removeprefix(FOLD_MARK))}
        parts.append(f"(?P<{name}>{'|'.join(sorted(spelt, key=lambda s: (-len(s), s)))})")
    return re.compile(f"{parts[0]}{parts[1]}?{parts[2]}?")


_KK_FORMS = _kazakh_forms()
_KK_FOLDED = {folded(word).removeprefix(FOLD_MARK): value for word, value in _CARDINALS["kk"].items()}


@dataclass(frozen=True, slots=True)
class Number:
    """A number at the tokens ``start`` to ``end`` (exclusive).

    Args:
        value: what it is.
        start: index of its first token.
        end: index behind its last token.
        text: how it is written in an address.
        ordinal: it says which one, not how many.
    """

    value: int
    start: int
    end: int
    text: str
    ordinal: bool = False


@lru_cache(maxsize=10_000)
def _value(norm: str, language: str) -> tuple[int, bool] | None:
    """What a number word is worth, and whether it is an ordinal."""
    for known, ordinal in ((_CARDINALS[language], False), (_ORDINALS[language], True)):
        if norm in known:
            return known[norm], ordinal
    if language == "en":
        return _english_joined(norm)
    if language == "kk":
        return _kazakh_inflected(norm)
    forms = sorted(base_forms(norm, language))
    return next(
        (
            (known[form], ordinal)
            for known, ordinal in ((_CARDINALS[language], False), (_ORDINALS[language], True))
            for form in forms
            if form in known
        ),
        None,
    )


def _english_joined(norm: str) -> tuple[int, bool] | None:
    """ "twenty-five", "twenty-fifth"."""
    tens, mark, ones = norm.partition("-")
    one = _value(ones, "en") if mark else None
    ten = _CARDINALS["en"].get(tens, 0)
    return (ten + one[0], one[1]) if one and 20 <= ten < 100 and 0 < one[0] < 10 else None


def _kazakh_inflected(norm: str) -> tuple[int, bool] | None:
    """ "үште", "алтыншы", "отыз бесіншіде"; in Russian letters where the word is not Russian."""
    if norm in _KK_NO_NUMBERS:
        return None
    found = _KK_FORMS.fullmatch(norm)
    if found is None:
        return None
    value = _CARDINALS["kk"].get(found["stem"])
    if value is None and may_be_folded(norm):
        value = _KK_FOLDED.get(found["stem"])
    return None if value is None else (value, bool(found["ordinal"]))


def number_value(norm: str, language: str) -> int | None:
    """What a single number word is worth."""
    worth = _value(norm, language)
    return worth[0] if worth else None


def find_numbers(tokens: Sequence[Token], language: str) -> list[Number]:
    """All numbers, spoken ones joined: ``twenty five`` is 25, ``one five`` is 15, ``сто двадцать`` is 120."""
    found: list[Number] = []
    index = 0
    while index < len(tokens):
        number = _written(tokens, index) or _spoken(tokens, index, language)
        if number is None:
            index += 1
        else:
            found.append(number)
            index = number.end
    return found


def _written(tokens: Sequence[Token], start: int) -> Number | None:
    norm = tokens[start].norm
    digits = _DIGITS.match(norm)
    if digits is None:
        return None
    value = min(int(digits.group()), GREATEST)
    if _EN_ORDINAL.fullmatch(norm):
        return Number(value, start, start + 1, str(value), True)
    following = tokens[start + 1] if start + 1 < len(tokens) else None
    hyphened = following and following.start == tokens[start].end + 1 and following.clause != tokens[start].clause
    if following and hyphened and following.norm in _DIGIT_ENDING:
        return Number(value, start, start + 2, digits.group(), True)
    return Number(value, start, start + 1, norm.upper())


def _spoken(tokens: Sequence[Token], start: int, language: str) -> Number | None:
    first = _value(tokens[start].norm, language)
    if first is None:
        return None
    total, ordinal = first
    last, single, end = total, total < 10, start + 1
    while end < len(tokens) and tokens[end].clause == tokens[start].clause and not ordinal:
        after = end + 1 if language == "en" and last == 100 and tokens[end].norm == "and" else end
        worth = _value(tokens[after].norm, language) if after < len(tokens) else None
        if worth is None or total > GREATEST // 10:
            break
        value, ordinal = worth
        joined = _joined(total, last, value, single and not ordinal, language)
        if joined is None:
            ordinal = False
            break
        single = single and value < 10
        total, last, end = joined, value, after + 1
    return Number(total, start, end, str(total), ordinal)


def _joined(total: int, last: int, value: int, single: bool, language: str) -> int | None:
    """A number with one more word of it; None where the word begins another number."""
    if value == 100 and language in {"en", "kk"} and 0 < last < 10:
        return total + last * 99
    if (
        (last >= 100 and 0 < value < 100)
        or (20 <= last < 100 and 0 < value < 10)
        or (last == 10 and 0 < value < 10 and language == "kk")
    ):
        return total + value
    if single and value < 10:
        return total * 10 + value
    if language == "en" and total < 10 and single and 10 <= value < 100:
        return total * 100 + value
    return None
