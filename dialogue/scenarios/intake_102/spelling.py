"""Other ways to read a word that a recogniser or a hurried writer misspelt.

Only words that no dictionary knows are repaired, and only by changes that a recogniser makes: a preposition that ran
into its word, vowels and consonants that sound alike, a letter doubled or lost, a soft sign. Kazakh is compared with
its own letters folded into Russian ones, as many write it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pymorphy3  # type: ignore[import-untyped]

_SHORTEST = 5
"""Letters of a word that is repaired; shorter ones have too many neighbours."""

_MERGED = ("в", "с", "на", "под", "из", "за", "по", "не", "у", "от", "до", "во", "со", "ко", "к", "об", "при")
_MERGED_REST = 4
_ALIKE = {
    "а": "о",
    "о": "а",
    "и": "еяы",
    "е": "ия",
    "я": "еи",
    "ы": "и",
    "б": "п",
    "п": "б",
    "д": "т",
    "т": "д",
    "з": "с",
    "с": "з",
    "ж": "ш",
    "ш": "жщ",
    "щ": "ш",
    "г": "кв",
    "к": "г",
    "в": "ф",
    "ф": "в",
    "у": "ю",
    "ю": "у",
}
_SOFT = "ь"
_FOLDED = str.maketrans("әғқңөұүһі", "агкноуухи")
FOLD_MARK = "°"
"""Put before a folded form, so that it never meets a word in its own letters."""

_russian = pymorphy3.MorphAnalyzer(lang="ru")


@lru_cache(maxsize=50_000)
def is_russian(word: str) -> bool:
    """Whether the Russian dictionary has a word in this very form."""
    return bool(_russian.word_is_known(word))


@lru_cache(maxsize=10_000)
def repaired(word: str) -> tuple[str, ...]:
    """Known Russian words that a normalised unknown word may stand for; none where it is known or too short."""
    if len(word) < _SHORTEST or not word.isalpha() or not "а" <= word[0] <= "я" or is_russian(word):
        return ()
    for head in _MERGED:
        rest = word.removeprefix(head)
        if rest != word and len(rest) >= _MERGED_REST and is_russian(rest):
            return (rest,)
    return tuple(dict.fromkeys(c for c in _neighbours(word) if is_russian(c)))


def folded(word: str) -> str:
    """A Kazakh word in Russian letters, marked as such."""
    return FOLD_MARK + word.translate(_FOLDED)


def may_be_folded(word: str) -> bool:
    """Whether a word may be Kazakh in Russian letters: it has no Kazakh letter and is no Russian word."""
    return word.translate(_FOLDED) == word and not is_russian(word)


def _neighbours(word: str) -> Iterator[str]:
    for index, letter in enumerate(word):
        before, after = word[:index], word[index + 1 :]
        for other in _ALIKE.get(letter, ""):
            yield before + other + after
        yield before + after
        yield before + letter + letter + after
        yield before + letter + _SOFT + after
        if after and after[0] != letter:
            yield before + after[0] + letter + after[1:]
    if word.endswith(("тся", "ца")):
        yield word.removesuffix("ца").removesuffix("тся") + "ться"
        yield word.removesuffix("ца") + "тся"
