"""Sound that was made before: greetings and questions are the same in every call."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from dialogue.audio import Audio, AudioFormatError, read_wav

log = structlog.get_logger(__name__)


def cache_key(engine: str, voice: str, rate: int, text: str, treatment: str = "") -> str:
    """Hex SHA-256 of what makes a sound what it is.

    Args:
        engine: its name.
        voice: as the engine calls it.
        rate: Hz.
        text: the words as the engine was given them.
        treatment: what was done to the sound afterwards, with its version.
    """
    parts = (engine, voice, str(rate), treatment, text)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class _Entry:
    sound: Audio
    on_disk: bool


class SpeechCache:
    """Keeps sound in memory and, where a folder is given, from one start to the next.

    Only what is needed a second time goes to disk: a sentence that is said once may repeat a caller's address, and
    such a sentence leaves no file behind. A file that cannot be read or written is as good as none.

    Args:
        folder: where files are kept, made when needed; None for memory only.
        memory: bytes of sound held in memory; the least recently used goes first.
        files: files kept in the folder; the one that was not used for longest goes first.
    """

    def __init__(self, folder: Path | None = None, *, memory: int = 64 * 1024 * 1024, files: int = 2000) -> None:
        self._folder = folder
        self._limit = memory
        self._files = files
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._held = 0

    async def get(self, key: str, rate: int) -> Audio | None:
        """Return the sound at ``rate`` Hz, or None."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            if self._folder is not None and not entry.on_disk:
                entry.on_disk = True
                await asyncio.to_thread(self._write, self._folder, key, entry.sound)
            return entry.sound
        if self._folder is None:
            return None
        sound = await asyncio.to_thread(_read, _path(self._folder, key))
        if sound is None or sound.rate != rate:
            return None
        self._hold(key, _Entry(sound, on_disk=True))
        return sound

    async def put(self, key: str, sound: Audio) -> None:
        """Keep a sound."""
        self._hold(key, _Entry(sound, on_disk=False))

    def _hold(self, key: str, entry: _Entry) -> None:
        old = self._entries.pop(key, None)
        if old is not None:
            self._held -= len(old.sound.pcm)
        self._entries[key] = entry
        self._held += len(entry.sound.pcm)
        while self._held > self._limit and self._entries:
            _, oldest = self._entries.popitem(last=False)
            self._held -= len(oldest.sound.pcm)

    def _write(self, folder: Path, key: str, sound: Audio) -> None:
        """Write a file in one step: whoever reads it sees the whole or nothing."""
        path = _path(folder, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(sound.to_wav())
                os.replace(name, path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            _prune(folder, self._files)
        except OSError as error:
            log.warning("speech_cache_write_failed", error=error.strerror)


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.wav"


def _read(path: Path) -> Audio | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    try:
        # A cut file still reads as sound, so its length is compared with what its header says.
        if int.from_bytes(data[4:8], "little") != len(data) - 8:
            raise AudioFormatError("cut short")
        sound = read_wav(data)
    except AudioFormatError:
        log.warning("speech_cache_file_damaged", file=path.name)
        return None
    with suppress(OSError):
        # Its time says when it was last used.
        os.utime(path)
    return sound


def _prune(folder: Path, limit: int) -> None:
    files = list(folder.glob("*/*.wav"))
    if len(files) <= limit:
        return
    for path in sorted(files, key=lambda p: p.stat().st_mtime)[: len(files) - limit]:
        path.unlink(missing_ok=True)
