"""The checks between a model's answer and the record.

The model may raise urgency and add what the rules do not see; it lowers nothing. What is on record from an earlier
turn stands as well: only a person lowers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dialogue.scenarios.intake_102.morphology import base_forms
from dialogue.scenarios.intake_102.reading import Reading
from dialogue.scenarios.intake_102.rules import GUESSED, Evidence, Finding
from dialogue.scenarios.intake_102.schema import (
    SEVERITY,
    AddressConfidence,
    Category,
    Department,
    IncidentReport,
    Urgency,
)
from dialogue.scenarios.intake_102.slots import MOST_PEOPLE
from dialogue.scenarios.intake_102.text import clean, tokenise
from dialogue.scenarios.intake_102.wording import LONGEST_SUMMARY

_LONGEST_TEXT = 300
_KEPT_TRUE = ("weapons", "current_danger", "injuries")
"""Claims that stay true once the rules or an earlier turn hold them: only a person lowers them."""
_JUDGED = ("urgency", "category", "recommended_department", "summary", "language", "address_confidence", "in_progress")
"""Fields that are a judgement of the whole call, so that no single words need to support them."""
_AGAINST_WORDS = (
    *("weapons", "weapon_kind", "current_danger", "injuries", "suspect_present", "caller_safe_to_talk"),
    *("people_involved", "callback_number"),
)
"""Facts that words state or deny: a model's answer that differs is marked, and a person decides."""
_NO_DEFAULT = frozenset({Category.OTHER, Category.INFORMATION, Category.SILENT})
_TEXTS = ("address", "suspect_description", "callback_number")
_SHORTEST_WORD = 3


def keep_floor(found: Finding, earlier: IncidentReport | None) -> Finding:
    """Hold a finding of the rules against what was on record before: nothing goes down within a call."""
    if earlier is None:
        return found
    report, notes = found.report.model_copy(), list(found.notes)
    if _rank(earlier.urgency) > _rank(report.urgency):
        notes.append(f"urgency stays {earlier.urgency}: it does not fall within a call")
        report.urgency = earlier.urgency
    for name in _KEPT_TRUE:
        if getattr(earlier, name) and not getattr(report, name):
            notes.append(f"{name} stays true: only a person lowers it")
            setattr(report, name, True)
    for name, value in earlier:
        if getattr(report, name) is None and value is not None:
            setattr(report, name, value)
    return Finding(report, found.evidence, tuple(notes))


def merge(model: IncidentReport, floor: Finding, readings: Sequence[Reading]) -> Finding:
    """The model's answer over the rules' floor, each field with evidence or a note that it has none.

    Args:
        model: the model's answer, valid by its schema.
        floor: what the rules found.
        readings: everything the caller said.
    """
    report = model.model_copy()
    notes = list(floor.notes)
    _clean_texts(report, notes)
    _raise_to_floor(report, floor.report, notes)
    _fill_unknown(report, floor.report)
    _doubt_address(report, floor.report, readings, notes)
    evidence = _evidence(report, floor, readings, notes)
    _contradictions(report, notes)
    return Finding(report, evidence, tuple(dict.fromkeys(notes)))


def _rank(urgency: Urgency | None) -> int:
    return -1 if urgency is None else SEVERITY[urgency]


def _clean_texts(report: IncidentReport, notes: list[str]) -> None:
    if len(report.summary) > LONGEST_SUMMARY:
        notes.append("summary cut: it was too long")
    report.summary = clean(report.summary, LONGEST_SUMMARY)
    for name in _TEXTS:
        value = getattr(report, name)
        if value is not None:
            setattr(report, name, clean(value, _LONGEST_TEXT) or None)
    if report.people_involved is not None and not 0 <= report.people_involved <= MOST_PEOPLE:
        notes.append("people_involved dropped: not a plausible number")
        report.people_involved = None


def _raise_to_floor(report: IncidentReport, floor: IncidentReport, notes: list[str]) -> None:
    if _rank(floor.urgency) > _rank(report.urgency) and GUESSED not in notes:
        notes.append(f"urgency raised to {floor.urgency} by the rules, the model said {report.urgency or 'unknown'}")
        report.urgency = floor.urgency
        if floor.category is not None and (report.category is None or report.category in _NO_DEFAULT):
            notes.append(
                f"category {floor.category} taken from the rules, the model said {report.category or 'unknown'}"
            )
            report.category = floor.category
            report.recommended_department = floor.recommended_department
    for name in _KEPT_TRUE:
        if getattr(floor, name) and not getattr(report, name):
            notes.append(f"{name} kept true by the rules")
            setattr(report, name, True)
    if floor.caller_safe_to_talk is False and report.caller_safe_to_talk is not False:
        notes.append("caller_safe_to_talk kept false by the rules")
        report.caller_safe_to_talk = False


