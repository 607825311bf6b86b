"""After a call its stereo recording is put together, measured, and what was heard stands on the call."""

from __future__ import annotations

import os
import time
import wave
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from dialogue.audio import Audio
from dialogue.events import CallEnded, CallStatus, Event, Interrupted, Listened, kind_of, to_record
from tests.factories import CallFactory
from tests.webadmin.calls.steps import START, recognised, said, started
from tests.webadmin.calls.test_heard import RATE, recording
from webadmin.calls import services
from webadmin.calls.hearing import keep_hearing
from webadmin.calls.models import Call, CallHearing
from webadmin.calls.projection import apply_batch
from webadmin.calls.recordings import delete_leftovers, store_recording
from webadmin.calls.segments import Entry

pytestmark = pytest.mark.django_db

TOLERANCE = 0.02


@pytest.fixture
def spool(tmp_path: Path, settings) -> Path:
    settings.SPOOL_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings"


def leave(path: Path, data: bytes, age: float = 60) -> Path:
    path.write_bytes(data)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def leave_legs(spool: Path, call_id: object, both: np.ndarray) -> None:
    for channel, side in enumerate(("caller", "agent")):
        leave(spool / f"{call_id}-{side}.sln16", np.ascontiguousarray(both[:, channel], "<i2").tobytes())


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    return Audio(samples.astype("<i2").tobytes(), rate).to_wav()


def stored(call: Call) -> tuple[int, int, np.ndarray]:
    with default_storage.open(call.recording.file.name) as file, wave.open(file) as sound:
        raw = sound.readframes(sound.getnframes())
        return sound.getnchannels(), sound.getframerate(), np.frombuffer(raw, "<i2")


def events_at(call_id: UUID, *steps: tuple[float, Event]) -> None:
    """Journal the events at their seconds since the door took the call."""
    apply_batch(
        [
            Entry(call_id, number, START + timedelta(seconds=at), kind_of(event), to_record(event))
            for number, (at, event) in enumerate(steps, 1)
        ]
    )


def a_live_call(spool: Path, door: str = "ari", *, held_back: bool = False) -> Call:
    """Greeting cut in on at 2.0 s, a filler at 5.0, the answer at 6.15; the door's clock began 0.4 s later.

    Args:
        spool: where its recording is left.
        door: that took it.
        held_back: the greeting could not give way at once.
    """
    call_id, late = uuid4(), 0.4
    events_at(
        call_id,
        (0.0, started(door=door, engines={"stt": "pocketsphinx", "llm": "rules", "tts": "espeak"})),
        (2.75 - late, Interrupted(0, "dropped", 1.8, 0.45, held_back)),
        (2.76 - late, said(0, "Здравствуйте.", purpose="greeting", played_seconds=1.8, whole=False, heard_text="Здр")),
        (4.9 - late, Listened(1, "utterance", 2.5, end_silence=0.4)),
        (4.95 - late, recognised(1, "драка", seconds=0.2)),
        (6.02 - late, said(1, "Секунду.", purpose="filler", played_seconds=1.0)),
        (8.05 - late, said(1, "Назовите адрес.", played_seconds=1.85, delay_seconds=1.62)),
        (9.0 - late, CallEnded(CallStatus.TRANSFERRED)),
    )
    leave_legs(
        spool, call_id, recording(14, [(2.0, 4.5), (11.0, 12.0)], [(0.5, 2.3), (5.0, 6.0), (6.15, 8.0), (12.5, 13.5)])
    )
    call = Call.objects.get(pk=call_id)
    call.ended_at = call.started_at + timedelta(seconds=20)
    call.save()
    return call


def test_the_legs_become_one_stereo_recording_caller_left(spool: Path):
    call = CallFactory()
    both = recording(2.0, [(0.5, 1.0)], [(1.2, 1.8)])
    leave_legs(spool, call.pk, both)
    leave(spool / f"{call.pk}.wav16", wav(both.sum(axis=1)))
    found = store_recording(call)
    assert (found.channels, found.rate, found.seconds) == (2, 16_000, pytest.approx(2.0))
    channels, rate, samples = stored(call)
    assert (channels, rate) == (2, 16_000)
    assert np.array_equal(samples.reshape(-1, 2), both)
    assert list(spool.iterdir()) == []


def test_a_leg_that_ends_early_is_followed_by_silence(spool: Path):
    call = CallFactory()
    both = recording(3.0, [(0.5, 2.9)], [(0.2, 2.8)])
    leave_legs(spool, call.pk, both)
    leave(spool / f"{call.pk}-agent.sln16", both[:RATE, 1].astype("<i2").tobytes() + b"\1")
    assert store_recording(call).seconds == pytest.approx(3.0)
    samples = stored(call)[2].reshape(-1, 2)
    assert np.array_equal(samples[:, 0], both[:, 0])
    assert np.array_equal(samples[:RATE, 1], both[:RATE, 1])
    assert not samples[RATE:, 1].any()


