"""From mentions to an incident, without a model: the floor under whatever a model says, and the answer without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from dialogue.scenarios.intake_102 import slots
from dialogue.scenarios.intake_102.address import Place, find_place
from dialogue.scenarios.intake_102.reading import Mention, Reading, mentioned
from dialogue.scenarios.intake_102.schema import (
    SEVERITY,
    Category,
    Department,
    IncidentReport,
    Language,
    Urgency,
    WeaponKind,
    unknown,
)
from dialogue.scenarios.intake_102.table import TABLE, WEAPON_KINDS, Row

_FIRES = frozenset({"fire", "dwelling_fire", "smoke", "gas", "explosion", "flood"})
_OVER = frozenset({"fight", "beating"})
"""Violence that the words may tell as over."""
_WEAPON_BY_DEED: dict[str, WeaponKind] = {"shots": WeaponKind.FIREARM}
_NAME = 1
"""Words of the bare name of a thing; the words of a longer mention say what is done with it."""
_HOUSEHOLD = frozenset({"knife", "blunt", "weapon"})
_TOOLS = {
    "information": _HOUSEHOLD,
    "complaint": _HOUSEHOLD,
    "wrong_number": _HOUSEHOLD | {"firearm"},
    "noise": frozenset({"blunt", "weapon"}),
    **dict.fromkeys(("lost_documents", "theft", "fraud", "vandalism", "utility"), _HOUSEHOLD),
}
"""Per matter of a call the weapons that are more likely something else in it: tools, kitchenware, a film, a permit."""
_AGAINST_PERSONS = frozenset({"robbery", "sexual", "kidnapping", "aggressive", "stalking", "suspicious"})
_DEATHLY = frozenset({WeaponKind.FIREARM, WeaponKind.EXPLOSIVE})
_GROWN = 18
_HINT = "hint_"
GUESSED = "kind of incident taken from single words: nothing plainer was said"
"""Note on a finding that is no floor: a model or a plainer word may lower it."""
Evidence = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the caller answered to a question, where the words alone do not tell what they are about."""

    place: Place | None = None
    danger: slots.Slot[bool] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """An incident with, per field, the turn and words it rests on, and remarks on how it came about."""

    report: IncidentReport
    evidence: Evidence = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Case:
    """Facts of one call while the table is applied."""

    readings: Sequence[Reading]
    answers: Answers
    evidence: Evidence = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def find(self, concept: str) -> list[Mention]:
        return mentioned(self.readings, concept)

    def first(self, *names: str) -> Mention | None:
        return next((m for name in names for m in self.find(name)), None)

    def rest_on(self, name: str, source: Mention | Place | slots.Slot[Any]) -> None:
        self.evidence[name] = {"turn": source.turn, "words": source.words}


@dataclass(frozen=True, slots=True)
class _Weighed:
    mention: Mention
    row: Row
    urgency: Urgency


def conclude(readings: Sequence[Reading], language: str, answers: Answers | None = None) -> Finding:
    """Apply the table to everything the caller said. Fields that nothing speaks for stay null."""
    case = _Case(readings, answers or Answers())
    report = unknown()
    report.language = Language(language)
    weapons, kind = _weapons(case)
    weighed = _weigh(case, weapons)
    report.weapons, report.weapon_kind = weapons, kind
    report.injuries = _injuries(case)
    report.suspect_present = _suspect_present(case)
    _classify(case, report, weighed)
    report.current_danger = _danger(case, weighed)
    if report.category is None and report.current_danger:
        report.category, report.urgency, report.recommended_department = Category.OTHER, Urgency.HIGH, Department.POLICE
        case.evidence["category"] = case.evidence["urgency"] = case.evidence["current_danger"]
    report.in_progress = _in_progress(case, weighed)
    _slots(case, report)
    return Finding(report, case.evidence, tuple(case.notes))


