"""The steps by which people bring an incident from new to closed.

New → claimed → confirmed, or corrected by `webadmin.incidents.services.edit_incident` → dispatched → closed; from any
of them to a false call, and back by `reopen`. Each step names the version that the person saw; it is refused, with an
error of `webadmin.incidents.errors`, where the incident has changed since, where somebody else has it in hand or where
its state forbids it. A step that decides answers what the assistant suggested until then; the history keeps that.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webadmin.audit.models import Action
from webadmin.incidents import claims
from webadmin.incidents.errors import StepNotPossible
from webadmin.incidents.models import (
    ENDED_STATUSES,
    OPEN_STATUSES,
    Department,
    Incident,
    IncidentStatus,
    IncidentVersion,
)
from webadmin.incidents.services import check_not_merged, keep, keep_first_version, step

SYSTEM = "system:claims"
"""Author of what the office does by itself. A user's name cannot be this: it has no colon."""

LAPSED_AT_ONCE = 200

_UNDECIDED = (IncidentStatus.NEW, IncidentStatus.CLAIMED)
_DECIDED = (IncidentStatus.CONFIRMED, IncidentStatus.CORRECTED)

_FROM: dict[Action, Collection[IncidentStatus]] = {
    Action.CLAIM: OPEN_STATUSES,
    Action.CONFIRM: _UNDECIDED,
    Action.DISPATCH: _DECIDED,
    Action.CLOSE: (*_DECIDED, IncidentStatus.DISPATCHED),
    Action.FALSE_CALL: (*OPEN_STATUSES, IncidentStatus.DISPATCHED),
    Action.REOPEN: tuple(status for status in IncidentStatus if status not in _UNDECIDED),
}
"""The statuses from which a step can be taken."""


def claim(incident_id: int, *, person: User, seen_version: int) -> Incident:
    """Take an incident into work. Taking one's own again makes the claim last longer.

    Returns:
        The incident as it now is, as all steps do.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: somebody else was quicker, or the incident is past that.
    """
    with step(incident_id, Action.CLAIM, person=person, seen_version=seen_version) as incident:
        _check_status(incident, Action.CLAIM)
        if incident.status == IncidentStatus.NEW:
            incident.status = IncidentStatus.CLAIMED
        claims.take(incident, person)
    return incident


def release(incident_id: int, *, person: User, seen_version: int) -> Incident:
    """Give an incident back that the person had in work.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: the person does not have it.
    """
    with step(incident_id, Action.RELEASE, person=person, seen_version=seen_version) as incident:
        if incident.claimed_by_id != person.pk:
            raise StepNotPossible(_("You do not have this incident in work."))
        claims.drop(incident)
    return incident


def confirm(incident_id: int, *, person: User, seen_version: int) -> Incident:
    """Say that the assistant was right.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: it is decided already, or somebody else's.
    """
    with step(incident_id, Action.CONFIRM, person=person, seen_version=seen_version) as incident:
        _check_status(incident, Action.CONFIRM)
        incident.status = IncidentStatus.CONFIRMED
        incident.suggestions = {}
        claims.take(incident, person)
    return incident


def dispatch(incident_id: int, department: str, *, person: User, seen_version: int) -> Incident:
    """Say that a department has been sent.

    Args:
        department: one of `Department`.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: it is not confirmed or corrected yet, or somebody else's.
        ValidationError: under ``department`` where there is no such department.
    """
    if department not in Department.values:
        raise ValidationError({"department": ValidationError(_("There is no such department."), code="invalid")})
    detail = {"department": department}
    with step(incident_id, Action.DISPATCH, person=person, seen_version=seen_version, detail=detail) as incident:
        _check_status(incident, Action.DISPATCH)
        claims.drop(incident)
        incident.status = IncidentStatus.DISPATCHED
        incident.suggestions = {}
        incident.dispatched_to, incident.dispatched_at = department, timezone.now()
    return incident


