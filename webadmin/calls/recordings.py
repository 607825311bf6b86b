"""Moves a call's sound from the PBX's spool into Django's storage, and deletes sound whose time is over.

The final format is WAV, 16-bit PCM, with the caller left and the other side right, or one channel where a leg is
missing, at the rate it was recorded: every browser plays it, every tool of an investigator opens it, and nothing is
lost. FLAC would halve the size and cost a library, and Safari's patience.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
import wave
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from webadmin.calls import legs
from webadmin.calls.legs import Legs
from webadmin.calls.models import Call, Recording

log = structlog.get_logger(__name__)

SUFFIXES = (".wav16", ".wav")
"""Asterisk's 16 kHz and 8 kHz WAV, the better one first."""

SETTLED_SECONDS = 2.0
"""Age of the last write at which a recording counts as complete: the PBX closes it just after the hang-up."""

HEADER_BYTES = 4096
COPY_BYTES = 1 << 20
LONGEST_SECONDS = 4 * 3600.0

LEG_LACKS_SECONDS = 1.0
"""How much shorter than the mix the legs may be and still count as the whole call."""


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
    channels: int = 1

    @property
    def seconds(self) -> float:
        return self.length / (SAMPLE_BYTES * self.rate * self.channels)


def spool_files(call_id: UUID) -> list[Path]:
    """The PBX's recordings of a call, legs included. Links and what is no plain file do not count."""
    beginning = Path(settings.SPOOL_DIR) / "recordings" / str(call_id)
    there = [beginning.with_name(beginning.name + suffix) for suffix in (*SUFFIXES, *legs.SUFFIXES)]
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
    for source in _sources(files, call.pk):
        if recording is not None:
            break
        try:
            recording = _store(call, source)
        except FileNotFoundError:
            # Another worker has just done it.
            recording = Recording.objects.filter(call=call).first()
        except UnusableRecording as error:
            log.error("recording_unusable", call_id=str(call.pk), stage="recording", detail=str(error))
            for path in source.paths if isinstance(source, Legs) else (source,):
                path.replace(path.with_name(f"{path.name}.broken"))
    for path in files:
        path.unlink(missing_ok=True)
    return recording


def delete_leftovers(before: datetime) -> int:
    """Delete what the spool still keeps of calls recorded before a time, and which nobody took. Returns how many.

    A call that is unknown to the office, or whose recording could not be read, leaves its sound there.
    """
    count = 0
    for path in (Path(settings.SPOOL_DIR) / "recordings").glob("*"):
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime < before.timestamp() and not path.is_dir():
                path.unlink()
                count += 1
    return count


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


def _sources(files: list[Path], call_id: UUID) -> list[Path | Legs]:
    """What a recording can be made of, the best first: both legs, else the mix, else the leg that is there."""
    pair = Legs.of(Path(settings.SPOOL_DIR) / "recordings" / str(call_id))
    mixes = [path for path in files if path not in pair.paths]
    there = [path for path in pair.paths if path in files]
    if len(there) < 2:
        # The mix has both sides, and each leg is a part of it.
        return [*mixes, *there]
    with suppress(FileNotFoundError):
        lengths = pair.samples
        mixed = max((_seconds(path) for path in mixes), default=0.0)
        if mixes and (not min(lengths) or max(lengths) / legs.RATE < mixed - LEG_LACKS_SECONDS):
            return [*mixes, pair]
    return [pair, *mixes]


def _seconds(path: Path) -> float:
    """Duration of a plain WAV file, s; 0 where it cannot be told."""
    with suppress(OSError), path.open("rb") as source:
        pcm = _find_pcm(source)
        return pcm.seconds if pcm else 0.0
    return 0.0


def _draft(source: Path | Legs, target: IO[bytes]) -> Pcm:
    """Write the final file. Raises UnusableRecording or OSError."""
    if isinstance(source, Legs):
        samples = legs.join(source, target)
        if not samples:
            raise UnusableRecording("both legs are empty")
        return Pcm(0, samples * 2 * SAMPLE_BYTES, legs.RATE, channels=2)
    with source.open("rb") as file:
        if source.name.endswith(legs.SUFFIXES):
            return _write_raw(file, target)
        return write_plain_wav(file, target)


def _write_raw(source: IO[bytes], target: IO[bytes]) -> Pcm:
    """Copy a leg of which the other, and the mix, are missing, as mono WAV."""
    length = source.seek(0, os.SEEK_END)
    pcm = Pcm(0, length - length % SAMPLE_BYTES, legs.RATE)
    if not pcm.length:
        raise UnusableRecording("it is empty")
    _copy(source, target, pcm)
    return pcm


def _copy(source: IO[bytes], target: IO[bytes], pcm: Pcm) -> None:
    source.seek(pcm.offset)
    with wave.open(target, "wb") as out:
        _set_format(out, pcm.rate)
        left = pcm.length
        while left and (data := source.read(min(left, COPY_BYTES))):
            out.writeframesraw(data)
            left -= len(data)


def _store(call: Call, source: Path | Legs) -> Recording:
    with tempfile.TemporaryFile() as draft:
        pcm = _draft(source, draft)
        draft.seek(0)
        days = settings.RECORDING_RETENTION_DAYS
        recording = Recording(
            call=call,
            seconds=pcm.seconds,
            rate=pcm.rate,
            channels=pcm.channels,
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
        _copy(source, target, pcm)
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
