"""Turns a machine's assessment of a call into the call's incident.

A machine may raise urgency and never lowers it; what it does not know erases nothing; what a person set or confirmed
stays, and what the machine would have there is kept beside it as a suggestion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from webadmin.calls import cleaning
from webadmin.calls.models import Call
from webadmin.incidents.models import (
    SETTLED_STATUSES,
    URGENCY_RANK,
    Category,
    Department,
    Incident,
    IncidentVersion,
    Urgency,
)

MACHINE = "ai:"
"""How the author of a machine's version begins. A user's name cannot: it has no colon."""

ADDRESS_CHARS = 500
MOST_PEOPLE = 100_000
DETAIL_KEYS = 100
SUMMARY_CHARS = 10_000
MODEL_ANSWER_CHARS = 100_000
MOST_NOTES = 100


class _Unusable(ValueError):
    """A value the column cannot hold. Its text says why, without the value."""


def _one_of(values: Iterable[str]) -> Callable[[Any], str]:
    known = frozenset(values)

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise _Unusable("not a known value")
        return value

    return read


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Unusable("neither true nor false")
    return value


def _people(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_PEOPLE:
        raise _Unusable("not a number of people")
    return value


def _words(most: int) -> Callable[[Any], str | None]:
    def read(value: Any) -> str | None:
        if not isinstance(value, str):
            raise _Unusable("not text")
        return cleaning.text(value.strip(), most) or None

    return read


COLUMNS: dict[str, Callable[[Any], Any]] = {
    "urgency": _one_of(Urgency.values),
    "category": _one_of(Category.values),
    "address": _words(ADDRESS_CHARS),
    "current_danger": _yes_or_no,
    "people_involved": _people,
    "weapons": _yes_or_no,
    "recommended_department": _one_of(Department.values),
    "summary": _words(SUMMARY_CHARS),
}
"""The fields that are columns, and how each is read. All others go to ``details``."""


def incident_fields(incident: Incident) -> dict[str, Any]:
    """All fields of an incident in one flat mapping, as `IncidentVersion.fields` keeps them."""
    names = (*COLUMNS, "language", "status", "dispatched_to")
    return {
        **incident.details,
        **{name: getattr(incident, name) for name in names},
        "claimed_by": incident.claimed_by.get_username() if incident.claimed_by else None,
        "merged_into": incident.merged_into_id,
        "suggestions": dict(incident.suggestions) or None,
    }


def by_person(version: IncidentVersion) -> bool:
    """Whether a person made this version: a user's name has no colon, those of machines and the office do."""
    return ":" not in version.author


def fields_set_by_people(versions: Iterable[IncidentVersion]) -> set[str]:
    """Names of the fields that a person gave a value, or took it from.

    Args:
        versions: of one incident, in the order they were stored.
    """
    found: set[str] = set()
    before: dict[str, Any] = {}
    for version in versions:
        fields = version.fields if isinstance(version.fields, dict) else {}
        if by_person(version):
            found |= {name for name, value in fields.items() if before.get(name) != value}
        before.update(fields)
    return found


