"""What a dispatcher's desk shows: what is waiting, what is one's own, duplicates, and field by field who said what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from webadmin.incidents import claims
from webadmin.incidents.models import OPEN_STATUSES, Incident, IncidentVersion
from webadmin.incidents.places import Told, same_place
from webadmin.incidents.projection import COLUMNS, MACHINE, by_person
from webadmin.incidents.selectors import LONG_FIELDS, evidence_rows, field_label, value_label

DUPLICATES_WITHIN = timedelta(minutes=30)
COMPARED = 500
"""Incidents of that time whose address is compared, the newest first."""

RAISED_WITHIN = timedelta(days=1)

CONTRADICTED, UNSUPPORTED = "contradicted", "unsupported"

_NOT_QUOTED = {"summary", "language", "address_confidence"}
"""Fields that are not taken from single words."""

_CONTRADICTION = "contradiction: "
_WORD = re.compile(r"\w+")


def waiting(now: datetime | None = None) -> QuerySet[Incident]:
    """Incidents that wait for a dispatcher: the most urgent first, the oldest first among equals.

    Nobody has been sent, nobody has them in hand (a lapsed claim holds nothing), and they are no duplicates.
    """
    return _listed(Incident.objects.filter(waits(now))).order_by("urgency_rank", "created_at", "id")


def waits(now: datetime | None = None) -> Q:
    """Condition on incidents that are `waiting`."""
    return claims.nobody_has_it(now) & Q(status__in=OPEN_STATUSES, merged_into__isnull=True)


def in_hand_of(person: User, now: datetime | None = None) -> QuerySet[Incident]:
    """Incidents that a person has in hand, the most urgent first."""
    found = Incident.objects.filter(claimed_by=person, claimed_at__gte=claims.oldest_live(now))
    return _listed(found).order_by("urgency_rank", "created_at", "id")


def raised_after_review(now: datetime | None = None) -> QuerySet[Incident]:
    """Incidents of the last day that the assistant holds for more urgent than a person said, the newest first.

    Whoever then corrects the urgency, or takes a step that decides the incident, has answered it.
    """
    since = (now or timezone.now()) - RAISED_WITHIN
    found = Incident.objects.filter(suggestions__has_key="urgency", created_at__gte=since, merged_into__isnull=True)
    return _listed(found).order_by("-created_at", "-id")


def possible_duplicates(incident: Incident) -> list[Incident]:
    """Incidents that may be about the same event: the same place within half an hour, not merged yet.

    Returns:
        The nearest in time first; none where the address is not known.
    """
    if not incident.address or incident.merged_into_id is not None:
        return []
    here = Told(incident.address, incident.language)
    span = (incident.created_at - DUPLICATES_WITHIN, incident.created_at + DUPLICATES_WITHIN)
    near = _listed(Incident.objects.filter(created_at__range=span, address__isnull=False, merged_into__isnull=True))
    found = [
        each
        for each in near.exclude(pk=incident.pk).order_by("-created_at", "-id")[:COMPARED]
        if each.address and same_place(here, Told(each.address, each.language))
    ]
    return sorted(found, key=lambda each: abs(each.created_at - incident.created_at))


def field_rows(incident: Incident) -> list[dict[str, Any]]:
    """Field by field what the assistant said, the words it rests on, and what a person made of it. Two queries.

    Returns:
        Dicts with ``field``, ``label``, ``first`` (what the assistant said first, as people read it), ``now``,
        ``evidence`` (``words`` and ``turn``), ``set_by`` (the person who last changed it, else empty),
        ``suggestion`` (what the assistant would have instead, else empty), ``mark``: `CONTRADICTED` where the words
        speak against the value or are not in the conversation, `UNSUPPORTED` where it rests on none, else empty.
        A person's own value has no mark. Further fields of the scenario follow where they are known.
    """
    first, set_by = _who_said_what(IncidentVersion.objects.filter(incident=incident).order_by("id"))
    spoken = dict(incident.call.turns.values_list("number", "caller_text"))
    evidence: dict[str, list[dict[str, Any]]] = {}
    for row in evidence_rows(incident):
        evidence.setdefault(row["field"], []).append({"words": row["words"], "turn": row["turn"]})
    values = {**incident.details, **{name: getattr(incident, name) for name in (*COLUMNS, "language")}}
    order = [*COLUMNS, "language", *(name for name in incident.details if name not in COLUMNS and name != "language")]
    return [
        {
            "field": name,
            "label": field_label(name),
            "first": value_label(name, first.get(name) if first else values[name]),
            "now": value_label(name, values[name]),
            "evidence": evidence.get(name, []),
            "set_by": set_by.get(name, ""),
            "suggestion": value_label(name, incident.suggestions[name]) if name in incident.suggestions else "",
            "mark": "" if name in set_by else _mark(name, values[name], evidence.get(name, []), spoken, incident.notes),
        }
        for name in order
        if name in COLUMNS or values[name] not in (None, "")
    ]


def _listed(incidents: QuerySet[Incident]) -> QuerySet[Incident]:
    return incidents.select_related("call", "claimed_by").defer(*LONG_FIELDS)


def _who_said_what(versions: Iterable[IncidentVersion]) -> tuple[dict[str, Any], dict[str, str]]:
    """Each field's first value by a machine, and the person who last changed it."""
    first: dict[str, Any] = {}
    set_by: dict[str, str] = {}
    before: dict[str, Any] = {}
    for version in versions:
        for name, value in version.fields.items():
            if version.author.startswith(MACHINE) and first.get(name) in (None, ""):
                first[name] = value
            if value != before.get(name):
                if by_person(version):
                    set_by[name] = version.author
                else:
                    set_by.pop(name, None)
        before.update(version.fields)
    return first, set_by


def _mark(name: str, value: Any, evidence: list[dict[str, Any]], spoken: dict[int, str], notes: list[str]) -> str:
    if value in (None, "") or name in _NOT_QUOTED:
        return ""
    if any(note.startswith(f"{_CONTRADICTION}{name} ") for note in notes if isinstance(note, str)):
        return CONTRADICTED
    if not evidence:
        return UNSUPPORTED
    return "" if all(_was_said(piece, spoken) for piece in evidence) else CONTRADICTED


def _was_said(piece: dict[str, Any], spoken: dict[int, str]) -> bool:
    text = spoken.get(piece["turn"], "") if piece["turn"] is not None else " ".join(spoken.values())
    return set(_words(piece["words"])) <= set(_words(text))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