@pytest.mark.parametrize("left", ["missing", "empty", "both short"])
def test_where_the_legs_are_not_the_whole_call_the_mix_is(spool: Path, left: str):
    call = CallFactory()
    both = recording(5.0, [(0.5, 1.0)], [(2, 3)])
    leave_legs(spool, call.pk, both[: 2 * RATE] if left == "both short" else both)
    leave(spool / f"{call.pk}.wav16", wav(both.sum(axis=1)))
    if left == "missing":
        (spool / f"{call.pk}-caller.sln16").unlink()
    elif left == "empty":
        leave(spool / f"{call.pk}-caller.sln16", b"")
    found = store_recording(call)
    assert (found.channels, found.seconds) == (1, pytest.approx(5.0))
    assert list(spool.iterdir()) == []
    assert keep_hearing(call) is None


def test_one_leg_alone_is_kept_as_it_is(spool: Path):
    call = CallFactory()
    leave(spool / f"{call.pk}-caller.sln16", recording(1.0, [(0.1, 0.9)])[:, 0].astype("<i2").tobytes())
    found = store_recording(call)
    assert (found.channels, found.rate, found.seconds) == (1, 16_000, pytest.approx(1.0))


def test_two_empty_legs_are_set_aside(spool: Path):
    call = CallFactory()
    leave_legs(spool, call.pk, np.zeros((0, 2)))
    assert store_recording(call) is None
    assert {path.suffix for path in spool.iterdir()} == {".broken"}


def test_what_a_finished_call_sounded_like_stands_on_it(spool: Path, monkeypatch: pytest.MonkeyPatch):
    call = a_live_call(spool)
    monkeypatch.setattr(services, "classify_finally", lambda call: None)
    assert services.finish_call(call.pk)
    hearing = CallHearing.objects.get(call=call)
    assert (hearing.answers, hearing.barge_ins) == (1, 1), "the filler is no answer, the operator's words are none"
    assert hearing.answer_p50 == hearing.answer_longest == pytest.approx(1.65, abs=TOLERANCE)
    assert hearing.barge_in_p50 == pytest.approx(0.3, abs=TOLERANCE)
    assert hearing.talk_over_seconds == pytest.approx(0.3, abs=TOLERANCE)
    assert (hearing.stt, hearing.llm, hearing.tts) == ("pocketsphinx", "rules", "espeak")
    assert hearing.details["offset"] == pytest.approx(-0.4, abs=0.1)
    assert hearing.details["answers"][0]["reported"] == 1.62
    greeting, exchange = call.turns.all()
    assert greeting.stop_heard_seconds == pytest.approx(0.3, abs=TOLERANCE)
    assert greeting.answer_heard_seconds is None
    assert exchange.answer_heard_seconds == pytest.approx(1.65, abs=TOLERANCE)
    assert (exchange.end_silence, exchange.delay_seconds) == (0.4, 1.62)


def test_a_notice_that_had_to_be_spoken_to_its_end_is_no_slowness_to_give_way(
    spool: Path, monkeypatch: pytest.MonkeyPatch
):
    call = a_live_call(spool, held_back=True)
    monkeypatch.setattr(services, "classify_finally", lambda call: None)
    assert services.finish_call(call.pk)
    hearing = CallHearing.objects.get(call=call)
    assert (hearing.answers, hearing.barge_ins, hearing.barge_in_longest) == (1, 0, None)
    assert call.turns.get(number=0).interruptions_dropped == 1


def test_a_call_is_measured_once(spool: Path):
    call = a_live_call(spool)
    store_recording(call)
    first = keep_hearing(call)
    assert keep_hearing(call).pk == first.pk
    assert CallHearing.objects.count() == 1


def test_a_recording_that_cannot_be_read_stands_in_no_ones_way(spool: Path, monkeypatch: pytest.MonkeyPatch):
    call = a_live_call(spool)
    found = store_recording(call)
    Path(default_storage.path(found.file.name)).write_bytes(b"RIFF")
    monkeypatch.setattr(services, "classify_finally", lambda call: None)
    assert services.finish_call(call.pk)
    assert not CallHearing.objects.exists()


def test_retention_clears_legs_that_nobody_took(spool: Path):
    old = leave(spool / f"{uuid4()}-caller.sln16", b"12", age=3 * 86_400)
    young = leave(spool / f"{uuid4()}-agent.sln16", b"12", age=60)
    assert delete_leftovers(timezone.now() - timedelta(days=2)) == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_a_filler_overwrites_no_reply_and_interruptions_are_counted(spool: Path):
    call = a_live_call(spool)
    greeting, exchange = call.turns.all()
    assert (greeting.reply_text, greeting.heard_text, greeting.reply_whole) == ("Здравствуйте.", "Здр", False)
    assert (greeting.interruptions_dropped, greeting.interruptions_resumed) == (1, 0)
    assert (exchange.filler_text, exchange.reply_text) == ("Секунду.", "Назовите адрес.")
    assert exchange.reply_purpose == "answer"
    assert "assistant: Секунду.\nassistant: Назовите адрес." in call.transcript
