"""Which incidents people look for, and what a page about one shows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webadmin.calls.models import Language
from webadmin.incidents.models import Category, Department, Incident, IncidentStatus, IncidentVersion, Urgency
from webadmin.incidents.projection import by_person

SEARCHED = ("address", "summary", "call__transcript", "call__caller_number")

LONG_FIELDS = ("call__transcript", "call__engines", "details", "evidence", "notes", "model_answer")
"""What a list does not show, and does not read."""

_LONGEST_ANSWER = 20_000
"""Characters of the model's answer that a page shows."""

DETAIL_LABELS: dict[str, Promise] = {
    "injuries": _("injuries"),
    "weapon_kind": _("kind of weapon"),
    "suspect_present": _("offender still there"),
    "suspect_description": _("offender's looks"),
    "in_progress": _("going on now"),
    "caller_safe_to_talk": _("caller can talk safely"),
    "callback_number": _("number to call back"),
    "address_confidence": _("how exact the address is"),
    "language": _("language"),
}
_DETAIL_VALUES: dict[str, Promise] = {
    "firearm": _("firearm"),
    "knife": _("knife"),
    "explosive": _("explosive"),
    "blunt": _("blunt object"),
    "other": _("other"),
    "high": _("exact"),
    "medium": _("a street or landmark"),
    "low": _("doubtful"),
}
_CHOICES: dict[str, Mapping[str, Any]] = {
    "urgency": dict(Urgency.choices),
    "category": dict(Category.choices),
    "recommended_department": dict(Department.choices),
    "dispatched_to": dict(Department.choices),
    "status": dict(IncidentStatus.choices),
    "language": dict(Language.choices),
}


def incidents_in_full() -> QuerySet[Incident]:
    """Incidents with all their fields, the call and its recording, in one query."""
    return Incident.objects.select_related("call", "call__recording", "claimed_by")


def field_label(name: str) -> str:
    """What people call a field of an incident; its name where it has no other."""
    if name in DETAIL_LABELS:
        return str(DETAIL_LABELS[name])
    try:
        return str(Incident._meta.get_field(name).verbose_name)
    except FieldDoesNotExist:
        return name


def value_label(name: str, value: Any) -> str:
    """What people call a value: labels for known codes, yes and no, a dash for unknown."""
    match value:
        case None | "":
            return "—"
        case True:
            return gettext("yes")
        case False:
            return gettext("no")
        case str() if name in _CHOICES:
            return str(_CHOICES[name].get(value, value))
        case str() if name in ("weapon_kind", "address_confidence"):
            return str(_DETAIL_VALUES.get(value, value))
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def evidence_rows(incident: Incident) -> list[dict[str, Any]]:
    """The caller's words on which each field rests.

    Evidence is stored as words, as ``{"turn": n, "words": …}``, or as a list of either.

    Returns:
        Dicts with ``field``, ``label``, ``value`` (the field's label or a dash), ``words`` and ``turn`` (a number
        or None), one for each piece of evidence.
    """
    evidence = incident.evidence if isinstance(incident.evidence, dict) else {}
    details = incident.details if isinstance(incident.details, dict) else {}
    rows = []
    for name, found in evidence.items():
        value = getattr(incident, name, details.get(name)) if name.isidentifier() else None
        for piece in found if isinstance(found, list) else [found]:
            turn, words = (piece.get("turn"), piece.get("words")) if isinstance(piece, dict) else (None, piece)
            rows.append(
                {
                    "field": name,
                    "label": field_label(name),
                    "value": value_label(name, value) if not callable(value) else "—",
                    "words": "" if words is None else " ".join(words) if _is_words(words) else str(words),
                    "turn": turn if isinstance(turn, int) and not isinstance(turn, bool) else None,
                }
            )
    return rows


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def evidence_marks(rows: Iterable[Mapping[str, Any]]) -> dict[int, list[str]]:
    """Per turn number the words that evidence points to."""
    marks: dict[int, list[str]] = {}
    for row in rows:
        if row["turn"] is not None and row["words"]:
            marks.setdefault(row["turn"], []).append(row["words"])
    return marks


def readable_json(text: str) -> str:
    """The model's answer indented where it is JSON, else as it came; at most 20,000 characters."""
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    return text if len(text) <= _LONGEST_ANSWER else f"{text[:_LONGEST_ANSWER]}\n…"


def history(incident: Incident) -> list[dict[str, Any]]:
    """Versions, newest first, each with what it changed.

    Returns:
        Dicts with ``version``, ``by_person`` and ``changes`` (label, old value, new value as people read them).
    """
    rows: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for version in IncidentVersion.objects.filter(incident=incident).order_by("at", "id"):
        fields = version.fields if isinstance(version.fields, dict) else {}
        changes = [
            (field_label(name), value_label(name, before.get(name)), value_label(name, value))
            for name, value in fields.items()
            if before.get(name) != value and (before or value not in (None, ""))
        ]
        rows.append({"version": version, "by_person": by_person(version), "changes": changes})
        before = {**before, **fields}
    return rows[::-1]
