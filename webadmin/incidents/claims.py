"""Who has an incident in hand. A claim lapses, so that a dispatcher who went home keeps nobody waiting."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from webadmin.incidents.errors import ClaimedByAnother
from webadmin.incidents.models import HELD_STATUSES, Incident, IncidentStatus


def oldest_live(now: datetime | None = None) -> datetime:
    """When a claim must have been made, at the earliest, to hold at ``now``."""
    return (now or timezone.now()) - timedelta(minutes=settings.REVIEW_CLAIM_MINUTES)


def nobody_has_it(now: datetime | None = None) -> Q:
    """Condition on incidents that nobody has in hand: not claimed, or the claim has lapsed."""
    return Q(claimed_by__isnull=True) | Q(claimed_at__lt=oldest_live(now))


def holder(incident: Incident, now: datetime | None = None) -> User | None:
    """Who has the incident in hand; None where nobody has, or the claim has lapsed."""
    if incident.claimed_at is None or incident.claimed_at < oldest_live(now):
        return None
    return incident.claimed_by


def check_free_for(incident: Incident, person: User) -> None:
    """Check that nobody but ``person`` has the incident in hand.

    Raises:
        ClaimedByAnother: somebody has.
    """
    found = holder(incident)
    if found is not None and found.pk != person.pk:
        raise ClaimedByAnother(found.get_username())


def take(incident: Incident, person: User) -> None:
    """Put the incident into the hands of ``person``, from now. Not saved here."""
    incident.claimed_by, incident.claimed_at = person, timezone.now()


def drop(incident: Incident) -> None:
    """Take the incident out of anybody's hands; one that was only claimed is new again. Not saved here."""
    incident.claimed_by = incident.claimed_at = None
    if incident.status == IncidentStatus.CLAIMED:
        incident.status = IncidentStatus.NEW


def lapsed(now: datetime | None = None) -> Q:
    """Condition on incidents whose claim has lapsed, or whose holder is no longer a user."""
    return Q(status__in=HELD_STATUSES, claimed_at__isnull=False) & nobody_has_it(now)
