"""What is done after a call."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from dialogue.errors import ProviderError, Stage
from dialogue.turns import Assessment
from tests.factories import CallFactory, IncidentFactory, RecordingFactory, TurnFactory
from tests.webadmin.calls.test_recordings import leave, sound
from webadmin.calls.models import Call
from webadmin.calls.recordings import RecordingNotComplete
from webadmin.calls.services import apply_retention, finish_call, overdue, ready_to_finish

pytestmark = pytest.mark.django_db

Classifier = Callable[[str, str, list[str]], Assessment]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, list[str]]]:
    """What the engines were asked; they answer that it is critical."""
    questions: list[tuple[str, str, list[str]]] = []

    def classify(scenario: str, language: str, words: list[str]) -> Assessment:
        questions.append((scenario, language, words))
        return Assessment({"urgency": "critical", "category": None, "weapons": True}, "llm", "openai:test")

    answer_with(monkeypatch, classify)
    return questions


def answer_with(monkeypatch: pytest.MonkeyPatch, classify: Classifier) -> None:
    wiring = types.ModuleType("webadmin.wiring")
    wiring.classify_conversation = classify  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "webadmin.wiring", wiring)
    monkeypatch.setattr("webadmin.wiring", wiring, raising=False)


@pytest.fixture
def spool(tmp_path: Path, settings) -> Path:
    settings.SPOOL_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings"


def ended_call(**values: object) -> Call:
    now = timezone.now()
    return CallFactory(**{"started_at": now - timedelta(minutes=5), "ended_at": now - timedelta(minutes=2), **values})


def test_a_finished_call_has_its_sound_and_the_whole_conversation_classified(spool: Path, asked):
    call = ended_call()
    TurnFactory(call=call, number=1, caller_text="меня зовут Айгерим", caller_language="ru")
    TurnFactory(call=call, number=2, caller_text="у него нож", caller_language="kk")
    IncidentFactory(call=call, urgency="high", category="assault", weapons=None)
    leave(spool / f"{call.pk}.wav", sound())
    assert finish_call(str(call.pk)) is True
    call.refresh_from_db()
    assert call.post_processed_at is not None
    assert call.recording.seconds == pytest.approx(1.0)
    assert asked == [("intake_102", "kk", ["меня зовут Айгерим", "у него нож"])]
    incident = call.incident
    assert (incident.urgency, incident.category, incident.weapons, incident.final) == (
        "critical",
        "assault",
        True,
        True,
    )
    assert incident.versions.get().author == "ai:openai:test"


def test_finishing_twice_does_it_once(spool: Path, asked):
    call = ended_call()
    TurnFactory(call=call, number=1)
    leave(spool / f"{call.pk}.wav", sound())
    finish_call(call.pk)
    first = Call.objects.get(pk=call.pk).post_processed_at
    finish_call(call.pk)
    Call.objects.filter(pk=call.pk).update(post_processed_at=None)
    finish_call(call.pk)
    assert len(asked) == 1
    assert first is not None
    assert Call.objects.get(pk=call.pk).incident.versions.count() == 1


def test_the_final_word_lowers_nothing(spool: Path, monkeypatch: pytest.MonkeyPatch):
    answer_with(monkeypatch, lambda *_: Assessment({"urgency": "low"}, "llm", "openai:test"))
    call = ended_call()
    TurnFactory(call=call, number=1)
    IncidentFactory(call=call, urgency="critical")
    finish_call(call.pk)
    call.incident.refresh_from_db()
    assert (call.incident.urgency, call.incident.final) == ("critical", True)


def test_an_engine_that_is_away_is_asked_again_and_one_that_refuses_is_not(spool: Path, monkeypatch):
    failure = ProviderError(Stage.LANGUAGE_MODEL, "timeout", retryable=True)

    def fail(*_: object) -> Assessment:
        raise failure

    answer_with(monkeypatch, fail)
    call = ended_call()
    TurnFactory(call=call, number=1)
    with pytest.raises(ProviderError):
        finish_call(call.pk)
    assert Call.objects.get(pk=call.pk).post_processed_at is None
    failure = ProviderError(Stage.LANGUAGE_MODEL, "refused", retryable=False)
    assert finish_call(call.pk) is True


def test_a_call_still_with_its_operator_waits(spool: Path, asked):
    call = ended_call(status="transferred", ended_at=None, assistant_ended_at=timezone.now())
    leave(spool / f"{call.pk}.wav", sound(), age=0)
    with pytest.raises(RecordingNotComplete):
        finish_call(call.pk)
    Call.objects.filter(pk=call.pk).update(assistant_ended_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(RecordingNotComplete):
        finish_call(call.pk)
    assert not hasattr(Call.objects.get(pk=call.pk), "recording")


def test_an_active_or_unknown_call_is_left_alone(spool: Path, asked):
    assert finish_call(ended_call(status="active").pk) is False
    assert finish_call("7f1c1c2e-9d3f-4b57-8a25-6d2f3f4ab001") is False
    assert asked == []


def test_the_sweep_finds_what_was_missed_and_only_that():
    now = timezone.now()
    missed = ended_call()
    never_reported = ended_call(ended_at=None, assistant_ended_at=now - timedelta(minutes=10))
    ended_call(post_processed_at=now)
    ended_call(status="active")
    fresh = ended_call(ended_at=now, assistant_ended_at=now)
    typed = ended_call(door="chat", ended_at=None, assistant_ended_at=now)
    ended_call(ended_at=None, assistant_ended_at=now)
    assert set(overdue()) == {missed.pk, never_reported.pk}
    assert set(ready_to_finish()) == {missed.pk, never_reported.pk, fresh.pk, typed.pk}


def test_retention_deletes_sound_first_and_whole_calls_later(spool: Path, settings):
    settings.RECORDING_RETENTION_DAYS, settings.CALL_RETENTION_DAYS = 90, 365
    now = timezone.now()
    names = {}
    for name, days in {"young": 10, "old": 100, "gone": 400}.items():
        call = ended_call(started_at=now - timedelta(days=days), ended_at=None)
        names[name] = f"utterances/{call.pk}/1.wav"
        (spool.parent / names[name]).parent.mkdir(parents=True)
        (spool.parent / names[name]).write_bytes(b"x")
        TurnFactory(call=call, number=1, audio=names[name])
        RecordingFactory(call=call, expires_at=call.started_at + timedelta(days=90))
        IncidentFactory(call=call)
    assert apply_retention() == {"recordings": 2, "utterances": 2, "calls": 1}
    assert Call.objects.count() == 2
    assert [(spool.parent / names[name]).exists() for name in ("young", "old", "gone")] == [True, False, False]
    assert len(list((spool.parent / "utterances").iterdir())) == 1, "empty folders go with their files"
    assert apply_retention() == {"recordings": 0, "utterances": 0, "calls": 0}


def test_retention_never_leaves_the_storage(spool: Path, tmp_path: Path, settings):
    outside = tmp_path / "outside.txt"
    outside.write_text("keep")
    call = ended_call(started_at=timezone.now() - timedelta(days=2000), ended_at=None)
    TurnFactory(call=call, number=1, audio="utterances/../outside.txt")
    apply_retention()
    assert outside.exists()
    assert not Call.objects.exists()


def test_retention_of_zero_days_keeps_for_ever(spool: Path, settings):
    settings.RECORDING_RETENTION_DAYS = settings.CALL_RETENTION_DAYS = 0
    call = ended_call(started_at=timezone.now() - timedelta(days=5000), ended_at=None)
    TurnFactory(call=call, number=1, audio="utterances/a.wav")
    assert apply_retention() == {"recordings": 0, "utterances": 0, "calls": 0}


def test_retention_clears_the_spool_of_speech_and_broken_recordings_nobody_needs(spool: Path):
    def left(name: str, days: float) -> Path:
        path = spool.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        used = (timezone.now() - timedelta(days=days)).timestamp()
        os.utime(path, (used, used))
        return path

    gone = [left("speech/a.sln16", 8), left("utterances/one/1-0.sln48", 2)]
    kept = [left("speech/b.sln16", 6), left("utterances/two/1-0.sln48", 0.5), left("utterances/two/1.wav", 30)]
    apply_retention()
    assert [path.exists() for path in gone] == [False, False]
    assert [path.exists() for path in kept] == [True, True, True]
