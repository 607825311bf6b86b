"""Several incidents about one event: duplicates point to one of them, related ones are linked."""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webadmin.audit.models import Action
from webadmin.incidents import claims
from webadmin.incidents.errors import StepNotPossible
from webadmin.incidents.models import ENDED_STATUSES, Incident, IncidentLink
from webadmin.incidents.services import check_not_merged, keep, keep_first_version, lowers_urgency, step

SYSTEM = "system:merge"
"""Author of what follows from a merge: nobody has judged the urgency that is taken over."""


def merge(incident_id: int, into_id: int, *, person: User, seen_version: int) -> Incident:
    """Make an incident a duplicate of another one. Its call, its evidence and its history stay its own.

    The other one becomes as urgent as the more urgent of the two: no event gets less urgent by a merge.

    Args:
        incident_id: the duplicate.
        into_id: the one that stays in the queue.
        person: who says so.
        seen_version: of the duplicate.

    Returns:
        The duplicate.

    Raises:
        Incident.DoesNotExist: there is none of these ids.
        ReviewRefused: one of the two is a duplicate or ended already, others point to the duplicate, somebody else has
            the duplicate in hand, or it has changed.
    """
    if incident_id == into_id:
        raise StepNotPossible(_("An incident is no duplicate of itself."))
    with transaction.atomic():
        # Both are locked in one order, so that two people who merge crosswise do not wait for each other for ever.
        both = {each.pk: each for each in _locked(incident_id, into_id)}
        target = both[into_id]
        detail = {"into": into_id}
        with step(incident_id, Action.MERGE, person=person, seen_version=seen_version, detail=detail) as duplicate:
            for each in (duplicate, target):
                check_not_merged(each)
                if each.status in ENDED_STATUSES:
                    sentence = gettext("Incident %(number)s is ended: reopen it first.")
                    raise StepNotPossible(sentence % {"number": each.pk})
            if duplicate.duplicates.exists():
                raise StepNotPossible(_("Other incidents are duplicates of this one: merge the other way round."))
            claims.drop(duplicate)
            duplicate.merged_into = target
        if lowers_urgency(duplicate.urgency, target.urgency):
            keep_first_version(target)
            raised = {"duplicate": incident_id, "urgency_from": target.urgency, "urgency_to": duplicate.urgency}
            target.urgency = duplicate.urgency
            reason = gettext("As urgent as its duplicate %(number)s.") % {"number": incident_id}
            keep(target, Action.MERGE, author=SYSTEM, reason=reason, detail=raised)
    return duplicate


def split(incident_id: int, *, person: User, seen_version: int) -> Incident:
    """Undo a merge: the incident stands for itself again, with the status it had.

    Raises:
        Incident.DoesNotExist: there is none of this id.
        ReviewRefused: it is no duplicate, or it has changed.
    """
    with step(incident_id, Action.SPLIT, person=person, seen_version=seen_version) as incident:
        if incident.merged_into_id is None:
            raise StepNotPossible(_("This incident is no duplicate."))
        incident.merged_into = None
    return incident


def link(incident_id: int, other_id: int, *, person: User, seen_version: int) -> Incident:
    """Say that two incidents have to do with each other. Whoever has them in hand, keeps them.

    Raises:
        Incident.DoesNotExist: there is none of these ids.
        ReviewRefused: they are one, or linked already, or the first has changed.
    """
    if incident_id == other_id:
        raise StepNotPossible(_("An incident is not linked with itself."))
    sentence = gettext("Linked with incident %(number)s.")
    with _link_step(incident_id, other_id, Action.LINK, sentence, person, seen_version) as incident:
        one, other = sorted((incident_id, other_id))
        new = {"at": timezone.now(), "author": person.get_username()}
        if not IncidentLink.objects.get_or_create(one_id=one, other_id=other, defaults=new)[1]:
            raise StepNotPossible(_("These incidents are linked already."))
    return incident


def unlink(incident_id: int, other_id: int, *, person: User, seen_version: int) -> Incident:
    """Take a link back.

    Raises:
        Incident.DoesNotExist: there is none of these ids.
        ReviewRefused: they are not linked, or the first has changed.
    """
    sentence = gettext("No longer linked with incident %(number)s.")
    with _link_step(incident_id, other_id, Action.UNLINK, sentence, person, seen_version) as incident:
        one, other = sorted((incident_id, other_id))
        if not IncidentLink.objects.filter(one_id=one, other_id=other).delete()[0]:
            raise StepNotPossible(_("These incidents are not linked."))
    return incident


def linked(incident: Incident) -> list[Incident]:
    """The incidents that this one is linked with, the oldest link first."""
    pairs = IncidentLink.objects.filter(Q(one=incident) | Q(other=incident)).select_related("one", "other")
    return [pair.other if pair.one_id == incident.pk else pair.one for pair in pairs]


def _locked(*ids: int) -> list[Incident]:
    found = list(Incident.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    if len(found) != len(ids):
        raise Incident.DoesNotExist
    return found


def _link_step(
    incident_id: int, other_id: int, action: Action, sentence: str, person: User, seen_version: int
) -> AbstractContextManager[Incident]:
    if not Incident.objects.filter(pk=other_id).exists():
        raise Incident.DoesNotExist
    return step(
        incident_id,
        action,
        person=person,
        seen_version=seen_version,
        reason=sentence % {"number": other_id},
        detail={"other": other_id},
        whoever_has_it=True,
    )
