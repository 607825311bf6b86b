"""How an incident goes through people's hands, and what is refused on the way."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from tests.factories import IncidentFactory
from webadmin.audit.models import AuditEntry
from webadmin.incidents import review, tasks
from webadmin.incidents.errors import ClaimedByAnother, ReviewRefused, StaleIncident, StepNotPossible
from webadmin.incidents.models import Incident, IncidentStatus
from webadmin.incidents.services import edit_incident, latest_version

pytestmark = pytest.mark.usefixtures("english")

STEPS = {
    "claim": review.claim,
    "release": review.release,
    "confirm": review.confirm,
    "dispatch": lambda pk, **rest: review.dispatch(pk, "police", **rest),
    "close": review.close,
    "false": lambda pk, **rest: review.mark_false(pk, reason="a prank", **rest),
    "reopen": review.reopen,
}


def take(name: str, incident: Incident, person) -> Incident:
    """The step as somebody takes it who looks at the incident as it is now."""
    return STEPS[name](incident.pk, person=person, seen_version=latest_version(incident.pk))


@pytest.fixture
def other(person):
    return person("other")


def test_an_incident_goes_from_new_to_closed(incident, dispatcher):
    assert take("claim", incident, dispatcher).status == "claimed"
    assert take("confirm", incident, dispatcher).claimed_by == dispatcher
    sent = take("dispatch", incident, dispatcher)
    assert (sent.status, sent.dispatched_to, sent.claimed_by) == ("dispatched", "police", None)
    closed = take("close", incident, dispatcher)
    assert (closed.status, closed.dispatched_to) == ("closed", "police")
    assert closed.closed_at >= closed.dispatched_at
    versions = incident.versions.order_by("id")
    assert [version.fields["status"] for version in versions] == ["new", "claimed", "confirmed", "dispatched", "closed"]
    assert [version.author for version in versions] == ["ai:openai:model-x", *["dispatcher"] * 4]
    audit = AuditEntry.objects.order_by("id")
    assert [(entry.actor, entry.action, entry.object_id) for entry in audit] == [
        ("dispatcher", action, str(incident.pk)) for action in ("claim", "confirm", "dispatch", "close")
    ]
    assert audit[2].detail == {"from": "confirmed", "to": "dispatched", "department": "police"}
    assert {entry.call_id for entry in audit} == {incident.call_id}


@pytest.mark.parametrize(
    ("taken", "refused"),
    [
        ([], "release"),
        ([], "dispatch"),
        ([], "close"),
        ([], "reopen"),
        (["claim"], "dispatch"),
        (["claim"], "reopen"),
        (["confirm"], "confirm"),
        (["confirm", "dispatch"], "claim"),
        (["confirm", "dispatch"], "confirm"),
        (["confirm", "dispatch"], "dispatch"),
        (["confirm", "close"], "close"),
        (["confirm", "close"], "false"),
        (["false"], "claim"),
        (["false"], "dispatch"),
    ],
)
def test_a_step_that_does_not_follow_is_refused_and_leaves_nothing(incident, dispatcher, taken, refused):
    for name in taken:
        take(name, incident, dispatcher)
    before = (incident.versions.count(), AuditEntry.objects.count(), Incident.objects.values().get())
    with pytest.raises(StepNotPossible) as error:
        take(refused, incident, dispatcher)
    assert error.value.messages[0].endswith((".", "”."))
    assert (incident.versions.count(), AuditEntry.objects.count(), Incident.objects.values().get()) == before


@pytest.mark.parametrize(
    ("taken", "status"),
    [
        (["confirm"], "claimed"),
        (["confirm", "dispatch"], "confirmed"),
        (["confirm", "dispatch", "close"], "dispatched"),
        (["confirm", "close"], "confirmed"),
        (["confirm", "dispatch", "false"], "dispatched"),
        (["false"], "claimed"),
    ],
)
def test_the_last_step_can_be_undone(incident, dispatcher, taken, status):
    for name in taken:
        take(name, incident, dispatcher)
    undone = take("reopen", incident, dispatcher)
    assert (undone.status, undone.closed_at) == (status, None)
    assert (undone.dispatched_at is None) == (status != "dispatched")
    assert undone.claimed_by == (None if status == "dispatched" else dispatcher)


def test_a_closed_incident_from_before_the_review_can_be_reopened(call, dispatcher):
    incident = IncidentFactory(call=call, status="closed")
    assert take("reopen", incident, dispatcher).status == "claimed"


@pytest.mark.parametrize("name", ["claim", "release", "confirm", "false"])
def test_nobody_takes_what_somebody_has_in_hand(incident, dispatcher, other, name):
    take("claim", incident, dispatcher)
    with pytest.raises(ClaimedByAnother, match="in work with dispatcher"):
        take(name, incident, other)
    with pytest.raises(ClaimedByAnother):
        edit_incident(incident.pk, {"summary": "x"}, person=other)


@pytest.mark.parametrize("name", STEPS)
def test_what_has_changed_since_it_was_seen_is_refused(incident, dispatcher, name):
    seen = latest_version(incident.pk)
    take("claim", incident, dispatcher)
    with pytest.raises(StaleIncident):
        STEPS[name](incident.pk, person=dispatcher, seen_version=seen)


def test_a_correction_is_a_step_of_the_review(incident, dispatcher):
    corrected = edit_incident(incident.pk, {"address": "Абая 17", "urgency": "critical"}, person=dispatcher)
    assert (corrected.status, corrected.claimed_by) == ("corrected", dispatcher)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail) == (
        "correct",
        {
            "fields": ["address", "urgency"],
            "from": "new",
            "to": "corrected",
            "urgency_from": "high",
            "urgency_to": "critical",
        },
    )


def test_a_correction_after_the_end_leaves_the_status(incident, dispatcher):
    take("false", incident, dispatcher)
    assert edit_incident(incident.pk, {"summary": "x"}, person=dispatcher).status == "false_call"


def test_a_false_call_needs_a_reason_and_a_dispatch_a_department(incident, dispatcher):
    with pytest.raises(ValidationError, match="Say why"):
        review.mark_false(incident.pk, person=dispatcher, seen_version=0, reason=" ")
    with pytest.raises(ValidationError, match="no such department"):
        review.dispatch(incident.pk, "navy", person=dispatcher, seen_version=0)


def test_a_claim_lapses_at_once_for_others(incident, dispatcher, other, settings):
    settings.REVIEW_CLAIM_MINUTES = 15
    take("claim", incident, dispatcher)
    Incident.objects.update(claimed_at=timezone.now() - timedelta(minutes=16))
    assert take("claim", incident, other).claimed_by == other


def test_what_lapsed_is_released_with_a_note(incident, dispatcher, settings):
    settings.REVIEW_CLAIM_MINUTES = 15
    decided, held = IncidentFactory(), IncidentFactory()
    take("claim", incident, dispatcher)
    take("confirm", decided, dispatcher)
    Incident.objects.exclude(pk=held.pk).update(claimed_at=timezone.now() - timedelta(minutes=16))
    take("claim", held, dispatcher)
    tasks.release_lapsed()
    found = dict(Incident.objects.values_list("pk", "status"))
    assert found == {incident.pk: "new", decided.pk: "confirmed", held.pk: "claimed"}
    assert list(Incident.objects.filter(claimed_by=dispatcher)) == [held]
    newest = incident.versions.order_by("-id")[0]
    assert (newest.author, newest.reason) == ("system:claims", "The claim has lapsed.")
    assert AuditEntry.objects.filter(action="lapse", actor="system:claims").count() == 2
    assert review.release_lapsed() == 0


def test_a_holder_who_is_no_longer_a_user_holds_nothing(incident, dispatcher, other):
    take("claim", incident, dispatcher)
    dispatcher.delete()
    assert review.release_lapsed() == 1
    assert take("claim", incident, other).claimed_by == other


def test_what_a_person_may_do_now_is_what_is_not_refused(incident, dispatcher, other):
    for taken in ([], ["claim"], ["confirm"], ["dispatch"], ["close"], ["reopen"]):
        for name in taken:
            take(name, incident, dispatcher)
        incident.refresh_from_db()
        for person in (dispatcher, other):
            possible = {action.value.replace("_call", "") for action in review.possible_steps(incident, person)}
            assert possible == {name for name in STEPS if would_pass(name, incident, person)}


def would_pass(name: str, incident: Incident, person) -> bool:
    try:
        with transaction.atomic():
            take(name, incident, person)
            transaction.set_rollback(True)
    except ReviewRefused:
        return False
    return True


@pytest.mark.parametrize(
    "state",
    [
        {"status": "claimed"},
        {"status": "reviewed"},
        {"status": "dispatched"},
        {"status": "closed"},
        {"status": "new", "claimed_at": timezone.now()},
        {"status": "new", "closed_at": timezone.now()},
        {"status": "new", "dispatched_at": timezone.now(), "dispatched_to": "police"},
        {"status": "dispatched", "dispatched_at": timezone.now()},
        {"status": "closed", "closed_at": timezone.now(), "claimed_at": timezone.now()},
        {"status": "closed", "closed_at": timezone.now(), "dispatched_to": "police"},
    ],
)
def test_the_database_refuses_impossible_states(incident, state):
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.update(**state)


def test_the_statuses_of_the_database_are_those_of_the_model():
    assert max(map(len, IncidentStatus.values)) <= Incident._meta.get_field("status").max_length


@pytest.mark.django_db(transaction=True)
def test_of_two_dispatchers_at_once_exactly_one_wins(person):
    incident = IncidentFactory()
    people = [person(f"dispatcher{number}") for number in range(4)]
    start, outcomes = threading.Barrier(len(people)), []

    def claim(who) -> None:
        try:
            start.wait()
            outcomes.append(review.claim(incident.pk, person=who, seen_version=0).claimed_by.username)
        except ReviewRefused as refusal:
            outcomes.append(refusal)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim, args=[who]) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert all(isinstance(each, ClaimedByAnother) and winner in each.messages[0] for each in outcomes if each != winner)
    assert Incident.objects.get().claimed_by.username == winner
    assert AuditEntry.objects.count() == 1
