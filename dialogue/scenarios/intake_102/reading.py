"""One utterance read: which concepts it mentions, and how each is meant.

A mention may be denied, long ago, out of a film, supposed or uncertain. Cues are looked for near the mention and
within its sentence; where cues disagree, the reading under which somebody is in danger wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain

from dialogue.scenarios.intake_102 import lexicon
from dialogue.scenarios.intake_102.language import detect, readings
from dialogue.scenarios.intake_102.morphology import is_genitive
from dialogue.scenarios.intake_102.numbers import Number, find_numbers
from dialogue.scenarios.intake_102.patterns import Match
from dialogue.scenarios.intake_102.table import CUES, WEAPON_KINDS
from dialogue.scenarios.intake_102.text import Token, clean, tokenise
from dialogue.scenarios.intake_102.withdrawn import no_chore, not_meant, refuted, taken_back

_THINGS = frozenset(WEAPON_KINDS) | {"injuries"}
"""Things: between "no" and a thing more words may stand than between "not" and a deed."""

_DENIAL_BEFORE = {"en": 2, "ru": 1, "kk": 2}
_DENIAL_BEFORE_THING = {"en": 4, "ru": 3, "kk": 2}
_DENIAL_AFTER = {"ru": 0, "kk": 0}
_DENIAL_AFTER_THING = {"ru": 2, "kk": 1}
_ADJACENT_DENIALS = frozenset({"нет", "нету", "ни"})
"""Words that deny only what they stand before: "нет, он с ножом" denies nothing."""

_TIME_REACH = 10
_FICTION_REACH = 8
_SUPPOSED_REACH = 5
_UNCERTAIN_REACH = 6
_CALM = frozenset({"danger_no", "offender_gone"})
_NEVER_FICTION = frozenset(
    {
        "information",
        "complaint",
        "lost_documents",
        "wrong_number",
        "noise",
        "parking",
        "utility",
        "wants_person",
        "not_person",
        "answer_yes",
        "answer_no",
        "do_not_know",
        "domestic",
        "elder",
        "cannot_talk",
        "people_inside",
        "offender_near",
    }
)
_INHERENTLY_DENIED = frozenset(
    {"no_injuries", "nobody_inside", "danger_no", "do_not_know", "wants_person", "answer_no"}
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A concept in an utterance.

    Args:
        concept: its name in the lexicon.
        turn: number of the turn it was said in.
        start: index of its first token.
        end: index behind its last token.
        words: the caller's exact words.
        language: of the lexicon that found it.
        denied: the words say that it is not so.
        past: long before the call.
        live: at the moment of the call.
        fiction: a film, a toy, a dream, an exercise.
        supposed: a "what if".
        uncertain: the caller does not know.
    """

    concept: str
    turn: int
    start: int
    end: int
    words: str
    language: str
    denied: bool = False
    past: bool = False
    live: bool = False
    fiction: bool = False
    supposed: bool = False
    uncertain: bool = False

    @property
    def meant(self) -> bool:
        """Whether the caller says that it is or was so."""
        return not (self.denied or self.fiction or self.supposed or self.uncertain)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one utterance says.

    Args:
        turn: its number.
        text: cleaned words.
        language: ISO 639-1 code.
        languages: those whose lexicons were tried.
        tokens: its words.
        numbers: numbers per language tried.
        mentions: concepts found, in order.
    """

    turn: int
    text: str
    language: str
    languages: tuple[str, ...]
    tokens: tuple[Token, ...]
    numbers: dict[str, list[Number]]
    mentions: tuple[Mention, ...]

    def words(self, start: int, end: int) -> str:
        """The caller's exact words from token ``start`` to ``end`` (exclusive)."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""

    def has(self, concept: str) -> bool:
        """Whether the concept is mentioned at all."""
        return any(m.concept == concept for m in self.mentions)


def read(text: str, turn: int, default_language: str) -> Reading:
    """Read an utterance. Whatever the text, this returns."""
    cleaned = clean(text)
    tokens = tokenise(cleaned)
    languages = readings(tokens, default_language)
    numbers = {language: find_numbers(tokens, language) for language in languages}
    matches: dict[str, list[Match]] = {}
    for language in languages:
        patterns = lexicon.load(language)
        numeric = {i for number in numbers[language] for i in range(number.start, number.end)}
        words = patterns.words(tokens, [i in numeric for i in range(len(tokens))])
        matches[language] = list(patterns.find(words))
    every = list(chain.from_iterable(matches.values()))
    not_so, mistaken = not_meant(every, tokens)
    found: list[Mention] = []
    for language in languages:
        found += _scoped(matches[language], tokens, language, cleaned, turn, not_so, mistaken)
    found = [_as_its_holder(m, found) for m in found]
    found = taken_back(found, every, tokens, not_so)
    found.sort(key=lambda m: (m.start, m.end, m.concept))
    return Reading(
        turn, cleaned, detect(tokens, default_language), languages, tuple(tokens), numbers, tuple(dict.fromkeys(found))
    )


def _as_its_holder(mention: Mention, found: Sequence[Mention]) -> Mention:
    """A weapon is as long ago as the hand that held it: the cue may stand nearer to the holder."""
    if mention.concept not in WEAPON_KINDS:
        return mention
    holders = [m for m in found if m.concept == "weapon_in_hand" and m.start <= mention.start and mention.end <= m.end]
    return replace(mention, past=True) if holders and all(m.past for m in holders) else mention