def apply_assessment(
    call: Call,
    at: datetime,
    fields: Mapping[str, Any],
    *,
    source: str,
    engine: str,
    evidence: Mapping[str, Any],
    notes: Iterable[str],
    model_answer: str | None,
    prompt_version: str,
    final: bool = False,
) -> Incident:
    """Bring a call's incident up to date with what a machine made of the conversation.

    The caller holds the call's row locked, in a transaction.

    Args:
        call: the call it is about.
        at: when the assessment was made.
        final: it rests on the whole conversation.

    See `dialogue.turns.Assessment` for the others.
    """
    incident = Incident.objects.select_for_update().filter(call=call).first()
    is_new = incident is None
    if incident is None:
        incident = Incident(call=call, created_at=call.started_at)
    kept = set() if is_new else fields_set_by_people(incident.versions.order_by("id"))
    settled = incident.status in SETTLED_STATUSES
    before = None if is_new else incident_fields(incident)
    remarks = [cleaning.text(note, 500) for note in list(notes)[:MOST_NOTES]]
    shown = cleaning.json_value(evidence)
    values, more = _read(fields, remarks)

    for name, value in values.items():
        now = getattr(incident, name)
        if value == now:
            if name != "urgency":
                incident.suggestions.pop(name, None)
        elif name in kept or (settled and now not in (None, "")):
            remarks.append(f"{name}: set by a person, the machine's {_shown(value)} not taken")
            _suggest(incident, name, value)
        elif name == "urgency" and _lower(value, now):
            remarks.append(f"urgency: stays {now}, a machine does not lower it to {value}")
        else:
            setattr(incident, name, value)
            if name in shown:
                incident.evidence[name] = shown[name]
    for name, value in shown.items():
        incident.evidence.setdefault(name, value)
    for name, value in more.items():
        now = incident.details.get(name)
        if name in kept or (settled and now is not None):
            if value not in (None, now):
                _suggest(incident, name, value)
        elif value is not None or name not in incident.details:
            incident.details[name] = value

    if "language" not in kept and not (settled and incident.language):
        incident.language = cleaning.language(fields.get("language")) or incident.language or call.language
    incident.notes = remarks
    incident.source = cleaning.text(source, 8)
    incident.engine = cleaning.text(engine, 128)
    incident.prompt_version = cleaning.text(prompt_version, 64)
    incident.model_answer = cleaning.text(model_answer, MODEL_ANSWER_CHARS)
    incident.final = incident.final or final
    incident.save()
    author = f"{MACHINE}{cleaning.text(engine or source, 140)}"
    if incident_fields(incident) != before:
        IncidentVersion.objects.create(
            incident=incident,
            at=at,
            author=author,
            reason="whole conversation" if final else "",
            fields=incident_fields(incident),
        )
    if incident.merged_into_id is not None and incident.urgency is not None:
        _raise_event(incident, incident.urgency, at, author)
    return incident


def _raise_event(duplicate: Incident, urgency: str, at: datetime, author: str) -> None:
    """Make the incident that stands for the event as urgent as its duplicate; a person's word is asked to change."""
    event = Incident.objects.select_for_update().get(pk=duplicate.merged_into_id)
    before = incident_fields(event)
    if event.status in SETTLED_STATUSES or "urgency" in fields_set_by_people(event.versions.order_by("id")):
        _suggest(event, "urgency", urgency)
    elif not _lower(urgency, event.urgency):
        event.urgency = urgency
    if incident_fields(event) == before:
        return
    event.save(update_fields=["urgency", "suggestions", "updated_at"])
    IncidentVersion.objects.create(
        incident=event, at=at, author=author, reason=f"duplicate {duplicate.pk}", fields=incident_fields(event)
    )


def _suggest(incident: Incident, name: str, value: Any) -> None:
    """Keep what a machine would have instead of a person's value; of urgencies only what is above both."""
    if name == "urgency" and any(
        value == known or _lower(value, known) for known in (incident.urgency, incident.suggestions.get(name))
    ):
        return
    incident.suggestions[name] = value


def _read(fields: Mapping[str, Any], remarks: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns' known values and the further fields; what cannot be used becomes a remark."""
    values: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for name, value in list(fields.items())[:DETAIL_KEYS]:
        if name == "language":
            continue
        if name not in COLUMNS:
            more[cleaning.text(name, 200)] = cleaning.json_value(value)
        elif value is not None:
            try:
                read = COLUMNS[name](value)
            except _Unusable as why:
                remarks.append(f"{name}: {why}")
            else:
                if read is not None:
                    values[name] = read
    return values, more


def _lower(new: str, old: str | None) -> bool:
    return old is not None and URGENCY_RANK[Urgency(new)] > URGENCY_RANK[Urgency(old)]


def _shown(value: Any) -> str:
    """A value as a remark shows it: texts of callers stay where they are."""
    return "text" if isinstance(value, str) and " " in value else str(value)[:40]
