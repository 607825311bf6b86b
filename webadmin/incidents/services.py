"""What people change about incidents. Each change leaves a version with its author and an entry in the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webadmin.audit import services as audit
from webadmin.audit.models import Action
from webadmin.incidents import claims
from webadmin.incidents.errors import StaleIncident, StepNotPossible
from webadmin.incidents.models import (
    OPEN_STATUSES,
    URGENCY_RANK,
    Incident,
    IncidentStatus,
    IncidentVersion,
    Urgency,
)
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
)
"""Fields that a person may correct. The status moves by the steps of `webadmin.incidents.review` alone."""

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


def check_seen(incident_id: int, seen_version: int) -> None:
    """Check that an incident is still as a person saw it.

    Raises:
        StaleIncident: it has a newer version than ``seen_version``.
    """
    if latest_version(incident_id) != seen_version:
        raise StaleIncident


def check_not_merged(incident: Incident) -> None:
    """Check that an incident stands for itself.

    Raises:
        StepNotPossible: it is a duplicate of another one.
    """
    if incident.merged_into_id is not None:
        sentence = gettext("This is a duplicate of incident %(number)s: work on that one, or split this one off.")
        raise StepNotPossible(sentence % {"number": incident.merged_into_id})


def check_edit(
    incident: Incident, changes: Mapping[str, Any], *, person: User, reason: str, seen_version: int | None = None
) -> None:
    """Check whether ``changes`` may be made to ``incident`` as it now stands.

    Raises:
        ReviewRefused: somebody else has it in hand, has changed it since ``seen_version``, or it is a duplicate.
        ValidationError: under ``reason`` where urgency goes down without one.
    """
    check_not_merged(incident)
    claims.check_free_for(incident, person)
    if seen_version is not None:
        check_seen(incident.pk, seen_version)
    if "urgency" in changes and lowers_urgency(incident.urgency, changes["urgency"]) and not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why the urgency is lowered."), code="required")})


def edit_incident(
    incident_id: int,
    changes: Mapping[str, Any],
    *,
    person: User,
    reason: str = "",
    seen_version: int | None = None,
) -> Incident:
    """Correct fields of an incident: the version, the audit entry and the status go with it, in one transaction.

    An incident that nobody has been sent to becomes `IncidentStatus.CORRECTED` and is in the person's hands.

    Args:
        incident_id: which one.
        changes: new values by field name, only names of `EDITABLE`; values that stay the same are no change.
        person: whose correction it is.
        reason: why; needed where the urgency goes down.
        seen_version: `latest_version` as the person saw it; None skips that check.

    Returns:
        The incident as it now is.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: somebody else has it in hand or has changed it, or it is a duplicate.
        ValidationError: a value is not allowed, or a reason is missing.
        KeyError: a field is not one of `EDITABLE`.
    """
    if unknown := set(changes) - set(EDITABLE):
        raise KeyError(f"not editable: {', '.join(sorted(unknown))}")
    with transaction.atomic():
        incident = Incident.objects.select_for_update().get(pk=incident_id)
        changed = {name: value for name, value in changes.items() if getattr(incident, name) != value}
        if not changed:
            if seen_version is not None:
                check_seen(incident_id, seen_version)
            return incident
        check_edit(incident, changed, person=person, reason=reason, seen_version=seen_version)
        before = {"from": incident.status, "urgency_from": incident.urgency}
        keep_first_version(incident)
        for name, value in changed.items():
            setattr(incident, name, value)
            incident.suggestions.pop(name, None)
        incident.clean_fields(exclude={field.name for field in Incident._meta.fields} - set(changed))
        if incident.status in OPEN_STATUSES:
            incident.status = IncidentStatus.CORRECTED
            claims.take(incident, person)
        detail = {"fields": sorted(changed), "from": before["from"], "to": incident.status}
        if "urgency" in changed:
            detail |= {"urgency_from": before["urgency_from"], "urgency_to": incident.urgency}
        keep(incident, Action.CORRECT, author=person.get_username(), reason=reason, detail=detail)
    return incident


@contextmanager
def step(
    incident_id: int,
    action: Action,
    *,
    person: User,
    seen_version: int,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
    whoever_has_it: bool = False,
) -> Iterator[Incident]:
    """One step of the review: what the block makes of the incident is kept, with a version and an audit entry.

    Args:
        incident_id: which one. It is locked while the block runs, which may refuse the step by an exception.
        action: what the audit log calls it.
        person: who takes the step.
        seen_version: `latest_version` as the person saw it.
        reason: why, in the person's words.
        detail: of the audit entry, beside the statuses.
        whoever_has_it: the step may be taken while somebody else has the incident in hand.

    Yields:
        The incident, for the block to change.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ClaimedByAnother: somebody else has it in hand.
        StaleIncident: it has changed since ``seen_version``.
    """
    with transaction.atomic():
        incident = Incident.objects.select_for_update().get(pk=incident_id)
        if not whoever_has_it:
            claims.check_free_for(incident, person)
        check_seen(incident_id, seen_version)
        keep_first_version(incident)
        before = incident.status
        yield incident
        statuses = {} if incident.status == before else {"from": before, "to": incident.status}
        keep(incident, action, author=person.get_username(), reason=reason, detail={**statuses, **(detail or {})})


def keep(incident: Incident, action: Action, *, author: str, reason: str, detail: Mapping[str, Any]) -> None:
    """Save an incident, its version and its audit entry. The caller holds its row locked, in a transaction."""
    incident.save()
    IncidentVersion.objects.create(
        incident=incident,
        at=timezone.now(),
        author=author,
        reason=reason.strip()[: IncidentVersion._meta.get_field("reason").max_length],
        fields=incident_fields(incident),
    )
    audit.record(action, actor=author, kind="incident", object_id=incident.pk, call_id=incident.call_id, detail=detail)
    incident.refresh_from_db()
    log.info("incident_changed", call_id=str(incident.call_id), stage="office", step=action.value, **_shown(detail))


def keep_first_version(incident: Incident) -> None:
    """Keep what the machine made of an incident as a version, where it has none yet."""
    if not latest_version(incident.pk):
        IncidentVersion.objects.create(
            incident=incident,
            at=incident.created_at,
            author=f"{MACHINE}{incident.engine}"[:150],
            fields=incident_fields(incident),
        )


def _shown(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {"fields": detail["fields"]} if "fields" in detail else {}
