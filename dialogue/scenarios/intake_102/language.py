"""Which of the three languages words are in: by letters first, by common words where letters do not tell."""

from __future__ import annotations

from collections.abc import Sequence

from dialogue.scenarios.intake_102.text import Token
from dialogue.scenarios.intake_102.words import word_set

_KAZAKH_LETTERS = frozenset("әғқңөұүһі")
_KAZAKH_WORDS = word_set("common", "kk")
_LEAST_WORDS = 2
"""Words that must speak for a language before a conversation changes to it."""


def scripts(tokens: Sequence[Token]) -> tuple[int, int, int]:
    """Number of words with Cyrillic letters, with Kazakh ones, and with Latin letters only."""
    cyrillic = kazakh = latin = 0
    for token in tokens:
        letters = [c for c in token.norm if c.isalpha()]
        if any("Ѐ" <= c <= "ӿ" for c in letters):
            cyrillic += 1
            kazakh += bool(_KAZAKH_LETTERS.intersection(letters)) or token.norm in _KAZAKH_WORDS
        elif letters and all(c.isascii() for c in letters):
            latin += 1
    return cyrillic, kazakh, latin


def detect(tokens: Sequence[Token], default: str) -> str:
    """ISO 639-1 code of the language of the words; ``default`` where too little speaks for another one."""
    cyrillic, kazakh, latin = scripts(tokens)
    if latin >= _LEAST_WORDS and latin > cyrillic:
        return "en"
    if kazakh >= _LEAST_WORDS and 4 * kazakh >= cyrillic:
        return "kk"
    if cyrillic >= _LEAST_WORDS and cyrillic > latin:
        return "kk" if kazakh and default == "kk" else "ru" if default == "en" or not kazakh else default
    return default


def readings(tokens: Sequence[Token], default: str) -> tuple[str, ...]:
    """Languages whose lexicons are worth trying: callers in Kazakhstan mix Russian into Kazakh."""
    cyrillic, kazakh, latin = scripts(tokens)
    found = []
    if latin:
        found.append("en")
    if cyrillic:
        found.append("ru")
        if kazakh or default == "kk":
            found.append("kk")
    return tuple(found) or (default,)
