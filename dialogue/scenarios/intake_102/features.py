"""What the trained classifier sees of a call: words, pairs of words, letters, and what the rules made of them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dialogue.scenarios.intake_102.morphology import PRESENT, base_forms
from dialogue.scenarios.intake_102.reading import Mention, Reading
from dialogue.scenarios.intake_102.schema import IncidentReport
from dialogue.scenarios.intake_102.spelling import FOLD_MARK

_LETTERS = (3, 4, 5)
"""Lengths of the runs of letters that are taken out of a word."""

_STATES = ("denied", "past", "live", "fiction", "supposed", "uncertain", "meant")
_CONCLUDED = (
    "urgency",
    "category",
    "weapons",
    "current_danger",
    "recommended_department",
    "injuries",
    "suspect_present",
    "in_progress",
)
_EDGE = "^"
_WORDS_PER_STEP = 4
_STEPS = 5
NOWHERE = -1
"""Place of a feature that rests on no particular word."""


class Block(IntEnum):
    """A family of features; each is brought to the same length, however long the call."""

    WORDS = 0
    PAIRS = 1
    LETTERS = 2
    RULES = 3


@dataclass(frozen=True, slots=True)
class Features:
    """Every occurrence of a feature in a call, in three arrays of the same length.

    Args:
        keys: CRC-32 of the feature's name.
        blocks: its family.
        places: number of the word it rests on, counted through the whole call, or ``NOWHERE``.
    """

    keys: NDArray[np.uint32]
    blocks: NDArray[np.uint8]
    places: NDArray[np.int32]

    def without(self, words: NDArray[np.bool_]) -> Features:
        """The same call without what rests on some of its words.

        Args:
            words: for each word of the call, whether it is left out.
        """
        kept = ~(words[self.places] & (self.places != NOWHERE))
        return Features(self.keys[kept], self.blocks[kept], self.places[kept])


@lru_cache(maxsize=200_000)
def key(block: Block, name: str) -> int:
    """The number a feature is known by."""
    return zlib.crc32(f"{block.value}:{name}".encode())


def extract(readings: Sequence[Reading], found: IncidentReport, guessed: bool) -> Features:
    """Features of a whole call.

    Args:
        readings: everything the caller said.
        found: what the rules concluded from it.
        guessed: whether they only guessed the kind of incident.
    """
    rows: list[tuple[int, int, int]] = []
    first = 0
    for reading in readings:
        rows += _of_words(reading, first)
        for mention in reading.mentions:
            rows += ((key(Block.RULES, name), Block.RULES, first + mention.start) for name in _of_mention(mention))
        rows.append((key(Block.RULES, f"language {reading.language}"), Block.RULES, NOWHERE))
        first += len(reading.tokens)
    rows += ((key(Block.RULES, name), Block.RULES, NOWHERE) for name in _of_report(found, guessed))
    rows.append((key(Block.RULES, f"length {min(_STEPS, first // _WORDS_PER_STEP)}"), Block.RULES, NOWHERE))
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Features(table[:, 0].astype(np.uint32), table[:, 1].astype(np.uint8), table[:, 2].astype(np.int32))


def _of_words(reading: Reading, first: int) -> list[tuple[int, int, int]]:
    rows: list[tuple[int, int, int]] = []
    surface, main = _EDGE, _EDGE
    for place, token in enumerate(reading.tokens, first):
        words, letters, form = _of_word(token.norm, reading.languages)
        rows += ((one, Block.WORDS, place) for one in words)
        rows += ((one, Block.LETTERS, place) for one in letters)
        rows.append((key(Block.PAIRS, f"{main} {form}"), Block.PAIRS, place))
        rows.append((key(Block.PAIRS, f"={surface} {token.norm}"), Block.PAIRS, place))
        surface, main = token.norm, form
    if reading.tokens:
        last = first + len(reading.tokens) - 1
        rows.append((key(Block.PAIRS, f"{main} {_EDGE}"), Block.PAIRS, last))
        rows.append((key(Block.PAIRS, f"={surface} {_EDGE}"), Block.PAIRS, last))
    return rows


@lru_cache(maxsize=50_000)
def _of_word(word: str, languages: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """Keys of a word's base forms and of its runs of letters, and the base form that pairs are made of."""
    forms = frozenset[str]().union(*(base_forms(word, language) for language in languages))
    framed = f"<{word}>"
    runs = {framed[at : at + size] for size in _LETTERS for at in range(len(framed) - size + 1)}
    plain = [form for form in forms if form[0] not in PRESENT + FOLD_MARK]
    return (
        tuple(key(Block.WORDS, form) for form in sorted(forms)),
        tuple(key(Block.LETTERS, run) for run in sorted(runs)),
        min(plain, key=lambda form: (len(form), form)),
    )


def _of_mention(mention: Mention) -> list[str]:
    """A concept, and how it is meant."""
    states = [state for state in _STATES if getattr(mention, state)]
    if mention.meant and not mention.past:
        states.append("now")
    return [mention.concept, *(f"{mention.concept} {state}" for state in states), *(f"any {state}" for state in states)]


def _of_report(found: IncidentReport, guessed: bool) -> list[str]:
    """What the rules concluded, each field with whether they guessed."""
    names = [f"guessed {guessed}", f"{found.urgency} {found.category}", f"{found.urgency} {found.category} {guessed}"]
    for field in _CONCLUDED:
        names += (f"{field} {getattr(found, field)}", f"{field} {getattr(found, field)} {guessed}")
    return names
