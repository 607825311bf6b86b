"""Moves a call's sound from the PBX's spool into Django's storage, and deletes sound whose time is over.

The final format is WAV, 16-bit PCM, one channel, at the rate it was recorded: every browser plays it, every tool of an
investigator opens it, and nothing is lost. FLAC would halve the size and cost a library, and Safari's patience.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
import wave
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from dialogue.audio import SAMPLE_BYTES, AudioFormatError, read_wav
from dialogue.errors import HotlineError
from webadmin.calls.models import Call, Recording

log = structlog.get_logger(__name__)

SUFFIXES = (".wav16", ".wav")
"""Asterisk's 16 kHz and 8 kHz WAV, the better one first."""

SETTLED_SECONDS = 2.0
"""Age of the last write at which a recording counts as complete: the PBX closes it just after the hang-up."""

HEADER_BYTES = 4096
COPY_BYTES = 1 << 20
LONGEST_SECONDS = 4 * 3600.0


class RecordingNotComplete(HotlineError):
    """The PBX may still be writing; try again in a moment."""


class UnusableRecording(HotlineError):
    """The file holds no sound that can be read."""


@dataclass(frozen=True, slots=True)
class Pcm:
    """Where a plain WAV file has its samples: bytes from its beginning, length in bytes, samples per second."""

    offset: int
    length: int
    rate: int

    @property
    def seconds(self) -> float:
        return self.length / (SAMPLE_BYTES * self.rate)


def spool_files(call_id: UUID) -> list[Path]:
    """The PBX's recordings of a call, the best first. Links and what is no plain file do not count."""
    folder = Path(settings.SPOOL_DIR) / "recordings"
    there = [folder / f"{call_id}{suffix}" for suffix in SUFFIXES]
    return [path for path in there if _is_plain(path)]


def is_complete(call_id: UUID) -> bool:
    """Whether nothing has been written to a call's recordings for a moment."""
    newest = max((path.stat().st_mtime for path in spool_files(call_id)), default=0.0)
    return time.time() - newest >= SETTLED_SECONDS


def store_recording(call: Call) -> Recording | None:
    """Bring a call's recording into the storage; None where it has none. Run twice, even at once, it is stored once.

    Raises:
        RecordingNotComplete: the PBX is still writing.
        OSError: a disk or the storage refused; the spool keeps its copy.
        django.db.DatabaseError: likewise.
    """
    files = spool_files(call.pk)
    if files and not is_complete(call.pk):
        raise RecordingNotComplete("the recording was written to just now")
    recording = Recording.objects.filter(call=call).first()
    for path in files:
        if recording is None:
            try:
                recording = _store(call, path)
            except FileNotFoundError:
                # Another worker has just done it.
                recording = Recording.objects.filter(call=call).first()
            except UnusableRecording as error:
                log.error("recording_unusable", call_id=str(call.pk), stage="recording", detail=str(error))
                path.replace(path.with_name(f"{path.name}.broken"))
                continue
        path.unlink(missing_ok=True)
    return recording


def delete_expired_recordings() -> int:
    """Delete recordings past their ``expires_at`` (none: kept as long as the call). Returns how many.

    The file goes first: a row without a file is found again the next time, a file without a row never.
    """
    expired = Recording.objects.filter(expires_at__lte=timezone.now())
    count = 0
    for recording in expired.iterator():
        default_storage.delete(recording.file.name)
        recording.delete()
        count += 1
    return count


def _store(call: Call, path: Path) -> Recording:
    with path.open("rb") as source, tempfile.TemporaryFile() as draft:
        pcm = write_plain_wav(source, draft)
        draft.seek(0)
        days = settings.RECORDING_RETENTION_DAYS
        recording = Recording(
            call=call,
            seconds=pcm.seconds,
            rate=pcm.rate,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        recording.file.save(f"{call.pk}.wav", File(draft), save=False)
        _sync(recording.file.name)
    try:
        with transaction.atomic():
            Call.objects.select_for_update().get(pk=call.pk)
            there = Recording.objects.filter(call=call).first()
            if there is None:
                recording.save()
    except BaseException:
        default_storage.delete(recording.file.name)
        raise
    if there is not None:
        default_storage.delete(recording.file.name)
        return there
    log.info("recording_stored", call_id=str(call.pk), stage="recording", seconds=round(pcm.seconds, 1), rate=pcm.rate)
    return recording


def write_plain_wav(source: IO[bytes], target: IO[bytes]) -> Pcm:
    """Copy sound as 16-bit mono WAV with a header that tells the truth. Returns where the source has it.

    A recorder that died leaves a header that says nothing follows; what follows is taken.

    Raises:
        UnusableRecording: it is no PCM WAV, or it is empty.
        OSError: reading or writing failed.
    """
    pcm = _find_pcm(source)
    if pcm is None:
        pcm = _convert(source, target)
    else:
        source.seek(pcm.offset)
        with wave.open(target, "wb") as out:
            _set_format(out, pcm.rate)
            left = pcm.length
            while left and (data := source.read(min(left, COPY_BYTES))):
                out.writeframesraw(data)
                left -= len(data)
    if not pcm.length:
        raise UnusableRecording("it is empty")
    return pcm


def _find_pcm(source: IO[bytes]) -> Pcm | None:
    """Locate the samples of a 16-bit mono PCM file; None where it is anything else."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    head = source.read(HEADER_BYTES)
    fmt, data = head.find(b"fmt "), head.find(b"data")
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE" or fmt < 0 or data < fmt + 24 or len(head) < data + 8:
        return None
    kind, channels = (int.from_bytes(head[fmt + at : fmt + at + 2], "little") for at in (8, 10))
    rate = int.from_bytes(head[fmt + 12 : fmt + 16], "little")
    bits = int.from_bytes(head[fmt + 22 : fmt + 24], "little")
    if kind != 1 or channels != 1 or bits != 8 * SAMPLE_BYTES or not 1000 <= rate <= 384_000:
        return None
    told = int.from_bytes(head[data + 4 : data + 8], "little")
    there = size - (data + 8)
    length = told if 0 < told <= there else there
    return Pcm(data + 8, length - length % SAMPLE_BYTES, rate)


def _convert(source: IO[bytes], target: IO[bytes]) -> Pcm:
    """Other widths and channels, which no dialplan of ours records: through memory."""
    source.seek(0)
    try:
        audio = read_wav(source.read(), max_seconds=LONGEST_SECONDS)
    except AudioFormatError as error:
        raise UnusableRecording(str(error)) from error
    with wave.open(target, "wb") as out:
        _set_format(out, audio.rate)
        out.writeframesraw(audio.pcm)
    return Pcm(0, len(audio.pcm), audio.rate)


def _set_format(out: wave.Wave_write, rate: int) -> None:
    out.setnchannels(1)
    out.setsampwidth(SAMPLE_BYTES)
    out.setframerate(rate)


def _sync(name: str) -> None:
    """Put a stored file on disk, where the storage is a disk, before the spool's copy goes."""
    with suppress(NotImplementedError), open(default_storage.path(name), "rb") as file:
        os.fsync(file.fileno())


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