def _fill_unknown(report: IncidentReport, floor: IncidentReport) -> None:
    """What the model leaves null and the rules found in the words is taken from the rules."""
    for name, value in floor:
        if name != "summary" and value is not None and getattr(report, name) is None:
            setattr(report, name, value)


def _doubt_address(
    report: IncidentReport, floor: IncidentReport, readings: Sequence[Reading], notes: list[str]
) -> None:
    """An address that the caller did not say must never send a crew: the caller's own words win over it."""
    if report.address is None:
        report.address_confidence = None
        return
    if _spoken(report.address, readings):
        if report.address_confidence is None:
            report.address_confidence = floor.address_confidence or AddressConfidence.MEDIUM
        return
    notes.append("address not in the caller's words")
    if floor.address is not None and floor.address != report.address:
        notes.append("address taken from the rules instead of the model's")
        report.address, report.address_confidence = floor.address, floor.address_confidence
    else:
        report.address_confidence = AddressConfidence.LOW


def _evidence(report: IncidentReport, floor: Finding, readings: Sequence[Reading], notes: list[str]) -> Evidence:
    evidence: Evidence = {}
    for name, value in report:
        if value is None:
            continue
        if name in floor.evidence and getattr(floor.report, name) == value:
            evidence[name] = floor.evidence[name]
        elif isinstance(value, str) and name in _TEXTS and (found := _quote(value, readings)):
            evidence[name] = found
        elif name in _AGAINST_WORDS and name in floor.evidence:
            notes.append(f"contradiction: {name} {value} by the model, {getattr(floor.report, name)} by the words")
        elif name not in _JUDGED:
            notes.append(f"{name} unsupported: not found in the caller's words")
    for name in ("urgency", "category", "recommended_department"):
        if getattr(report, name) is not None and name not in evidence:
            notes.append(f"{name} by the model, not supported by the rules")
    return evidence


def _contradictions(report: IncidentReport, notes: list[str]) -> None:
    if report.urgency is Urgency.LOW and (report.weapons or report.current_danger):
        notes.append("contradiction: low urgency with a weapon or danger; urgency raised to high")
        report.urgency = Urgency.HIGH
    if report.category is Category.FIRE and report.recommended_department is Department.AKIMAT:
        notes.append("contradiction: a fire is not for the akimat; department set to rescue")
        report.recommended_department = Department.RESCUE
    if report.weapons is False and report.weapon_kind is not None:
        notes.append("contradiction: a kind of weapon without a weapon; kind dropped")
        report.weapon_kind = None
    if report.urgency is Urgency.CRITICAL and report.current_danger is False:
        notes.append("contradiction: critical urgency without danger now")
    if report.category is Category.SILENT and report.summary and _rank(report.urgency) > SEVERITY[Urgency.MEDIUM]:
        notes.append("contradiction: a silent call with an urgent incident")


def _words(text: str, languages: Sequence[str]) -> list[frozenset[str]]:
    return [
        frozenset({t.norm}).union(*(base_forms(t.norm, language) for language in languages))
        for t in tokenise(clean(text))
        if len(t.norm) >= _SHORTEST_WORD or t.norm[0].isdigit()
    ]


def _spoken(value: str, readings: Sequence[Reading]) -> bool:
    """Whether every word and number of a text occurs in what the caller said, inflected or as a spoken number."""
    languages = tuple(dict.fromkeys(language for r in readings for language in r.languages))
    said: set[str] = set()
    for reading in readings:
        for token in reading.tokens:
            said |= {token.norm}.union(*(base_forms(token.norm, language) for language in reading.languages))
        said |= {n.text.casefold() for numbers in reading.numbers.values() for n in numbers}
        said |= {str(n.value) for numbers in reading.numbers.values() for n in numbers}
    wanted = _words(value, languages)
    return bool(wanted) and all(not forms.isdisjoint(said) for forms in wanted)


def _quote(value: str, readings: Sequence[Reading]) -> dict[str, Any] | None:
    """The turn that says a text, as evidence."""
    for reading in readings:
        if _spoken(value, [reading]):
            return {"turn": reading.turn, "words": reading.text[:_LONGEST_TEXT]}
    return None
