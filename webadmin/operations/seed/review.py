"""What dispatchers of the invented desk made of incidents: corrected where the rules erred, dispatched, closed."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser

from webadmin.incidents.models import URGENCY_RANK, Category, Incident, IncidentStatus, IncidentVersion, Urgency
from webadmin.incidents.projection import incident_fields
from webadmin.operations.seed.stories import Story

DISPATCHERS = ("demo.aigerim", "demo.bolat", "demo.darya", "demo.marat", "demo.saule")
MAIL = "@demo.invalid"
"""How the addresses of the invented dispatchers end; nobody else's does."""

LOWERED = "на месте оказалось не так опасно"
"""Reason of a dispatcher who lowers an urgency."""

_TAKEN_WITHIN = {Urgency.CRITICAL: 4.0, Urgency.HIGH: 15.0, Urgency.MEDIUM: 45.0, Urgency.LOW: 120.0}
"""Minutes until a dispatcher takes an incident, in the mean, by its urgency."""

_UNKNOWN_TAKEN_WITHIN = 10.0
_FALSE = 0.05
_SEEN_WRONG = 0.9
_NOBODY_GOES = (Category.INFORMATION, Category.SILENT, Category.OTHER)


def dispatchers() -> list[AbstractUser]:
    """The invented dispatchers' accounts, made where they are missing; nobody can log in with them."""
    users = get_user_model().objects
    for name in DISPATCHERS:
        first = name.partition(".")[2]
        user, new = users.get_or_create(
            username=name, defaults={"first_name": first.capitalize(), "email": first + MAIL}
        )
        if new:
            user.set_unusable_password()
            user.save(update_fields=["password"])
    return list(users.filter(username__in=DISPATCHERS, email__endswith=MAIL).order_by("username"))


def remove_dispatchers() -> None:
    """Delete the invented dispatchers' accounts."""
    get_user_model().objects.filter(username__in=DISPATCHERS, email__endswith=MAIL).delete()


def review(incident: Incident, story: Story, user: AbstractUser, now: datetime, chance: random.Random) -> None:
    """Let a dispatcher work on an incident, as far as they get with it until now.

    Args:
        incident: as the rules left it.
        story: what had really happened.
        user: who takes it.
        now: nothing is done later than this.
        chance: what is left to chance.
    """
    urgency = Urgency(incident.urgency) if incident.urgency else None
    within = _TAKEN_WITHIN[urgency] if urgency else _UNKNOWN_TAKEN_WITHIN
    taken = incident.created_at + timedelta(minutes=1.5 + chance.expovariate(1 / within))
    judged = taken + timedelta(minutes=chance.uniform(0.5, 6))
    sent = judged + timedelta(minutes=chance.uniform(0.3, 4))
    ended = sent + timedelta(minutes=chance.uniform(10, 120))
    wrong = corrections(incident, story) if chance.random() < _SEEN_WRONG else {}
    steps: list[tuple[datetime, dict[str, Any]]] = [
        (taken, {"status": IncidentStatus.CLAIMED, "claimed_by": user, "claimed_at": taken})
    ]
    free = {"claimed_by": None, "claimed_at": None}
    if not story.event and chance.random() < _FALSE:
        steps.append((judged, {"status": IncidentStatus.FALSE_CALL, "closed_at": judged, **free}))
    else:
        verdict = IncidentStatus.CORRECTED if wrong else IncidentStatus.CONFIRMED
        steps.append((judged, {**wrong, "status": verdict}))
        right = {"category": incident.category, "recommended_department": incident.recommended_department, **wrong}
        if right["recommended_department"] and right["category"] not in _NOBODY_GOES:
            sending = {"dispatched_to": right["recommended_department"], "dispatched_at": sent}
            steps.append((sent, {"status": IncidentStatus.DISPATCHED, **sending, **free}))
            steps.append((ended, {"status": IncidentStatus.CLOSED, "closed_at": ended}))
        else:
            steps.append((sent, {"status": IncidentStatus.CLOSED, "closed_at": sent, **free}))
    done = [(at, changes) for at, changes in steps if at <= now]
    for at, changes in done:
        _change(incident, changes, user.get_username(), at)
    Incident.objects.filter(pk=incident.pk).update(updated_at=done[-1][0] if done else incident.created_at)


def corrections(incident: Incident, story: Story) -> dict[str, Any]:
    """What a dispatcher would change: fields in which the rules differ from what is right."""
    wrong: dict[str, Any] = {
        name: value for name, value in story.right.items() if value is not None and value != getattr(incident, name)
    }
    goes = wrong.get("category", incident.category) not in _NOBODY_GOES
    if goes and incident.address is None and story.address in " ".join((*story.says, story.place)):
        wrong["address"] = story.address
    return wrong


def _change(incident: Incident, changes: dict[str, Any], by: str, at: datetime) -> None:
    """Store values as a dispatcher's, at a time that is past: the services know only now."""
    reason = LOWERED if _lowers(incident.urgency, changes.get("urgency")) else ""
    for name, value in changes.items():
        setattr(incident, name, value)
    incident.save(update_fields=list(changes))
    IncidentVersion.objects.create(incident=incident, at=at, author=by, reason=reason, fields=incident_fields(incident))


def _lowers(before: str | None, after: str | None) -> bool:
    return bool(before and after) and URGENCY_RANK[Urgency(after)] > URGENCY_RANK[Urgency(before)]