def _scoped(
    matches: Sequence[Match],
    tokens: Sequence[Token],
    language: str,
    text: str,
    turn: int,
    not_so: Set[int],
    mistaken: Set[int],
) -> Iterable[Mention]:
    sayings = [
        range(m.start, m.end)
        for m in matches
        if m.concept == "idiom" or (m.concept == "chore" and not no_chore(m, tokens))
    ]
    idioms = {i for saying in sayings if mistaken.isdisjoint(saying) for i in saying}
    calm = {i for m in matches if m.concept in _CALM for i in range(m.start - 1, m.end + 1)}
    cues = {name: [m for m in matches if m.concept == name] for name in CUES}
    # "Now it is fine" says that it is over, not that it goes on.
    cues["cue_live"] = [c for c in cues["cue_live"] if c.start not in calm]
    invented = [c for c in cues["cue_fiction"] if not_so.isdisjoint(range(c.start, c.end))]
    cues["cue_fiction"] = [c for c in invented if not refuted(c, tokens)]
    cues["cue_real"] += [c for c in invented if refuted(c, tokens)]
    for match in matches:
        if (
            match.concept in CUES
            or match.concept in {"idiom", "chore"}
            or not idioms.isdisjoint(range(match.start, match.end))
        ):
            continue
        scope = _Scope(match, cues, tokens, language)
        yield Mention(
            match.concept,
            turn,
            match.start,
            match.end,
            text[tokens[match.start].start : tokens[match.end - 1].end],
            language,
            denied=scope.denied(),
            past=scope.past(),
            live=scope.live(),
            fiction=scope.fiction(),
            supposed=scope.supposed(),
            uncertain=scope.uncertain(),
        )


@dataclass(frozen=True, slots=True)
class _Scope:
    """How one match is meant, from the cues around it."""

    match: Match
    cues: dict[str, list[Match]]
    tokens: Sequence[Token]
    language: str

    def near(self, cue: str, reach: int) -> list[Match]:
        """Cues of a kind in the match's sentence, at most ``reach`` words away."""
        sentence = self.tokens[self.match.start].sentence
        return [c for c in self.cues[cue] if self.tokens[c.start].sentence == sentence and self._distance(c) <= reach]

    def denied(self) -> bool:
        if self.match.concept in _INHERENTLY_DENIED:
            return False
        thing = self.match.concept in _THINGS
        before = (_DENIAL_BEFORE_THING if thing else _DENIAL_BEFORE)[self.language]
        after = (_DENIAL_AFTER_THING if thing else _DENIAL_AFTER).get(self.language, -1)
        if self.match.concept == "weapon_in_hand" and self._denied_within():
            return True
        return any(self._denies_from_before(c, before) for c in self.cues["cue_negation_before"]) or any(
            self._denies_from_behind(c, after) for c in self.cues["cue_negation_after"]
        )

    def past(self) -> bool:
        """Whether the nearest word about time puts it long ago; at the same distance "now" wins."""
        past = [self._distance(c) for c in self.near("cue_past", _TIME_REACH)]
        live = [self._distance(c) for c in self.near("cue_live", _TIME_REACH)]
        return bool(past) and (not live or min(past) < min(live))

    def live(self) -> bool:
        return bool(self.near("cue_live", _TIME_REACH)) and not self.past()

    def fiction(self) -> bool:
        if self.match.concept in _NEVER_FICTION:
            return False
        cues = [c for c in self.near("cue_fiction", _FICTION_REACH) if not self._turn_between(c)]
        return bool(cues) and not self.near("cue_real", _FICTION_REACH)

    def supposed(self) -> bool:
        return any(c.start <= self.match.start for c in self.near("cue_hypothetical", _SUPPOSED_REACH))

    def uncertain(self) -> bool:
        if self.match.concept not in _THINGS | {"weapon_in_hand"}:
            return False
        return any(
            self.tokens[c.end - 1].clause == self.tokens[self.match.start].clause
            for c in self.near("cue_uncertain", _UNCERTAIN_REACH)
        )

    def _distance(self, cue: Match) -> int:
        if cue.end <= self.match.start:
            return self.match.start - cue.end
        return max(0, cue.start - self.match.end)

    def _turn_between(self, cue: Match) -> bool:
        """Whether the sentence turns ("when suddenly") between a cue and the match behind it."""
        return cue.end <= self.match.start and any(
            cue.end - 1 <= c.start < self.match.start for c in self.cues["cue_turning"]
        )

    def _denied_within(self) -> bool:
        """Whether the denial stands between who has a weapon and the weapon: "у него нет ножа"."""
        last = self.tokens[self.match.end - 1]
        return any(
            self.match.start < c.start < self.match.end and self._fits_adjacent(c, last)
            for c in self.cues["cue_negation_before"]
        )

    def _fits_adjacent(self, cue: Match, last: Token) -> bool:
        """Whether "нет" denies the thing: "нет ножа" does, "нет, нож" does not."""
        return self.tokens[cue.start].norm not in _ADJACENT_DENIALS or is_genitive(last.norm)

    def _denies_from_before(self, cue: Match, reach: int) -> bool:
        norm = self.tokens[cue.start].norm
        if norm in _ADJACENT_DENIALS:
            reach = 0
        distance = self.match.start - cue.end
        clause = self.tokens[self.match.start].clause
        last = self.tokens[self.match.end - 1]
        near = 0 <= distance < max(reach, 1) and self.tokens[cue.start].clause == clause
        return near and (self.language != "ru" or self._fits_adjacent(cue, last))

    def _denies_from_behind(self, cue: Match, reach: int) -> bool:
        distance = cue.start - self.match.end
        last = self.tokens[self.match.end - 1]
        if not 0 <= distance <= reach or self.tokens[cue.start].clause != last.clause:
            return False
        return self.language != "ru" or is_genitive(last.norm)


def mentioned(readings_: Iterable[Reading], concept: str) -> list[Mention]:
    """Every mention of a concept that is meant, in order."""
    return [m for m in chain.from_iterable(r.mentions for r in readings_) if m.concept == concept and m.meant]
