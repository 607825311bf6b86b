"""Demo calls look like real ones, come once, and go without a trace."""

from __future__ import annotations

import io
import shutil

import pytest
from django.core.management import CommandError, call_command

from dialogue.audio import read_wav
from tests.factories import CallFactory
from webadmin.calls.models import Call, CallEvent, Recording, Status, Turn
from webadmin.incidents.models import Incident, IncidentVersion, Urgency


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


def test_demo_calls_show_everything_a_call_can_be(seed, mute):
    said = seed("--calls", "40")
    assert "40 of 40" in said
    assert "espeak-ng is not installed" in said
    assert set(Incident.objects.values_list("urgency", flat=True)) == {*Urgency.values, None}
    assert set(Call.objects.values_list("status", flat=True)) == set(Status.values) - {Status.ACTIVE}
    assert set(Call.objects.values_list("language", flat=True)) == {"ru", "kk", "en"}
    assert set(Call.objects.values_list("door", flat=True)) == {"demo"}
    assert Turn.objects.filter(heard="silence").exists()
    assert Turn.objects.filter(key="0").exists()
    assert Incident.objects.exclude(evidence={}).count() > 20
    assert CallEvent.objects.filter(kind="call_ended").count() == 40


def test_a_second_run_adds_nothing(seed, mute):
    seed("--calls", "5")
    before = (Call.objects.count(), CallEvent.objects.count(), IncidentVersion.objects.count())
    assert "Nothing to do" in seed("--calls", "5")
    assert (Call.objects.count(), CallEvent.objects.count(), IncidentVersion.objects.count()) == before


def test_clearing_leaves_real_calls(seed, mute):
    real = CallFactory()
    seed("--calls", "3")
    assert "Removed 3" in seed("--calls", "0", "--clear")
    assert list(Call.objects.all()) == [real]


def test_some_demo_calls_can_be_heard(seed, django_capture_on_commit_callbacks):
    seed("--calls", "1")
    recording = Recording.objects.get()
    sound = read_wav(recording.file.open("rb").read())
    assert sound.seconds == pytest.approx(recording.seconds)
    assert sound.seconds > 5
    last = recording.call.turns.order_by("-number")[0]
    assert (last.started_at - recording.call.started_at).total_seconds() < recording.seconds
    storage, name = recording.file.storage, recording.file.name
    with django_capture_on_commit_callbacks(execute=True):
        seed("--calls", "0", "--clear")
    assert not storage.exists(name)


@pytest.mark.parametrize("calls", ["-1", "1000000"])
def test_a_silly_number_is_refused(seed, calls):
    with pytest.raises(CommandError):
        seed("--calls", calls)