def close(incident_id: int, *, person: User, seen_version: int, reason: str = "") -> Incident:
    """Say that nothing more is to be done.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: it is not confirmed or corrected yet, or somebody else's.
    """
    with step(incident_id, Action.CLOSE, person=person, seen_version=seen_version, reason=reason) as incident:
        _check_status(incident, Action.CLOSE)
        _end(incident, IncidentStatus.CLOSED)
    return incident


def mark_false(incident_id: int, *, person: User, seen_version: int, reason: str) -> Incident:
    """Say that nothing had happened. It takes an incident out of the queue, so that it needs a reason.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: it is ended already, or somebody else's.
        ValidationError: under ``reason`` where there is none.
    """
    if not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why this is a false call."), code="required")})
    with step(incident_id, Action.FALSE_CALL, person=person, seen_version=seen_version, reason=reason) as incident:
        _check_status(incident, Action.FALSE_CALL)
        _end(incident, IncidentStatus.FALSE_CALL)
    return incident


def reopen(incident_id: int, *, person: User, seen_version: int, reason: str = "") -> Incident:
    """Undo the last step: closed to what it was before, dispatched to decided, decided to in work with the person.

    Corrected values stay as they are.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: there is nothing to undo, or it is somebody else's.
    """
    with step(incident_id, Action.REOPEN, person=person, seen_version=seen_version, reason=reason) as incident:
        _check_status(incident, Action.REOPEN)
        incident.status = _status_before(incident)
        incident.closed_at = None
        if incident.status != IncidentStatus.DISPATCHED:
            incident.dispatched_to = incident.dispatched_at = None
            claims.take(incident, person)
    return incident


def release_lapsed(now: datetime | None = None) -> int:
    """Release the claims that have lapsed, `LAPSED_AT_ONCE` at most, each with a version that says so.

    Returns:
        How many.
    """
    waiting = Incident.objects.filter(claims.lapsed(now)).order_by("claimed_at").values_list("id", flat=True)
    released = 0
    for incident_id in list(waiting[:LAPSED_AT_ONCE]):
        with transaction.atomic():
            incident = Incident.objects.select_for_update().filter(claims.lapsed(now), pk=incident_id).first()
            if incident is None:
                continue
            keep_first_version(incident)
            claims.drop(incident)
            keep(incident, Action.LAPSE, author=SYSTEM, reason=gettext("The claim has lapsed."), detail={})
            released += 1
    return released


def possible_steps(incident: Incident, person: User) -> list[Action]:
    """The steps of this module that `person` could take now. Reads who has it in hand, nothing else."""
    found = claims.holder(incident)
    if incident.merged_into_id is not None or (found is not None and found.pk != person.pk):
        return []
    steps = [step for step, statuses in _FROM.items() if incident.status in statuses]
    return [*steps, Action.RELEASE] if incident.claimed_by_id == person.pk else steps


def _check_status(incident: Incident, step: Action) -> None:
    check_not_merged(incident)
    if incident.status not in _FROM[step]:
        if step in (Action.DISPATCH, Action.CLOSE) and incident.status in _UNDECIDED:
            raise StepNotPossible(_("Confirm or correct the incident first."))
        sentence = gettext("That is not possible now: the status is “%(status)s”.")
        raise StepNotPossible(sentence % {"status": incident.get_status_display()})


def _end(incident: Incident, status: IncidentStatus) -> None:
    claims.drop(incident)
    incident.status = status
    incident.suggestions = {}
    incident.closed_at = timezone.now()


def _status_before(incident: Incident) -> IncidentStatus:
    if incident.status in ENDED_STATUSES and incident.dispatched_at is not None:
        return IncidentStatus.DISPATCHED
    if incident.status in _DECIDED:
        return IncidentStatus.CLAIMED
    for fields in IncidentVersion.objects.filter(incident=incident).order_by("-id").values_list("fields", flat=True):
        if fields.get("status") in _DECIDED:
            return IncidentStatus(fields["status"])
        if fields.get("status") != incident.status:
            break
    return IncidentStatus.CLAIMED
