"""Text as recognition of telephone speech gives it: made worse by a known amount, the same way each time.

A stand-in for sound, where there are no recordings: its errors are those that recognisers make on 8 kHz speech, its
word error rate is the one asked for. Labels stay as they are, also where the word that carried one is gone, so what is
measured lies rather below what the same rate costs on real calls, where errors gather in unstressed words.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

DEFAULT_RATE = 0.25
"""Word errors per word, the order of what open recognisers reach on spontaneous telephone speech."""

_ENDINGS: dict[str, tuple[str, ...]] = {
    "ru": ("а", "ы", "и", "у", "е", "ой", "ом", "ами", "ах", "ет", "ит", "ал", "ала", "али", "ют", "ый", "ая", "ого"),
    "kk": ("да", "де", "ды", "ді", "ның", "нің", "ға", "ге", "лар", "лер", "ты", "ті", "ып", "іп", "ады", "еді", "ған"),
    "en": ("s", "ed", "ing", "er", "'s", "ly", ""),
}
_ALIKE: dict[str, tuple[str, ...]] = {
    "ru": ("сшфщ", "пткх", "бдгв", "мнл", "зж", "оа", "еи", "цч"),
    "kk": ("сш", "птқк", "бдғг", "мнңл", "зж", "оұө", "еіи", "аәы"),
    "en": ("sfx", "ptk", "bdg", "mn", "vz", "ei", "ou"),
}
"""Sounds told apart by what lies above 3.4 kHz, or that a telephone line blurs."""

_FILLERS: dict[str, tuple[str, ...]] = {
    "ru": ("ну", "э", "вот", "а", "это", "и", "там"),
    "kk": ("ә", "ал", "енді", "сол", "не", "мына"),
    "en": ("uh", "um", "the", "and", "a", "so"),
}
_LONG = 5
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

Slip = Callable[[list[str], int, str, random.Random], None]


def plain_words(text: str) -> list[str]:
    """The words as a recogniser writes them without any error: lower case, no punctuation."""
    return [part for word in _WORD.findall(text.lower()) for part in word.split("-")]


def degrade(text: str, language: str, rate: float = DEFAULT_RATE, seed: str = "") -> str:
    """Text with ``rate`` word errors per word.

    Args:
        text: what was said.
        language: ``ru``, ``kk`` or ``en``; any other is treated as ``en``.
        rate: 0 to 1.
        seed: the same seed, text and rate give the same words.
    """
    words = plain_words(text)
    dice = random.Random(f"{seed}|{rate}|{text}")  # noqa: S311  # repeatable, not secret
    language = language if language in _ENDINGS else "en"
    budget = rate * len(words)
    due = int(budget) + (dice.random() < budget % 1)
    places = list(range(len(words)))
    dice.shuffle(places)
    planned: dict[int, Slip] = {}
    while due > 0 and places:
        slip, cost = dice.choice([kind for kind, often in _SLIPS.items() if kind[1] <= due for _ in range(often)])
        planned[places.pop()] = slip
        due -= cost
    # From the right, so that words that come or go move no place that is still to be hit.
    for place in sorted(planned, reverse=True):
        planned[place](words, place, language, dice)
    return " ".join(words)


def _drop(words: list[str], place: int, language: str, dice: random.Random) -> None:
    del words[place]


def _other_ending(words: list[str], place: int, language: str, dice: random.Random) -> None:
    word = words[place]
    if len(word) < _LONG or not word.isalpha():
        _mishear(words, place, language, dice)
        return
    stem = word[: -dice.choice((1, 2))]
    words[place] = stem + dice.choice([end for end in _ENDINGS[language] if stem + end != word])


def _mishear(words: list[str], place: int, language: str, dice: random.Random) -> None:
    word = words[place]
    spots = [(at, group) for at, letter in enumerate(word) for group in _ALIKE[language] if letter in group]
    if not spots:
        _drop(words, place, language, dice)
        return
    at, group = dice.choice(spots)
    words[place] = word[:at] + dice.choice([letter for letter in group if letter != word[at]]) + word[at + 1 :]


def _insert(words: list[str], place: int, language: str, dice: random.Random) -> None:
    words.insert(place, dice.choice(_FILLERS[language]))


def _merge(words: list[str], place: int, language: str, dice: random.Random) -> None:
    if place + 1 >= len(words):
        _mishear(words, place, language, dice)
        return
    words[place : place + 2] = [words[place] + words[place + 1]]


def _split(words: list[str], place: int, language: str, dice: random.Random) -> None:
    word = words[place]
    if len(word) < _LONG + 1:
        _mishear(words, place, language, dice)
        return
    at = dice.randint(2, len(word) - 2)
    words[place : place + 1] = [word[:at], word[at:]]


_SLIPS: dict[tuple[Slip, int], int] = {
    (_other_ending, 1): 6,
    (_mishear, 1): 5,
    (_drop, 1): 4,
    (_insert, 1): 2,
    (_merge, 2): 2,
    (_split, 2): 1,
}
"""What happens to a word, with its cost in word errors: how often."""


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Words replaced, left out and put in, at least (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]
