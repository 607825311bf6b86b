"""Invented calls look like real ones, come once, and go without a trace."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from dialogue.audio import read_wav
from tests.factories import CallFactory, IncidentFactory
from webadmin.calls.models import Call, CallEvent, CallHearing, Recording, Status, Turn
from webadmin.incidents.models import Incident, IncidentStatus, IncidentVersion, Urgency
from webadmin.operations.seed import desk, review
from webadmin.operations.seed.stories import stories


@pytest.fixture
def seed(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path

    def run(*arguments: str) -> str:
        out = io.StringIO()
        call_command("seed_demo", *arguments, stdout=out)
        return out.getvalue()

    return run


@pytest.fixture
def mute(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)


def everything() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Call, CallEvent, Incident, IncidentVersion, CallHearing, User))


def test_invented_calls_show_everything_a_call_can_be(seed, mute):
    said = seed("--calls", "126")
    assert "Neither espeak-ng nor flite is installed" in said
    assert "Added 126 invented calls, 0 with a recording" in said
    assert set(Incident.objects.values_list("urgency", flat=True)) == {*Urgency.values, None}
    assert set(Call.objects.values_list("status", flat=True)) == set(Status.values) - {Status.ACTIVE}
    assert set(Call.objects.values_list("language", flat=True)) == {"ru", "kk", "en"}
    assert set(Call.objects.values_list("door", flat=True)) == {"demo"}
    assert Turn.objects.filter(heard="silence").exists()
    assert Turn.objects.filter(key="0").exists()
    assert Turn.objects.exclude(doubtful=[]).exists()
    assert Turn.objects.filter(reply_whole=False).exists()
    assert CallEvent.objects.filter(kind="call_ended").count() == 126


def test_what_was_found_rests_on_the_callers_words(seed, mute):
    seed("--calls", "30")
    checked = 0
    for incident in Incident.objects.select_related("call"):
        assert incident.source == incident.engine == "rules"
        assert incident.final
        words = {turn.number: turn.caller_text for turn in incident.call.turns.all()}
        for found in incident.evidence.values():
            checked += found["words"].casefold() in words[found["turn"]].casefold()
    assert checked > 60


def test_turns_have_times_and_what_each_stage_took(seed, mute):
    seed("--calls", "20")
    answered = Turn.objects.filter(heard="utterance", reply_whole=True).exclude(reply_text="").exclude(caller_text="")
    assert answered.count() > 15
    for turn in answered.select_related("call"):
        assert turn.started_at > turn.call.started_at
        assert turn.recognition_seconds > 0
        assert turn.synthesis_seconds > 0
        assert turn.played_seconds > 0
        assert turn.answer_heard_seconds == pytest.approx(turn.delay_seconds, abs=0.01)
    assert CallHearing.objects.filter(answers__gt=0, stt="demo", llm="rules", tts="espeak").count() > 10


def test_dispatchers_have_worked_on_what_is_old(seed, mute):
    seed("--calls", "126", "--days", "10")
    before_yesterday = Incident.objects.filter(created_at__lt=timezone.now() - timedelta(days=2))
    ended = {IncidentStatus.CLOSED, IncidentStatus.FALSE_CALL}
    assert sum(incident.status in ended for incident in before_yesterday) > 0.9 * before_yesterday.count()
    assert Incident.objects.filter(status=IncidentStatus.NEW).exists()
    authors = set(IncidentVersion.objects.exclude(author__startswith="ai:").values_list("author", flat=True))
    assert authors == set(review.DISPATCHERS)
    for version in IncidentVersion.objects.select_related("incident"):
        assert version.incident.created_at <= version.at <= timezone.now()
    newest = {version.incident_id: version for version in IncidentVersion.objects.order_by("id")}
    for incident in Incident.objects.all():
        assert newest[incident.pk].fields["status"] == incident.status
        assert newest[incident.pk].fields["urgency"] == incident.urgency


def test_an_urgency_that_a_dispatcher_lowered_has_a_reason(seed, mute):
    incident = IncidentFactory(urgency="critical", category="theft", created_at=timezone.now() - timedelta(days=3))
    story = next(story for story, _ in stories(1, 60) if story.right["urgency"] == "low")

    class Seldom(desk.random.Random):
        """Sees what is wrong, and finds no false call."""

        def random(self) -> float:
            return 0.5

    seed("--calls", "1", "--force")
    review.review(incident, story, review.dispatchers()[0], timezone.now(), Seldom(1))
    lowered = incident.versions.get(fields__status=IncidentStatus.CORRECTED)
    assert (lowered.fields["urgency"], lowered.reason) == ("low", review.LOWERED)


def test_nobody_can_log_in_as_an_invented_dispatcher(seed, mute, client):
    seed("--calls", "1")
    users = User.objects.filter(username__in=review.DISPATCHERS)
    assert users.count() == len(review.DISPATCHERS)
    assert not any(user.has_usable_password() or user.is_staff for user in users)


def test_a_second_run_adds_nothing(seed, mute):
    seed("--calls", "5")
    before = everything()
    assert "Nothing to do" in seed("--calls", "5")
    assert everything() == before


def test_more_calls_add_to_those_that_are_there(seed, mute):
    seed("--calls", "3")
    there = set(Call.objects.values_list("pk", "caller_number"))
    assert "Added 2" in seed("--calls", "5")
    assert there < set(Call.objects.values_list("pk", "caller_number"))


def test_a_seed_gives_the_same_calls_again_and_another_one_others(seed, mute):
    def told() -> list[tuple[str, str]]:
        return sorted(Call.objects.values_list("caller_number", "transcript"))

    seed("--calls", "8")
    first = told()
    seed("--clear")
    seed("--calls", "8", "--seed", "2")
    assert told() != first
    seed("--clear")
    seed("--calls", "8")
    assert [number for number, _ in told()] == [number for number, _ in first]


def test_it_does_not_mix_with_real_calls_unasked(seed, mute):
    CallFactory()
    with pytest.raises(CommandError, match="--force"):
        seed("--calls", "2")
    assert Call.objects.count() == 1
    assert "Added 2" in seed("--calls", "2", "--force")


def test_clearing_leaves_real_calls_and_people(seed, mute):
    real = CallFactory()
    looks_alike = CallFactory(caller_number="+77000001234")
    person = User.objects.create_user("demo.bolat", email="bolat@example.org")
    seed("--calls", "3", "--force")
    assert "Removed 3" in seed("--clear")
    assert set(Call.objects.all()) == {real, looks_alike}
    assert list(User.objects.all()) == [person]


def test_the_newest_calls_can_be_heard_in_stereo(seed, django_capture_on_commit_callbacks):
    assert "with a recording" in seed("--calls", "2")
    recording = Recording.objects.select_related("call__hearing")[0]
    with recording.file.open("rb") as file:
        sound = read_wav(file.read())
    assert recording.channels == 2
    assert sound.seconds == pytest.approx(recording.seconds, abs=0.01)
    assert sound.seconds > 5
    hearing = recording.call.hearing
    assert hearing.details["caller"]
    assert hearing.details["agent"]
    storage, name = recording.file.storage, recording.file.name
    with django_capture_on_commit_callbacks(execute=True):
        seed("--clear")
    assert not storage.exists(name)


def test_it_runs_where_an_event_loop_runs_already(transactional_db, seed, mute, monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    async def inside() -> str:
        try:
            return seed("--calls", "1")
        finally:
            # The loop has a connection of its own.
            connection.close()

    assert "Added 1" in asyncio.run(inside())


@pytest.mark.parametrize(
    "arguments", [("--calls", "-1"), ("--calls", "1000000"), ("--days", "0"), ("--days", "100000")]
)
def test_a_silly_number_is_refused(seed, arguments):
    with pytest.raises(CommandError, match="between"):
        seed(*arguments)


def test_most_calls_come_in_the_evening_and_at_the_weekend(db):
    now = datetime(2026, 11, 22, 18, 59, tzinfo=UTC)
    plans = desk.plan(3000, 28, 1, now)
    local = [timezone.localtime(plan.started) for plan in plans]
    hours = Counter(at.hour for at in local)
    days = Counter(at.weekday() for at in local)
    assert hours[20] > 3 * hours[4]
    assert days[5] > 1.2 * days[1]
    assert all(now - timedelta(days=28, hours=1) < plan.started < now for plan in plans)
    waiting = [plan for plan in plans if now - plan.started < timedelta(hours=1)]
    assert len(waiting) > 50


def test_one_event_is_told_by_several_callers_at_nearly_the_same_time_and_place(db):
    plans = desk.plan(300, 14, 1, timezone.now())
    again = [
        (before, after)
        for before, after in pairwise(plans)
        if after.story.event and before.story.event == after.story.event
    ]
    assert len(again) > 10
    for before, after in again:
        assert timedelta(0) <= after.started - before.started <= timedelta(minutes=5)
        assert _house(before.story.address) == _house(after.story.address)


def _house(address: str) -> str:
    return re.findall(r"\d+", address)[-1]


def test_no_conversation_comes_twice_before_all_came_once(db):
    first = [story.says[0].split()[:3] for story, _ in stories(7, 60)]
    assert len({tuple(words) for words in first}) > 55