def _weapons(case: _Case) -> tuple[bool | None, WeaponKind | None]:
    """Whether a real weapon is there: true by a mention that is meant, false by a denial or a toy."""
    every = [m for r in case.readings for m in r.mentions if m.concept in WEAPON_KINDS]
    deeds = [m for name in ("shots", "weapon_in_hand") for m in case.find(name)]
    meant = [m for m in every if m.meant]
    papers = case.find("weapon_papers")
    told = {m.concept for r in case.readings for m in r.mentions if m.meant and not any(_overlap(m, p) for p in papers)}
    crime = any(
        SEVERITY[TABLE[name].plain] > 0
        for name in told & set(TABLE)
        if name != "weapon_in_hand" and not name.startswith(_HINT)
    )
    if papers and not crime and all(any(_overlap(m, p) for p in papers) for m in deeds):
        return None, None
    if not crime and told & set(_TOOLS):
        meant, deeds = [m for m in meant if not m.past], [m for m in deeds if not m.past]
    if not deeds:
        meant = [m for m in meant if not _is_tool(m, told)]
    if meant or deeds:
        kinds = [k for name, k in WEAPON_KINDS.items() if any(m.concept == name for m in meant)]
        kinds += [_WEAPON_BY_DEED[m.concept] for m in deeds if m.concept in _WEAPON_BY_DEED]
        case.rest_on("weapons", (meant or deeds)[0])
        kind = kinds[0] if kinds else None
        if kind:
            case.rest_on("weapon_kind", (meant or deeds)[0])
        return True, kind
    refused = [m for m in every if (m.denied or m.fiction) and not m.uncertain]
    if refused:
        case.rest_on("weapons", refused[0])
        return False, None
    return None, None


def _overlap(one: Mention, other: Mention) -> bool:
    """Whether two mentions share words."""
    return one.turn == other.turn and one.start < other.end and other.start < one.end


def _is_tool(mention: Mention, told: Set[str]) -> bool:
    """Whether a thing is only named, in a call about an everyday matter and nothing worse."""
    against_somebody = told & _AGAINST_PERSONS or any(TABLE[name].violence for name in told & set(TABLE))
    if against_somebody or mention.end - mention.start > _NAME:
        return False
    return any(mention.concept in things for matter, things in _TOOLS.items() if matter in told)


def _weigh(case: _Case, weapons: bool | None) -> list[_Weighed]:
    """Every concept of the table that is meant, with its urgency after the circumstances."""
    weighed = []
    for name, row in TABLE.items():
        for mention in case.find(name):
            if name == "weapon_in_hand" and not weapons:
                continue
            base = row.past if mention.past else row.now if mention.live else row.plain
            weighed.append(_Weighed(mention, row, _adjust(case, mention, base)))
    weighed = [w for w in weighed if not w.mention.concept.startswith(_HINT)] or _hinted(case, weighed)
    strong = any(
        w.row.rank >= TABLE["weapon_seen"].rank and SEVERITY[w.urgency] >= SEVERITY[Urgency.HIGH] for w in weighed
    )
    if weapons and not strong:
        seen = next((m for name in WEAPON_KINDS for m in case.find(name)), None)
        if seen:
            row = TABLE["weapon_seen"]
            hostile = any(
                w.row.violence or w.mention.concept in {"aggressive", "drunk_disorder", "stalking"} for w in weighed
            )
            weighed.append(
                _Weighed(
                    seen, row, Urgency.CRITICAL if hostile and not seen.past else row.now if seen.live else row.plain
                )
            )
    return weighed


def _hinted(case: _Case, weighed: list[_Weighed]) -> list[_Weighed]:
    """Of single words that point somewhere, those of the kind that most of them point to."""
    if not weighed or case.first("greeting_only", "cannot_talk", "wants_person"):
        return []
    votes = Counter(w.mention.concept for w in weighed)
    chosen = max(votes, key=lambda name: (votes[name], TABLE[name].rank))
    case.notes.append(GUESSED)
    return [w for w in weighed if w.mention.concept == chosen]


