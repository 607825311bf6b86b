"""Text as a person says it: numbers, dates, addresses and abbreviations in words, and nothing that is no speech."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from dialogue.spoken.clean import plain
from dialogue.spoken.english import English
from dialogue.spoken.kazakh import Kazakh
from dialogue.spoken.numerals import cardinal
from dialogue.spoken.reader import Reader
from dialogue.spoken.slavic import Slavic
from dialogue.spoken.tables import LANGUAGES, table

__all__ = ["LANGUAGES", "LONGEST", "load", "spoken"]

LONGEST = 5000
"""Characters of a text that is read, and of what comes out: about six minutes of speech."""


@cache
def _reader(language: str) -> Reader:
    match language:
        case "ru" | "uk":
            return Slavic(language)
        case "kk":
            return Kazakh(language)
        case _:
            return English(language)


@lru_cache(maxsize=2_000)
def spoken(text: str, language: str) -> str:
    """Return a text as a voice is to say it.

    No digit, control character, markup or picture is left of it. Plain words pass as they are. What goes beyond
    `LONGEST` characters is cut off between two words. In a language that is not among `LANGUAGES` digits stay.

    Args:
        text: whatever was to be said.
        language: ISO 639-1 code.
    """
    words = plain(text[:LONGEST])
    if language in LANGUAGES:
        words = _last_digits(_reader(language).read(words), language)
    words = _tidy(words)
    return words if len(words) <= LONGEST else words[: LONGEST + 1].rpartition(" ")[0][:LONGEST]


def load(languages: Iterable[str]) -> None:
    """Load words and dictionaries of languages ahead, so that no call waits for them. Blocking.

    Raises:
        ConfigurationError: a file of words is damaged.
    """
    for language in languages:
        spoken("2 ул. А, в 2", language)


def _last_digits(text: str, language: str) -> str:
    """Name each digit that no rule has read."""

    def name(match: re.Match[str]) -> str:
        return f" {table(language).zero if match[0] == '0' else cardinal(int(match[0]), language)} "

    return re.sub(r"[0-9]", name, text)


def _tidy(text: str) -> str:
    """Turn brackets into pauses and leave one mark where several stand, no space before it."""
    text = re.sub(r"\s*[()\[\]{}]+\s*", ", ", text)
    text = text.replace("№", " ").replace("…", "...").replace("²", " ").replace("³", " ").replace("°", " ")
    text = re.sub(r"(?<=\w)–(?=\w)", " – ", text)
    text = re.sub(r",(?=[^\W\d_])", ", ", text)
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    text = re.sub(r"([,;:])[,;:]+", r"\1", text)
    text = re.sub(r"[,;:]+([.!?])", r"\1", text)
    text = re.sub(r"([.!?])\1{3,}", r"\1\1\1", text)
    text = re.sub(r"([.!?])[,;:]+", r"\1", text)
    return " ".join(text.split()).lstrip(",;:.!?- ").rstrip(",;:- ")
