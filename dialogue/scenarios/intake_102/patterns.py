"""The pattern language of the lexicon, compiled once and matched over tokens.

A pattern is items with spaces between: ``word`` (any inflection), ``~word`` (a Russian verb in the present tense),
``=word`` (this form only), ``pre*`` (prefix), ``<num>`` (a number), ``{class}`` (words listed under ``classes``);
alternatives joined by ``|``; ``?item`` may be missing; ``..`` up to three words between; ``!item`` the next word must
not be it. A pattern does not cross the end of a sentence and begins with an item that must be there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dialogue.scenarios.intake_102.morphology import PRESENT, base_forms, entry_forms, spellings
from dialogue.scenarios.intake_102.spelling import folded
from dialogue.scenarios.intake_102.text import Token

_ALTERNATIVE = re.compile(r"<num>|[=~]?[\w-]+|[\w-]{2,}\*")

GAP = 3
"""Words that ``..`` skips at most."""


@dataclass(frozen=True, slots=True)
class Word:
    """A token as one language reads it."""

    token: Token
    forms: frozenset[str]
    spellings: frozenset[str]
    is_number: bool


@dataclass(frozen=True, slots=True)
class _Item:
    forms: frozenset[str] = frozenset()
    surfaces: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    number: bool = False
    optional: bool = False
    gap: bool = False
    forbidden: bool = False

    def accepts(self, word: Word) -> bool:
        return (
            not self.surfaces.isdisjoint(word.spellings)
            or not self.forms.isdisjoint(word.forms)
            or bool(self.prefixes and any(s.startswith(self.prefixes) for s in word.spellings))
            or (self.number and word.is_number)
        )


@dataclass(frozen=True, slots=True)
class Match:
    """A concept found at the words ``start`` to ``end`` (exclusive)."""

    concept: str
    start: int
    end: int


@dataclass(slots=True)
class PatternSet:
    """All patterns of one language, indexed by their first word.

    Args:
        language: ISO 639-1 code that says how words are reduced.
        classes: word lists that patterns name in braces.
    """

    language: str
    classes: Mapping[str, str] = field(default_factory=dict)
    _by_word: dict[str, list[tuple[str, tuple[_Item, ...]]]] = field(default_factory=lambda: defaultdict(list))
    _by_prefix: dict[str, list[tuple[str, tuple[_Item, ...]]]] = field(default_factory=lambda: defaultdict(list))
    _by_number: list[tuple[str, tuple[_Item, ...]]] = field(default_factory=list)

    def add(self, concept: str, pattern: str) -> None:
        """Compile a pattern. Raises ValueError where it is malformed."""
        items = tuple(self._item(source) for source in pattern.split())
        if not items or items[0].optional or items[0].gap or items[0].forbidden:
            raise ValueError(f"a pattern of {concept} begins with nothing to look for: {pattern!r}")
        entry = (concept, items)
        for key in items[0].forms | items[0].surfaces:
            self._by_word[key].append(entry)
        for prefix in items[0].prefixes:
            self._by_prefix[prefix].append(entry)
        if items[0].number:
            self._by_number.append(entry)

    def words(self, tokens: Sequence[Token], numbers: Sequence[bool]) -> list[Word]:
        """Read tokens in this language."""
        return [
            Word(token, base_forms(token.norm, self.language), spellings(token.norm, self.language), number)
            for token, number in zip(tokens, numbers, strict=True)
        ]

    def find(self, words: Sequence[Word]) -> Iterator[Match]:
        """Yield every place where a pattern fits, each pattern once per first word."""
        for start, word in enumerate(words):
            seen: set[int] = set()
            for entry in self._candidates(word):
                if id(entry[1]) in seen:
                    continue
                seen.add(id(entry[1]))
                end = _fit(entry[1], 0, words, start)
                if end is not None:
                    yield Match(entry[0], start, end)

    def _candidates(self, word: Word) -> Iterator[tuple[str, tuple[_Item, ...]]]:
        for form in word.forms | word.spellings:
            if form in self._by_word:
                yield from self._by_word[form]
        for spelling in word.spellings:
            for length in range(2, len(spelling) + 1):
                if spelling[:length] in self._by_prefix:
                    yield from self._by_prefix[spelling[:length]]
        if word.is_number:
            yield from self._by_number

    def _item(self, source: str) -> _Item:
        if source == "..":
            return _Item(gap=True)
        optional, forbidden = source.startswith("?"), source.startswith("!")
        source = source.lstrip("?!")
        while "{" in source:
            name = source[source.index("{") + 1 : source.index("}")]
            if name not in self.classes:
                raise ValueError(f"no class {name!r} in the lexicon for {self.language}")
            source = source.replace("{" + name + "}", self.classes[name])
        alternatives = source.split("|")
        malformed = [a for a in alternatives if not _ALTERNATIVE.fullmatch(a)]
        if malformed:
            raise ValueError(f"{malformed[0]!r} is no word of the pattern language")
        forms: set[str] = set()
        for plain in (a for a in alternatives if a[0] not in "=~<" and not a.endswith("*")):
            forms |= entry_forms(plain, self.language)
        for verb in (a[1:] for a in alternatives if a.startswith("~")):
            forms |= {PRESENT + form for form in entry_forms(verb, self.language)}
        return _Item(
            forms=frozenset(forms),
            surfaces=frozenset(self._as_written(a[1:] for a in alternatives if a.startswith("="))),
            prefixes=tuple(self._as_written(a[:-1] for a in alternatives if a.endswith("*"))),
            number="<num>" in alternatives,
            optional=optional,
            forbidden=forbidden,
        )

    def _as_written(self, spellings_: Iterable[str]) -> Iterator[str]:
        for spelling in spellings_:
            yield spelling
            if self.language == "kk":
                yield folded(spelling)


def _fit(items: Sequence[_Item], index: int, words: Sequence[Word], at: int) -> int | None:
    """End of the shortest fit of ``items[index:]`` at ``at``, or None."""
    if index == len(items):
        return at
    item = items[index]
    # What the first item stands behind is of no account: a pattern may begin where a sentence does.
    sentence = words[at - 1].token.sentence if index else None
    inside = at < len(words) and (sentence is None or words[at].token.sentence == sentence)
    if item.gap:
        for skipped in range(GAP + 1):
            if skipped and (at + skipped > len(words) or words[at + skipped - 1].token.sentence != sentence):
                return None
            end = _fit(items, index + 1, words, at + skipped)
            if end is not None:
                return end
        return None
    if item.forbidden:
        return None if inside and item.accepts(words[at]) else _fit(items, index + 1, words, at)
    if inside and item.accepts(words[at]):
        end = _fit(items, index + 1, words, at + 1)
        if end is not None:
            return end
    return _fit(items, index + 1, words, at) if item.optional else None