def _adjust(case: _Case, mention: Mention, base: Urgency) -> Urgency:
    """Urgency of one mention in its circumstances."""
    name = mention.concept
    if mention.past:
        return base
    inside = case.first("people_inside")
    empty = case.first("nobody_inside")
    gone, near = case.first("offender_gone"), case.first("offender_near")
    hurt, unhurt = case.first("injuries"), case.first("no_injuries")
    if name in _FIRES and inside and not empty:
        return Urgency.CRITICAL
    if name == "dwelling_fire" and (empty or _only_open(case, mention)):
        return Urgency.HIGH
    if name in {"burglary_now", "run_over"} and _child(case):
        return Urgency.CRITICAL
    if name == "crash" and ((hurt and not unhurt) or inside):
        return Urgency.HIGH
    if name == "burglary" and near:
        return Urgency.HIGH
    if name in {"threat", "threat_death"} and near and not gone:
        return Urgency.HIGH
    if name in _OVER and gone and not near:
        return Urgency.HIGH if hurt and not unhurt else Urgency.MEDIUM
    if name == "weapon_in_hand" and gone and not near and not any(case.find(k) for k in ("firearm", "explosive")):
        return Urgency.HIGH
    if name == "missing" and _child(case) and not case.first("elder"):
        return Urgency.HIGH
    return base


def _only_open(case: _Case, mention: Mention) -> bool:
    """Whether what burns near a dwelling is a bin, a car or grass."""
    return any(m.turn == mention.turn and mention.start <= m.start < mention.end for m in case.find("open_fire"))


def _child(case: _Case) -> Mention | None:
    for mention in case.find("child"):
        digits = "".join(c for c in mention.words if c.isdecimal())
        if not digits or int(digits[:3]) < _GROWN:
            return mention
    return None


def _classify(case: _Case, report: IncidentReport, weighed: list[_Weighed]) -> None:
    """Set urgency, category and department by the table."""
    if not weighed:
        if report.injuries:
            source = case.first("injuries")
            assert source is not None
            report.urgency, report.category = Urgency.HIGH, Category.MEDICAL
            report.recommended_department = Department.AMBULANCE
            for name in ("urgency", "category", "recommended_department"):
                case.rest_on(name, source)
        elif muffled := case.first("cannot_talk"):
            # Somebody who may not be heard gives no reasons: a person has to listen.
            report.urgency, report.category = Urgency.HIGH, Category.SILENT
            report.recommended_department = Department.POLICE
            for name in ("urgency", "category", "recommended_department"):
                case.rest_on(name, muffled)
        elif (hello := case.first("greeting_only")) and not case.first("danger_yes") and _only_greets(case):
            report.urgency, report.category = Urgency.LOW, Category.SILENT
            for name in ("urgency", "category"):
                case.rest_on(name, hello)
        return
    gravest = max(weighed, key=lambda w: (SEVERITY[w.urgency], w.row.rank))
    present = [w for w in weighed if not w.mention.past] or weighed
    winner = max(present, key=lambda w: w.row.rank)
    report.urgency, report.category = gravest.urgency, winner.row.category
    names = {w.mention.concept for w in weighed}
    domestic = case.first("domestic")
    if domestic and winner.row.violence and winner.mention.concept not in {"shots"}:
        report.category = Category.DOMESTIC
    report.recommended_department = _department(winner, names, bool(report.injuries))
    case.rest_on("urgency", gravest.mention)
    case.rest_on("category", domestic if report.category is Category.DOMESTIC and domestic else winner.mention)
    case.rest_on("recommended_department", winner.mention)


def _only_greets(case: _Case) -> bool:
    """Whether all that was said is greetings."""
    return all(
        {i for m in r.mentions if m.concept == "greeting_only" for i in range(m.start, m.end)}
        == set(range(len(r.tokens)))
        for r in case.readings
    )


