"""How much silence ends a turn: little after a complete phrase, more where the caller is looking for words."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

from dialogue.errors import ConfigurationError
from dialogue.live.ear import Pace

KINDS = ("hesitation", "unfinished", "place")

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_LONGEST_ENTRY = 3
"""Words of the longest entry in endings.yaml."""

_DRAWN_OUT = re.compile(r"([а-яәіїєґa-z])\1{2,}$")
_SPELLED_END = re.compile(r"[,:;\-–—]\s*$|\.\.\.\s*$|…\s*$")


@cache
def _endings() -> dict[str, dict[str, frozenset[str]]]:
    path = Path(__file__).with_name("endings.yaml")
    try:
        lists = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {
            language: {kind: frozenset(str(entry) for entry in kinds[kind]) for kind in KINDS}
            for language, kinds in lists.items()
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
        ``pace.usual`` where nothing is known.
    """
    if text is None or not text.strip():
        return pace.usual
    words = [word.replace("’", "'") for word in _WORD.findall(text.casefold())]
    if not words:
        return pace.usual
    if is_unfinished(text, words, language):
        return pace.longest
    if expects_place and not _has_number(words) and len(words) > 1:
        return pace.usual
    return pace.shortest


def is_unfinished(text: str, words: list[str], language: str) -> bool:
    """Whether somebody who ends like this goes on.

    Args:
        text: as it was recognised.
        words: its words, in lower case.
        language: ISO 639-1 code.
    """
    if _SPELLED_END.search(text) or _DRAWN_OUT.search(words[-1]):
        return True
    lists = _endings().get(language)
    if lists is None:
        return False
    for length in range(min(_LONGEST_ENTRY, len(words)), 0, -1):
        ending = " ".join(words[-length:])
        if any(ending in lists[kind] for kind in KINDS):
            # A single "there" or "well" is a whole answer more often than a beginning; a hesitation never is.
            return len(words) > length or ending in lists["hesitation"] or ending in lists["place"]
    return False


def _has_number(words: list[str]) -> bool:
    return any(any(letter.isdigit() for letter in word) for word in words)
