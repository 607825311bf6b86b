"""Several calls about one event."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.factories import IncidentFactory
from webadmin.audit.models import AuditEntry
from webadmin.calls.models import Call
from webadmin.incidents import desk, merging, review
from webadmin.incidents.errors import ClaimedByAnother, StaleIncident, StepNotPossible
from webadmin.incidents.models import Incident, IncidentLink
from webadmin.incidents.projection import apply_assessment
from webadmin.incidents.services import edit_incident, latest_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]


def do(step, incident, other, person) -> Incident:
    return step(incident.pk, other.pk, person=person, seen_version=latest_version(incident.pk))


def assess(incident: Incident, **fields) -> None:
    with transaction.atomic():
        call = Call.objects.select_for_update().get(pk=incident.call_id)
        apply_assessment(
            call,
            timezone.now(),
            fields,
            source="llm",
            engine="x",
            evidence={},
            notes=(),
            model_answer=None,
            prompt_version="",
        )
    incident.refresh_from_db()


def test_a_duplicate_leaves_the_queue_and_keeps_what_is_its_own(dispatcher):
    first, second = IncidentFactory(urgency="high"), IncidentFactory(urgency="low", evidence={"address": {"turn": 1}})
    merged = do(merging.merge, second, first, dispatcher)
    assert (merged.merged_into, merged.status, merged.evidence) == (first, "new", {"address": {"turn": 1}})
    assert list(desk.waiting()) == [first]
    first.refresh_from_db()
    assert (first.urgency, first.versions.count()) == ("high", 0)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.detail) == ("merge", str(second.pk), {"into": first.pk})


def test_no_event_gets_less_urgent_by_a_merge(dispatcher):
    first, second = IncidentFactory(urgency=None), IncidentFactory(urgency="critical")
    do(merging.merge, second, first, dispatcher)
    first.refresh_from_db()
    assert first.urgency == "critical"
    assert first.versions.order_by("-id")[0].reason == f"As urgent as its duplicate {second.pk}."


def test_an_urgency_taken_over_from_a_duplicate_is_no_persons_word(dispatcher):
    event, second = IncidentFactory(urgency="low"), IncidentFactory(urgency="medium")
    do(merging.merge, second, event, dispatcher)
    assess(event, urgency="critical")
    assert (event.urgency, event.suggestions) == ("critical", {})


def test_what_a_duplicate_still_tells_raises_the_event(dispatcher):
    event, second = IncidentFactory(urgency="low"), IncidentFactory(urgency="low")
    do(merging.merge, second, event, dispatcher)
    assess(second, urgency="critical")
    event.refresh_from_db()
    assert event.urgency == "critical"


def test_where_a_person_decided_the_event_a_duplicate_only_asks(dispatcher):
    event, second = IncidentFactory(urgency="low"), IncidentFactory(urgency="low")
    review.confirm(event.pk, person=dispatcher, seen_version=0)
    do(merging.merge, second, event, dispatcher)
    for _ in range(2):
        assess(second, urgency="critical")
    event.refresh_from_db()
    assert (event.urgency, event.suggestions) == ("low", {"urgency": "critical"})
    assert list(desk.raised_after_review()) == [event]
    assert event.versions.filter(author="ai:x").count() == 1


def test_a_split_brings_it_back_as_it_was(dispatcher):
    first, second = IncidentFactory(), IncidentFactory()
    review.confirm(second.pk, person=dispatcher, seen_version=0)
    do(merging.merge, second, first, dispatcher)
    back = merging.split(second.pk, person=dispatcher, seen_version=latest_version(second.pk))
    assert (back.merged_into, back.status) == (None, "confirmed")
    with pytest.raises(StepNotPossible):
        merging.split(second.pk, person=dispatcher, seen_version=latest_version(second.pk))


def test_a_duplicate_is_not_worked_on(dispatcher):
    first, second = IncidentFactory(), IncidentFactory()
    do(merging.merge, second, first, dispatcher)
    seen = latest_version(second.pk)
    for step in (review.claim, review.confirm, review.close, review.reopen):
        with pytest.raises(StepNotPossible, match=f"duplicate of incident {first.pk}"):
            step(second.pk, person=dispatcher, seen_version=seen)
    with pytest.raises(StepNotPossible):
        edit_incident(second.pk, {"summary": "x"}, person=dispatcher)


def test_merges_that_make_no_sense(person, dispatcher):
    first, second, third, ended = (IncidentFactory() for _ in range(4))
    do(merging.merge, second, first, dispatcher)
    review.mark_false(ended.pk, person=dispatcher, seen_version=0, reason="x")
    for duplicate, target in (
        (first, first),
        (second, third),
        (third, second),
        (first, third),
        (third, ended),
        (ended, third),
    ):
        with pytest.raises(StepNotPossible):
            do(merging.merge, duplicate, target, dispatcher)
    review.claim(third.pk, person=person("other"), seen_version=0)
    with pytest.raises(ClaimedByAnother):
        do(merging.merge, third, first, dispatcher)
    with pytest.raises(StaleIncident):
        merging.merge(second.pk, first.pk, person=dispatcher, seen_version=0)
    with pytest.raises(Incident.DoesNotExist):
        merging.merge(first.pk, 10**9, person=dispatcher, seen_version=0)


def test_a_duplicate_whose_event_is_deleted_waits_again(dispatcher):
    first, second = IncidentFactory(), IncidentFactory()
    do(merging.merge, second, first, dispatcher)
    first.call.delete()
    assert list(desk.waiting()) == [second]


def test_two_incidents_are_linked_once_whoever_is_named_first(dispatcher):
    first, second = IncidentFactory(), IncidentFactory()
    do(merging.link, second, first, dispatcher)
    assert merging.linked(first) == [second]
    assert merging.linked(second) == [first]
    with pytest.raises(StepNotPossible):
        do(merging.link, first, second, dispatcher)
    do(merging.unlink, first, second, dispatcher)
    assert merging.linked(first) == []
    with pytest.raises(StepNotPossible):
        do(merging.unlink, second, first, dispatcher)
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["link", "unlink"]


def test_the_database_keeps_one_row_for_a_pair_and_no_incident_its_own_duplicate():
    first, second = sorted((IncidentFactory(), IncidentFactory()), key=lambda each: each.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        IncidentLink.objects.create(one=second, other=first, at=timezone.now(), author="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.filter(pk=first.pk).update(merged_into=first)
