"""What the words around a number ask of it, in Russian and Ukrainian, by pymorphy3 and its dictionaries."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import pymorphy3  # type: ignore[import-untyped]

from dialogue.spoken.tables import table

_GENDERS = {"masc": "m", "femn": "f", "neut": "n"}
_CASES = {"nomn": "n", "gent": "g", "datv": "d", "accs": "a", "ablt": "i", "loct": "p"}
_GRAMMEMES = {case: grammeme for grammeme, case in _CASES.items()}
_WORD = re.compile(r"[Ѐ-ӿ]+(?:['-][Ѐ-ӿ]+)*")
_LIKELY = 0.05
"""Readings that pymorphy3 holds less likely than this are left out."""


@cache
def _analyser(language: str) -> Any:
    return pymorphy3.MorphAnalyzer(lang=language)


@lru_cache(maxsize=20_000)
def _readings(word: str, language: str) -> tuple[Any, ...]:
    if not _WORD.fullmatch(word):
        return ()
    found = _analyser(language).parse(word.lower())
    return tuple(p for p in found if p.score >= _LIKELY and ("NOUN" in p.tag or "ADJF" in p.tag or "PRTF" in p.tag))


@lru_cache(maxsize=20_000)
def gender_of(word: str, language: str) -> str:
    """Gender (m, f, n) of a noun in whatever form; m where it cannot be told."""
    for reading in _readings(word, language):
        if "NOUN" in reading.tag:
            return _GENDERS.get(str(reading.normalized.tag.gender), "m")
    return "m"


@lru_cache(maxsize=20_000)
def case_of(word: str, language: str) -> str:
    """The case (d, i, p or a) a word can only stand in, which a number before it then shares; else empty."""
    found = {_CASES[str(r.tag.case)] for r in _readings(word, language) if str(r.tag.case) in _CASES}
    if len(found) == 1 and not found.isdisjoint("dipa"):
        return found.pop()
    # "одну минуту": an accusative of its own form.
    return "a" if found == {"a"} else ""


@lru_cache(maxsize=5_000)
def inflected(word: str, case: str, language: str, number: str = "sing") -> str:
    """A noun or adjective in a case, singular or plural; as it is where it has none. Its first letter keeps its size.

    Args:
        word: in the nominative singular.
        case: n, g, d, a, i or p.
        language: ``ru`` or ``uk``.
        number: ``sing`` or ``plur``.
    """
    for reading in _readings(word, language):
        tag = reading.tag
        # The Ukrainian dictionary leaves some nominatives without a mark.
        if tag.case not in {"nomn", None} or "plur" in tag:
            continue
        wanted = {_GRAMMEMES[case], number}
        if number == "sing" and language == "uk":
            # Its dictionary marks the plural only; the gender stands for the singular.
            wanted = {_GRAMMEMES[case], str(tag.gender)}
        changed = reading.inflect(wanted)
        if changed is not None:
            form = str(changed.word)
            return form.capitalize() if word[:1].isupper() else form
    return word


def is_adjective(word: str, gender: str, language: str) -> bool:
    """Whether a word is most likely an adjective in the nominative of this gender."""
    return any(
        "ADJF" in r.tag and "nomn" in r.tag and _GENDERS.get(str(r.tag.gender)) == gender
        for r in _readings(word, language)[: 1 if language == "ru" else None]
    )


def governed(before: str, language: str) -> str:
    """The case (g, d, p, i, a) that the words before a place ask for; n where they ask for none.

    Args:
        before: the text up to it.
        language: ``ru`` or ``uk``.
    """
    words = re.findall(r"[\w'-]+", before[-40:].lower())
    # A comma or a full stop ends what a preposition governs.
    if not words or not re.search(r"[\w'-]\s*$", before):
        return "n"
    for case, known in table(language).cases.items():
        if words[-1] in known and " ".join(words[-2:]) not in table(language).cases["i"]:
            return case
        if " ".join(words[-2:]) in known:
            return case
    return "n"
