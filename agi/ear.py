"""Finds where an utterance begins and ends, in a recording that is still being written."""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path

import numpy as np
import soxr

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.ports import ListenLimits, VoiceActivityStream

RECORDED_RATE = 48_000
"""Hz. Asterisk writes a recording out every 32 KiB; at this rate that is every third of a second."""

RATE = 16_000
"""Hz of what the ear gives on."""

STALLED_SECONDS = 1.0
"""How far the recording may lag behind the clock before the caller counts as sending no sound at all."""

APPEARING_SECONDS = 2.0
SETTLING_SECONDS = 2.0
_READ_BYTES = 4 * 1024 * 1024


class Verdict(Enum):
    """Why listening ends."""

    SILENT = "silent"
    ENDED = "ended"
    CUT = "cut"


class Ear:
    """Follows one utterance through the recordings it is made of.

    Time is the recording's own wherever it grows, so that a slow disk or a busy processor cuts nobody short, and
    the clock's where the caller's phone sends nothing.

    Args:
        voice: voice activity at `RATE`.
        limits: how long to listen.
        now: clock at the start, in seconds.
    """

    def __init__(self, voice: VoiceActivityStream, limits: ListenLimits, now: float) -> None:
        self._voice = voice
        self._limits = limits
        self._started = self._grown = now
        self._resampler = soxr.ResampleStream(RECORDED_RATE, RATE, 1, dtype="int16")
        self._path = Path()
        self._followed = now
        self._offset = 0
        self._odd = b""
        self._pcm = bytearray()
        self._speaking = False
        self._stopped_at: float | None = None

    @property
    def spoke(self) -> bool:
        """Whether there was any voice."""
        return self._speaking or self._stopped_at is not None

    @property
    def seconds(self) -> float:
        """How much has been heard."""
        return len(self._pcm) / (SAMPLE_BYTES * RATE)

    @property
    def audio(self) -> Audio:
        """What has been heard, at 16 kHz."""
        return Audio(bytes(self._pcm), RATE)

    def follow(self, path: Path, now: float) -> None:
        """Go on with another recording, which appears within `APPEARING_SECONDS`."""
        self._path, self._offset, self._odd, self._followed = path, 0, b"", now

    def poll(self, now: float) -> Verdict | None:
        """Read what was added to the recording and judge; reads a file, so it belongs in a thread.

        Args:
            now: clock, in seconds.

        Raises:
            OSError: the file cannot be read, or does not appear.
            ProviderError: voice activity failed.
        """
        grew = self._take(now)
        if grew:
            self._grown = now
        limits, heard = self._limits, self.seconds
        passed = max(heard, now - self._started - STALLED_SECONDS)
        if not self.spoke:
            return Verdict.SILENT if passed >= limits.initial_silence else None
        quiet = heard - self._stopped_at if self._stopped_at is not None and not self._speaking else 0.0
        if now - self._grown >= STALLED_SECONDS:
            # A phone that suppresses silence stops sending when its owner stops speaking.
            quiet += now - self._grown
        if quiet >= limits.end_silence:
            return Verdict.ENDED
        return Verdict.CUT if passed >= limits.longest else None

    def settle(self) -> None:
        """Read on until nothing more comes; waits up to `SETTLING_SECONDS`, so it belongs in a thread.

        Raises:
            OSError: the file cannot be read, or does not appear.
            ProviderError: voice activity failed.
        """
        ends = time.monotonic() + SETTLING_SECONDS
        quiet = 0
        while quiet < 3 and (now := time.monotonic()) < ends:
            quiet = 0 if self._take(now) else quiet + 1
            time.sleep(SETTLING_SECONDS / 20)

    def _take(self, now: float) -> bool:
        """Read on. Returns whether there was more."""
        raw = self._odd
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read(_READ_BYTES)
        except FileNotFoundError:
            if now - self._followed > APPEARING_SECONDS:
                raise
            return False
        if not added:
            return False
        self._offset += len(added)
        raw += added
        whole = len(raw) - len(raw) % SAMPLE_BYTES
        self._odd = raw[whole:]
        samples = self._resampler.resample_chunk(np.frombuffer(raw[:whole], dtype="<i2"))
        pcm = samples.astype("<i2").tobytes()
        self._pcm += pcm
        for edge in self._voice.feed(pcm):
            self._speaking = edge.started
            if not edge.started:
                self._stopped_at = edge.seconds
        return True
