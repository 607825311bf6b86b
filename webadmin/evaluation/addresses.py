"""Whether two addresses mean the same place, by the rule in ``tests/evals/intake_102/README.md``."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import yaml

from dialogue.scenarios.intake_102.numbers import find_numbers
from dialogue.scenarios.intake_102.text import clean, tokenise
from dialogue.scenarios.intake_102.words import LANGUAGES

_SHARED = 0.6
"""Part of the longer of two words that their common beginning must have."""

_SHORTEST = 4
"""Letters from which a word may have another ending."""

_ORDINAL = re.compile(r"(\d+)(?:-(?:[йяе]|м)|-?(?:го|му|ой|ый|ая|ое|ом|ші|шы|інші|ыншы|нші|ншы|th|st|nd|rd))\b")
_HOUSE_LETTER = re.compile(r"(\d+)[\s-]*([^\W\d_])\b")
_LATIN = str.maketrans("abcekmhoptx", "абсекмнортх")
"""Letters of house numbers that look alike in both alphabets."""

_WORDS: dict[str, str] = yaml.safe_load(Path(__file__).with_name("address_words.yaml").read_text(encoding="utf-8"))
_KINDS, _LITTLE = (frozenset(_WORDS[name].split()) for name in ("kinds", "little"))


@lru_cache(maxsize=4096)
def parts(address: str, language: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return an address's numbers, with house letters, and its words without those for kinds of places."""
    text = clean(address).casefold().replace("ё", "е").replace("№", " ")
    text = _ORDINAL.sub(r"\1 ", _in_digits(text, language if language in LANGUAGES else "ru"))
    numbers: list[str] = []

    def keep(found: re.Match[str]) -> str:
        numbers.append(found[1] + found[2].translate(_LATIN))
        return " "

    rest = _HOUSE_LETTER.sub(keep, text)
    words = [word.strip("_") for word in re.findall(r"\w+", rest)]
    numbers += [str(int(word)) for word in words if word.isdecimal()]
    names = [word for word in words if word and not word.isdecimal()]
    own = [word for word in names if word not in _KINDS and word not in _LITTLE]
    return frozenset(numbers), tuple(own or ([] if numbers else names))


def same_place(wanted: str, given: str, language: str) -> bool:
    """Whether an answer names the labelled place.

    Args:
        wanted: the label's form.
        given: the answer; it may say more (a city, a landmark) but no other number.
        language: the caller's, in which number words are read.
    """
    numbers, words = parts(wanted, language)
    given_numbers, given_words = parts(given, language)
    return numbers == given_numbers and all(any(alike(word, other) for other in given_words) for word in words)


def _in_digits(text: str, language: str) -> str:
    """The text with spoken numbers as digits."""
    tokens = tokenise(text)
    pieces, position = [], 0
    for number in find_numbers(tokens, language):
        first, last = tokens[number.start], tokens[number.end - 1]
        if not first.norm[0].isdigit():
            pieces += [text[position : first.start], str(number.value)]
            position = last.end
    return "".join([*pieces, text[position:]])


def alike(one: str, other: str) -> bool:
    """Whether two words are one name with other endings."""
    if one == other:
        return True
    if min(len(one), len(other)) < _SHORTEST:
        return False
    shared = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return shared >= _SHARED * max(len(one), len(other))