def _department(winner: _Weighed, names: set[str], injuries: bool) -> Department:
    concept = winner.mention.concept
    if concept == "crash" and (injuries or "life_threat" in names):
        return Department.AMBULANCE
    if concept == "suicide" and names & {"life_threat", "overdose"}:
        return Department.AMBULANCE
    if concept == "child_danger" and "life_threat" in names:
        return Department.AMBULANCE
    return winner.row.department


def _danger(case: _Case, weighed: list[_Weighed]) -> bool | None:
    """True by what goes on now or by the caller's word, false by their word or where all is long over, else null."""
    gone, near = case.first("offender_gone"), case.first("offender_near")
    for w in sorted(weighed, key=lambda w: -SEVERITY[w.urgency]):
        grave = SEVERITY[w.urgency] >= SEVERITY[Urgency.HIGH]
        over = gone is not None and near is None and not w.mention.live and w.row.violence
        if grave and not w.mention.past and not over and (w.row.danger or near):
            case.rest_on("current_danger", w.mention)
            return True
    said = case.answers.danger
    if said is not None:
        case.rest_on("current_danger", said)
        return said.value
    safe, afraid = case.first("danger_no"), case.first("danger_yes")
    if safe or afraid:
        source = safe or afraid
        assert source is not None
        case.rest_on("current_danger", source)
        return safe is None
    over_by = gone if gone and not near else None
    if weighed and over_by:
        case.rest_on("current_danger", over_by)
        return False
    harmless = all(w.mention.past or w.urgency is Urgency.LOW for w in weighed)
    if weighed and harmless and case.first("injuries", "offender_near", "cannot_talk") is None:
        case.rest_on("current_danger", weighed[0].mention)
        return False
    return None


def _in_progress(case: _Case, weighed: list[_Weighed]) -> bool | None:
    going = [
        w
        for w in weighed
        if not w.mention.past and (w.mention.live or w.row.danger or w.mention.concept in {"theft_now", "noise"})
    ]
    gone = case.first("offender_gone")
    if gone and not case.first("offender_near"):
        case.rest_on("in_progress", gone)
        return False
    if going:
        case.rest_on("in_progress", going[0].mention)
        return True
    if weighed and all(w.mention.past for w in weighed):
        case.rest_on("in_progress", weighed[0].mention)
        return False
    return None


def _injuries(case: _Case) -> bool | None:
    hurt = case.first("injuries", "life_threat", "stabbing", "run_over")
    if hurt:
        case.rest_on("injuries", hurt)
        return True
    denied = case.first("no_injuries")
    if denied:
        case.rest_on("injuries", denied)
        return False
    return None


def _suspect_present(case: _Case) -> bool | None:
    near, gone = case.first("offender_near"), case.first("offender_gone")
    if near:
        case.rest_on("suspect_present", near)
        return True
    if gone:
        case.rest_on("suspect_present", gone)
        return False
    return None


def _slots(case: _Case, report: IncidentReport) -> None:
    place = _best_place(case)
    if place:
        report.address, report.address_confidence = place.text, place.confidence
        case.rest_on("address", place)
    number = slots.people(case.readings)
    if number:
        report.people_involved = number.value
        case.rest_on("people_involved", number)
    looks = slots.description(case.readings)
    if looks and report.category is not None:
        report.suspect_description = looks.value
        case.rest_on("suspect_description", looks)
    callback = slots.callback_number(case.readings)
    if callback:
        report.callback_number = callback.value
        case.rest_on("callback_number", callback)
    muffled = case.first("cannot_talk")
    if muffled:
        report.caller_safe_to_talk = False
        case.rest_on("caller_safe_to_talk", muffled)


def _best_place(case: _Case) -> Place | None:
    """The most exact address; of equally exact ones the last, since callers correct themselves."""
    order = {"low": 0, "medium": 1, "high": 2}
    places = [place for reading in case.readings if (place := find_place(reading))]
    if case.answers.place:
        places.append(case.answers.place)
    if not places:
        return None
    return max(enumerate(places), key=lambda p: (order[p[1].confidence.value], p[0]))[1]
