"""What people change about incidents. Each change leaves a version with its author."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webadmin.incidents.models import URGENCY_RANK, Incident, IncidentVersion, Urgency
from webadmin.incidents.projection import MACHINE, incident_fields

log = structlog.get_logger(__name__)

EDITABLE = (
    "urgency",
    "category",
    "address",
    "current_danger",
    "people_involved",
    "weapons",
    "recommended_department",
    "summary",
    "language",
    "status",
)
"""Fields that a person may correct."""

_UNKNOWN_RANK = len(URGENCY_RANK)


def lowers_urgency(before: str | None, after: str | None) -> bool:
    """Whether the change makes an incident less urgent. Unknown is the least urgent of all."""

    def rank(urgency: str | None) -> int:
        return URGENCY_RANK[Urgency(urgency)] if urgency else _UNKNOWN_RANK

    return rank(after) > rank(before)


def latest_version(incident_id: int) -> int:
    """Id of the newest version of an incident; 0 where it has none. An editor shows it and gives it back."""
    newest = IncidentVersion.objects.filter(incident_id=incident_id).order_by("-id").values_list("id", flat=True)
    return newest.first() or 0


def check_edit(incident: Incident, changes: Mapping[str, Any], *, reason: str, seen_version: int | None = None) -> None:
    """Check whether ``changes`` may be made to ``incident`` as it now stands.

    Raises:
        ValidationError: under ``reason`` where urgency goes down without one; without a field where somebody else
            has changed the incident since ``seen_version``.
    """
    if seen_version is not None and latest_version(incident.pk) != seen_version:
        raise ValidationError(
            _("Somebody else, or the assistant, has changed this incident meanwhile. Reload the page and look again."),
            code="stale",
        )
    if "urgency" in changes and lowers_urgency(incident.urgency, changes["urgency"]) and not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why the urgency is lowered."), code="required")})


def edit_incident(
    incident_id: int,
    changes: Mapping[str, Any],
    *,
    author: str,
    reason: str = "",
    seen_version: int | None = None,
) -> Incident:
    """Change fields of an incident and keep a version of the result, in one transaction.

    Args:
        incident_id: which one.
        changes: new values by field name, only names of `EDITABLE`; values that stay the same are no change.
        author: user name of the person.
        reason: why; needed where the urgency goes down.
        seen_version: `latest_version` as the person saw it; None skips that check.

    Returns:
        The incident as it now is.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ValidationError: a value is not allowed, a reason is missing, or ``seen_version`` is no longer the newest.
        KeyError: a field is not one of `EDITABLE`.
    """
    if unknown := set(changes) - set(EDITABLE):
        raise KeyError(f"not editable: {', '.join(sorted(unknown))}")
    with transaction.atomic():
        incident = Incident.objects.select_for_update().get(pk=incident_id)
        before = incident_fields(incident)
        changed = {name: value for name, value in changes.items() if getattr(incident, name) != value}
        if not changed:
            return incident
        check_edit(incident, changed, reason=reason, seen_version=seen_version)
        if not latest_version(incident_id):
            IncidentVersion.objects.create(
                incident=incident, at=incident.created_at, author=f"{MACHINE}{incident.engine}"[:150], fields=before
            )
        for name, value in changed.items():
            setattr(incident, name, value)
        incident.full_clean(exclude=["call", "details", "evidence", "notes"])
        incident.save(update_fields=[*changed, "updated_at"])
        IncidentVersion.objects.create(
            incident=incident, at=timezone.now(), author=author, reason=reason.strip(), fields=incident_fields(incident)
        )
        incident.refresh_from_db()
    log.info("incident_edited", call_id=str(incident.call_id), stage="office", fields=sorted(changed))
    return incident
