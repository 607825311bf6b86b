"""What a caller names only to take it back: "a gun, no wait, it's an umbrella", a weapon in a novel, on a stage.

Cues are looked for in the whole utterance: ``cue_not_so`` spans the thing that is not there or was mistaken
(``cue_toy``: what it was mistaken for); ``cue_harmless`` says what it was instead; ``cue_withdrawn`` calls off what was
said before; ``cue_story`` makes a tale of the call, ``cue_frame`` too unless ``cue_attack`` or something grave stands
beside it; ``cue_genuine`` says that it is no imitation. A ``chore`` is what knives are for, unless the words deny it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING

from dialogue.scenarios.intake_102.patterns import Match
from dialogue.scenarios.intake_102.table import WEAPON_KINDS
from dialogue.scenarios.intake_102.text import Token

if TYPE_CHECKING:
    from dialogue.scenarios.intake_102.reading import Mention

_ARMED = frozenset(WEAPON_KINDS) | {"weapon_in_hand", "shots", "bomb", "stabbing"}
"""What a caller takes back who names a weapon and then says that it is none."""
_GRAVE = frozenset(
    {
        *("injuries", "robbery", "hostage", "threat", "threat_death", "life_threat", "danger_yes", "beating_now"),
        *("beating", "fight", "kidnapping", "sexual", "suicide", "aggressive", "murder"),
        *("burglary_now", "theft_now", "stalking"),
    }
)
"""What does not happen on a stage, in a museum or at a range; a weapon told of beside it is a real one."""
_TURNS = frozenset({"а", "но", "but", "until", "бірақ"})
_TELLS = frozenset(
    {
        *("say", "says", "said", "saying", "swears", "swore", "claims", "claimed", "told", "tells", "insists", "think"),
        *("говорит", "говорят", "сказал", "сказала", "сказали", "кричит", "уверяет", "уверяют", "твердит", "врет"),
        *("дейді", "деді", "айтады"),
    }
)
_TOLD_BEFORE = 3
_NO_CHORE = frozenset({"жоқ", "емес", "тұрмаған", "жармаған", "кеспеген", "турамаған"})
_NEAR = frozenset(
    {
        *("у", "возле", "около", "напротив", "рядом", "перед", "мимо", "near", "outside", "opposite", "behind", "by"),
        *("next", "past", "front"),
    }
)
_NEAR_BEHIND = frozenset({"жанында", "алдында", "маңында", "қасында", "артында", "жақта", "аялдамасында"})
_REFUTES = frozenset({"не", "никакой", "никакая", "никакие", "никакое", "not", "no"})
_BETWEEN = frozenset({"a", "an", "the", "any", "in", "on"})
_IT = frozenset({"it", "that", "this", "they"})
_WAS = frozenset({"is", "was", "are", "were"})
_REFUTES_BEHIND = frozenset({"емес", "ұқсамайды"})


def not_meant(matches: Sequence[Match], tokens: Sequence[Token]) -> tuple[set[int], set[int]]:
    """Tokens that name what is not so, and those of them that speak of no weapon: "I thought it was fireworks".

    Of "I thought the gun was a toy" only the toy is not so. What stands behind "but" is how things really are.
    """
    armed = {i for m in matches if m.concept in WEAPON_KINDS for i in range(m.start, m.end)}
    toys = {i for m in matches if m.concept == "cue_toy" for i in range(m.start, m.end)}
    not_so: set[int] = set()
    mistaken: set[int] = set()
    real: set[int] = set()
    for match in matches:
        if match.concept != "cue_not_so":
            continue
        turn = (i for i in range(match.start, match.end) if tokens[i].norm in _TURNS)
        span = set(range(match.start, next(turn, match.end)))
        if armed.isdisjoint(span):
            mistaken |= span
        elif not toys.isdisjoint(span):
            real |= span & armed
        not_so |= span
    return not_so - real, mistaken


def refuted(cue: Match, tokens: Sequence[Token]) -> bool:
    """Whether the words say that it is no film or toy: "не игрушка", "no toy", "ойыншық емес"."""
    sentence = tokens[cue.start].sentence

    def word(index: int) -> str:
        inside = 0 <= index < len(tokens) and tokens[index].sentence == sentence
        return tokens[index].norm if inside else ""

    before = word(cue.start - 2) if word(cue.start - 1) in _BETWEEN else word(cue.start - 1)
    wrong = word(cue.end) in _IT and word(cue.end + 1) in _WAS and word(cue.end + 2) in _REFUTES
    return wrong or before in _REFUTES or word(cue.end) in _REFUTES_BEHIND


def no_chore(match: Match, tokens: Sequence[Token]) -> bool:
    """Whether a knife is said not to cut bread: "ножом он не хлеб режет"."""
    behind = {t.norm for t in tokens[match.end : match.end + 2] if t.clause == tokens[match.end - 1].clause}
    return any(t.norm in _REFUTES for t in tokens[match.start : match.end]) or not _NO_CHORE.isdisjoint(behind)


def _is_near(cue: Match, tokens: Sequence[Token]) -> bool:
    """Whether a theatre or a range only says where something happens: "outside the theatre"."""
    before = {tokens[i].norm for i in range(max(0, cue.start - 2), cue.start)}
    behind = {tokens[i].norm for i in range(cue.end, min(cue.end + 1, len(tokens)))}
    return not _NEAR.isdisjoint(before | {tokens[cue.start].norm}) or not _NEAR_BEHIND.isdisjoint(behind)


def _as_told(cue: Match, tokens: Sequence[Token]) -> bool:
    """Whether it is what somebody else says: "he says it's a toy"."""
    before = range(max(0, cue.start - _TOLD_BEFORE), cue.start)
    return any(tokens[i].norm in _TELLS and tokens[i].sentence == tokens[cue.start].sentence for i in before)


def taken_back(
    found: Sequence[Mention], matches: Sequence[Match], tokens: Sequence[Token], not_so: Set[int]
) -> list[Mention]:
    """Weapons that the caller names only to say what it was instead, or in a call about a book, a stage or a range."""
    things = [m for m in found if m.concept in WEAPON_KINDS]

    def of(concept: str) -> list[Match]:
        return [m for m in matches if m.concept == concept and not_so.isdisjoint(range(m.start, m.end))]

    harmless = max(
        (m.start for m in of("cue_harmless") if not refuted(m, tokens) and not _as_told(m, tokens)), default=-1
    )
    withdrawn = max((m.end for m in of("cue_withdrawn")), default=-1)
    story = [m for m in of("cue_story") if not refuted(m, tokens)]
    turned = any(t.start >= m.end for m in story for t in of("cue_turning"))
    grave = bool(of("cue_attack")) or any(m.concept in _GRAVE and m.meant for m in found)
    framed = not of("cue_real") and (
        bool(story and not turned)
        or (not grave and any(not refuted(m, tokens) and not _is_near(m, tokens) for m in of("cue_frame")))
    )

    def untrue(mention: Mention) -> bool:
        return framed or mention.end <= harmless or mention.start < withdrawn

    def denied(mention: Mention) -> bool:
        if not_so.isdisjoint(range(mention.start, mention.end)):
            return False
        inside = [t for t in things if mention.start <= t.start and t.end <= mention.end]
        return not inside or any(not not_so.isdisjoint(range(t.start, t.end)) for t in inside)

    genuine = {i for m in matches if m.concept == "cue_genuine" for i in range(m.start, m.end)}
    taken = []
    for mention in found:
        if mention.concept in _ARMED:
            if not genuine.isdisjoint(range(mention.start, mention.end)):
                mention = replace(mention, denied=False, fiction=False)
            elif denied(mention):
                mention = replace(mention, denied=True)
            elif untrue(mention):
                mention = replace(mention, fiction=True)
        taken.append(mention)
    return taken
