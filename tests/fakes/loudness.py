"""Voice activity by loudness alone: exact where the test's sound is either loud or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialogue.ports import VoiceEdge

LOUD = 1000


class Loudness:
    """Implements `dialogue.ports.VoiceActivity`."""

    name = "loudness"

    def stream(self, rate: int) -> LoudnessStream:
        return LoudnessStream(rate)


class LoudnessStream:
    """Voice is whatever is louder than `LOUD`, frame by frame of 20 ms."""

    def __init__(self, rate: int) -> None:
        self._rate, self._rest, self._frames, self._loud = rate, b"", 0, False

    def feed(self, pcm: bytes) -> Sequence[VoiceEdge]:
        edges = []
        self._rest += pcm
        size = self._rate // 50 * 2
        for start in range(0, len(self._rest) - size + 1, size):
            loud = bool(np.abs(np.frombuffer(self._rest[start : start + size], "<i2").astype(int)).max() > LOUD)
            if loud != self._loud:
                self._loud = loud
                edges.append(VoiceEdge(loud, self._frames / 50))
            self._frames += 1
        self._rest = self._rest[len(self._rest) // size * size :]
        return edges


def tone(seconds: float, rate: int = 48_000, hertz: float = 440.0) -> bytes:
    """Loud 16-bit PCM."""
    time = np.arange(int(seconds * rate)) / rate
    return (np.sin(2 * np.pi * hertz * time) * 12_000).astype("<i2").tobytes()


def quiet(seconds: float, rate: int = 48_000) -> bytes:
    """Silent 16-bit PCM."""
    return bytes(int(seconds * rate) * 2)
