"""How much silence ends a turn: little after a complete phrase, more where the caller is looking for words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import yaml

from dialogue.errors import ConfigurationError
from dialogue.live.ear import Pace

_WORD = re.compile(r"[^\W_]+(?:['’ʼ][^\W_]+)*")
_LONGEST_ENTRY = 3
"""Words of the longest entry in endings.yaml."""

_DRAWN_OUT = re.compile(r"([а-яәіїєґa-z])\1{2,}$")
_SPELLED_END = re.compile(r"(?:[,:;\-–—…]|\.\.\.)\s*$")

_PHONE_NUMBER = 10
"""Digits from which a number that is dictated in groups counts as whole."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What endings.yaml says of one language."""

    hesitation: frozenset[str]
    unfinished: frozenset[str]
    place: frozenset[str]
    named: frozenset[str]
    owned: frozenset[str]
    answers: frozenset[str]
    units: frozenset[str]
    teens: frozenset[str]
    tens: frozenset[str]
    hundreds: frozenset[str]
    times: frozenset[str]


_NO_WORDS = _Words(*[frozenset()] * len(fields(_Words)))


@cache
def _endings() -> Mapping[str, _Words]:
    path = Path(__file__).with_name("endings.yaml")
    try:
        languages = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {
            language: _Words(*(frozenset(str(entry) for entry in lists[field.name]) for field in fields(_Words)))
            for language, lists in languages.items()
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}.") from error


def end_silence(pace: Pace, text: str | None, language: str, expects_place: bool = False) -> float:
    """How many seconds of silence end the turn.

    Args:
        pace: its bounds.
        text: what was recognised so far; None where nothing is known yet.
        language: ISO 639-1 code of the words; of one without lists only what is written tells.
        expects_place: the caller was asked for an address, in which people pause between street and house.

    Returns:
        ``pace.shortest`` after a complete phrase, ``pace.longest`` after a hesitation or in mid-address,
        ``pace.usual`` where nothing is known, and after a place without a number.
    """
    normal = unicodedata.normalize("NFC", text or "").casefold()
    words = [word.replace("’", "'").replace("ʼ", "'") for word in _WORD.findall(normal)]
    if not words:
        return pace.usual
    lists = _endings().get(language, _NO_WORDS)
    if _SPELLED_END.search(normal) or _DRAWN_OUT.search(words[-1]):
        return pace.longest
    if _wants_more(words, lists) or _is_dictating(words, lists):
        return pace.longest
    if expects_place and " ".join(words) not in lists.answers and not any(_digits(word, lists) for word in words):
        return pace.usual
    return pace.shortest


def _wants_more(words: Sequence[str], lists: _Words) -> bool:
    for length in range(min(_LONGEST_ENTRY, len(words)), 0, -1):
        ending, before = " ".join(words[-length:]), words[:-length]
        if ending in lists.hesitation:
            return True
        if ending in lists.place:
            if ending in lists.named and any(_digits(word, lists) for word in before):
                return False
            return not before or before[-1] not in lists.owned
        if ending in lists.unfinished:
            # A single "there" or "not" is a whole answer more often than a beginning.
            return bool(before)
    return False


def _is_dictating(words: Sequence[str], lists: _Words) -> bool:
    """Whether a number is being given in groups, as telephone numbers are, and is not whole yet."""
    groups = total = 0
    room = 0
    for word in words:
        digits = _digits(word, lists)
        if not digits:
            groups = total = room = 0
        elif word in lists.times:
            groups, total, room = max(groups, 1), total + 2, 3
        elif digits < room:
            # "Twenty" and "five" are one number.
            room = digits
        else:
            groups, total, room = groups + 1, total + digits, 0 if word in lists.teens or word.isdecimal() else digits
    return groups > 1 and total < _PHONE_NUMBER


def _digits(word: str, lists: _Words) -> int:
    """How many digits a word stands for; 0 where it is no number."""
    if any(letter.isdecimal() for letter in word):
        return len(word)
    if word in lists.units:
        return 1
    if word in lists.tens or word in lists.teens:
        return 2
    return 3 if word in lists.hundreds or word in lists.times else 0
