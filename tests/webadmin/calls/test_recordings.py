"""A call's sound on its way from the PBX's spool into the storage."""

from __future__ import annotations

import io
import os
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.utils import timezone

from dialogue.audio import Audio
from tests.factories import CallFactory, RecordingFactory
from webadmin.calls import recordings
from webadmin.calls.models import Call, Recording
from webadmin.calls.recordings import RecordingNotComplete, delete_expired_recordings, store_recording

pytestmark = pytest.mark.django_db


@pytest.fixture
def spool(tmp_path: Path, settings) -> Path:
    settings.SPOOL_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings"


def sound(seconds: float = 1.0, rate: int = 8000) -> bytes:
    return Audio(b"\x10\x27\xf0\xd8" * int(seconds * rate / 2), rate).to_wav()


def leave(path: Path, data: bytes, age: float = 60) -> Path:
    path.write_bytes(data)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


@pytest.mark.parametrize(("suffix", "rate"), [(".wav", 8000), (".wav16", 16000)])
def test_a_recording_is_stored_at_its_rate_and_the_spool_is_emptied(spool: Path, suffix: str, rate: int):
    call = CallFactory()
    path = leave(spool / f"{call.pk}{suffix}", sound(2.0, rate))
    recording = store_recording(call)
    assert recording is not None
    assert (recording.rate, recording.seconds) == (rate, pytest.approx(2.0))
    with default_storage.open(recording.file.name) as file, wave.open(file) as stored:
        assert (stored.getframerate(), stored.getsampwidth(), stored.getnchannels()) == (rate, 2, 1)
        assert stored.getnframes() == 2 * rate
    assert recording.file.name.endswith(f"{call.pk}.wav")
    assert not path.exists()
    assert recording.expires_at > timezone.now() + timedelta(days=80)


def test_a_recorder_that_died_left_a_header_of_zero_and_its_sound_is_kept(spool: Path):
    call = CallFactory()
    data = bytearray(sound(1.5))
    data[4:8] = data[40:44] = bytes(4)
    leave(spool / f"{call.pk}.wav", bytes(data[:-1]))
    recording = store_recording(call)
    with default_storage.open(recording.file.name) as file, wave.open(file) as stored:
        assert stored.getnframes() == 1.5 * 8000 - 1


def test_stereo_becomes_one_channel(spool: Path):
    call = CallFactory()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(4 * 8000))
    leave(spool / f"{call.pk}.wav", out.getvalue())
    assert store_recording(call).seconds == pytest.approx(1.0)


@pytest.mark.parametrize("data", [b"", b"garbage" * 1000, sound(0), b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_no_sound_is_set_aside_and_not_lost(spool: Path, data: bytes):
    call = CallFactory()
    leave(spool / f"{call.pk}.wav", data)
    assert store_recording(call) is None
    assert (spool / f"{call.pk}.wav.broken").read_bytes() == data


def test_a_recording_that_still_grows_is_left(spool: Path):
    call = CallFactory()
    path = leave(spool / f"{call.pk}.wav", sound(), age=0)
    with pytest.raises(RecordingNotComplete):
        store_recording(call)
    assert path.exists()


def test_a_full_storage_leaves_the_spool_its_copy(spool: Path, monkeypatch: pytest.MonkeyPatch):
    call = CallFactory()
    path = leave(spool / f"{call.pk}.wav", sound())

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(default_storage), "save", full, raising=False)
        patch.setattr("django.core.files.storage.FileSystemStorage.save", full)
        with pytest.raises(OSError, match="No space"):
            store_recording(call)
    assert path.exists()
    assert not Recording.objects.exists()
    assert store_recording(call) is not None


def test_a_link_in_the_spool_is_no_recording(spool: Path, tmp_path: Path):
    call = CallFactory()
    secret = leave(tmp_path / "secret.wav", sound())
    (spool / f"{call.pk}.wav").symlink_to(secret)
    assert store_recording(call) is None
    assert secret.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_store_it_once(spool: Path, monkeypatch: pytest.MonkeyPatch):
    call = CallFactory()
    leave(spool / f"{call.pk}.wav", sound())
    monkeypatch.setattr(recordings, "is_complete", lambda _: True)

    def work(_: int) -> None:
        try:
            store_recording(Call.objects.get(pk=call.pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    recording = Recording.objects.get()
    folder = Path(default_storage.path(recording.file.name)).parent
    assert [path.name for path in folder.iterdir()] == [Path(recording.file.name).name]


def test_recordings_past_their_time_go_with_their_files_and_others_stay(spool: Path):
    old = RecordingFactory(expires_at=timezone.now() - timedelta(seconds=1))
    held, young = RecordingFactory(expires_at=None), RecordingFactory(expires_at=timezone.now() + timedelta(days=1))
    assert delete_expired_recordings() == 1
    assert set(Recording.objects.all()) == {held, young}
    assert not default_storage.exists(old.file.name)
    assert default_storage.exists(held.file.name)
