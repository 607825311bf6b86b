"""Base forms of words, so that a lexicon entry finds its inflections.

Russian has pymorphy3, English the Snowball stemmer. For Kazakh no maintained library exists that installs without a
compiler: its suffixes are stripped here by a closed list, every intermediate form counting as a possible stem.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import pymorphy3  # type: ignore[import-untyped]
import snowballstemmer  # type: ignore[import-untyped]

from dialogue.scenarios.intake_102.spelling import FOLD_MARK, folded, may_be_folded, repaired
from dialogue.scenarios.intake_102.words import ordered

_LEAST_SCORE = 0.08
"""Readings that pymorphy3 holds less likely than this are left out: they match what nobody meant."""

_KAZAKH_SUFFIXES = tuple(
    dict.fromkeys(s for suffix in ordered("suffixes", "kk") for s in (suffix, folded(suffix).removeprefix(FOLD_MARK)))
)
PRESENT = "~"
"""Mark of a verb that goes on now."""

_CYRILLIC = re.compile(r"[Ѐ-ӿ]+(?:-[Ѐ-ӿ]+)*")
"""What pymorphy3 is asked about: on digits of other scripts and the like it raises."""

_KAZAKH_SHORTEST = 3
_KAZAKH_DEPTH = 4
_VOICELESS = {"ғ": "қ", "г": "к", "б": "п"}

_russian = pymorphy3.MorphAnalyzer(lang="ru")
_english = snowballstemmer.stemmer("english")


def _parses(word: str) -> list[Any]:
    return list(_russian.parse(word)) if _CYRILLIC.fullmatch(word) else []


@lru_cache(maxsize=50_000)
def base_forms(word: str, language: str) -> frozenset[str]:
    """Possible base forms of a normalised word in ``ru``, ``kk`` or ``en``; the word itself is among them."""
    if language == "ru":
        return frozenset({word}).union(*(_russian_forms(spelling) for spelling in (word, *repaired(word))))
    if language == "kk":
        forms = _kazakh(word)
        return forms | {folded(form) for form in forms} if may_be_folded(word) else forms
    return frozenset({word, _english.stemWord(word)})


@lru_cache(maxsize=50_000)
def spellings(word: str, language: str) -> frozenset[str]:
    """The word as it is and as it may have been meant, where it is misspelt."""
    if language == "ru":
        return frozenset({word, *repaired(word)})
    if language == "kk" and may_be_folded(word):
        return frozenset({word, folded(word)})
    return frozenset({word})


def _russian_forms(word: str) -> set[str]:
    """Likely dictionary forms; those of verbs in the present tense a second time with ``PRESENT`` before."""
    found = set()
    for parse in _parses(word):
        if parse.score >= _LEAST_SCORE:
            form = parse.normal_form.replace("ё", "е")
            found.add(form)
            if "pres" in parse.tag.grammemes:
                found.add(PRESENT + form)
    return found


@lru_cache(maxsize=10_000)
def entry_forms(word: str, language: str) -> frozenset[str]:
    """Forms under which a lexicon entry is found: only its dictionary form, not homographs of an inflection."""
    if language == "ru":
        forms = [p.normal_form.replace("ё", "е") for p in _parses(word)]
        return frozenset({word} if word in forms else {word, *forms[:1]})
    if language == "kk":
        return frozenset({word, folded(word)})
    return frozenset({_english.stemWord(word)})


@lru_cache(maxsize=10_000)
def is_geographic(word: str) -> bool:
    """Whether a Russian word reads as a place name or a person's name, as streets are called."""
    return any(
        not {"Geox", "Name", "Surn"}.isdisjoint(p.tag.grammemes) and p.score >= _LEAST_SCORE for p in _parses(word)
    )


@lru_cache(maxsize=10_000)
def is_surname(word: str) -> bool:
    """Whether a Russian word reads as a place name or a surname."""
    return any(not {"Geox", "Surn"}.isdisjoint(p.tag.grammemes) and p.score >= _LEAST_SCORE for p in _parses(word))


@lru_cache(maxsize=10_000)
def is_first_name(word: str) -> bool:
    """Whether a Russian word is a first name in the nominative, as shops are called."""
    known = _russian.word_is_known(word)
    return known and any("Name" in p.tag.grammemes and p.normal_form == word for p in _parses(word)[:1])


@lru_cache(maxsize=10_000)
def is_genitive_name(word: str) -> bool:
    """Whether a Russian word is most likely somebody's or a place's name in the genitive: "на Сейфуллина"."""
    return any(
        {"gent"} < set(p.tag.grammemes) and not {"Surn", "Geox"}.isdisjoint(p.tag.grammemes) for p in _parses(word)[:3]
    )


@lru_cache(maxsize=10_000)
def is_adjective(word: str) -> bool:
    """Whether a Russian word reads as a full adjective."""
    return any("ADJF" in p.tag.grammemes and p.score >= _LEAST_SCORE for p in _parses(word))


@lru_cache(maxsize=10_000)
def is_genitive(word: str) -> bool:
    """Whether a Russian word can stand in the genitive, as what is denied by "нет" does."""
    return any(not {"gent", "gen2"}.isdisjoint(p.tag.grammemes) for p in _parses(word))


@lru_cache(maxsize=10_000)
def is_plural(word: str) -> bool:
    """Whether a Russian word most likely stands in the plural."""
    return any("plur" in p.tag.grammemes for p in _parses(word)[:1])


def _kazakh(word: str) -> frozenset[str]:
    found = {word}
    edge = {word}
    for _ in range(_KAZAKH_DEPTH):
        edge = {
            form.removesuffix(suffix)
            for form in edge
            for suffix in _KAZAKH_SUFFIXES
            if form.endswith(suffix) and len(form) - len(suffix) >= _KAZAKH_SHORTEST
        } - found
        found |= edge
    return frozenset(found | {form[:-1] + _VOICELESS[form[-1]] for form in found if form[-1] in _VOICELESS})
