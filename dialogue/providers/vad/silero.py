"""Silero's voice activity detector with a memory: frames become the start and the stop of speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import ProviderError, Stage
from dialogue.ports import VoiceEdge
from dialogue.providers.silero import FRAME, SileroStream, load


@dataclass(frozen=True, slots=True)
class SileroConfig:
    """When sound counts as speech.

    Args:
        threshold: probability from which a frame of 32 ms is voice, 0 to 1.
        voiced: seconds of voice within `window` that make speech.
        window: seconds over which voice is counted, so that one unvoiced frame does not hide a short word.
        hangover: seconds without voice after which speech has stopped.
        lead: seconds before the first voiced frame at which speech is said to start, so that a soft consonant
            is not cut off.
    """

    threshold: float = 0.5
    voiced: float = 0.09
    window: float = 0.2
    hangover: float = 0.4
    lead: float = 0.1


@cache
def _session() -> Any:
    """The model, once for all streams of this process: what a stream remembers, it keeps itself."""
    return load("silero_vad")


class Silero:
    """Voice activity by Silero's detector.

    Args:
        config: when sound counts as speech.

    Raises:
        ProviderError: the model cannot be loaded.
    """

    name = "silero"
    config_type: ClassVar[type[SileroConfig]] = SileroConfig

    def __init__(self, config: SileroConfig | None = None) -> None:
        self._config = config or SileroConfig()
        _session()

    def stream(self, rate: int) -> SileroEdges:
        """A detector for one stream at 8,000 or 16,000 Hz. Raises ProviderError for another rate."""
        if rate not in (8000, 16_000):
            raise ProviderError(Stage.VOICE_ACTIVITY, "rate_not_supported", "voice activity needs 8000 or 16000 Hz")
        return SileroEdges(self._config, SileroStream(_session(), rate))


class SileroEdges:
    """Voice activity of one stream of sound.

    Args:
        config: when sound counts as speech.
        frames: judges the stream.
    """

    def __init__(self, config: SileroConfig, frames: SileroStream) -> None:
        self._config = config
        self._judge = frames.judge
        self._size = frames.size * SAMPLE_BYTES
        self._rest = bytearray()
        self._frames = 0
        self._needed = max(1, round(config.voiced / FRAME))
        self._recent: list[int] = []
        """Numbers of the last voiced frames, while nobody speaks."""
        self._speaking = False
        self._last_voiced = 0
        self._last_stop = 0.0

    def feed(self, pcm: bytes) -> Sequence[VoiceEdge]:
        """Take more 16-bit mono PCM, of any length, and return where voice started or stopped.

        A start is reported as soon as there was enough voice, a stop after the hangover; their times are those of
        the voice itself, in seconds from the start of the stream.
        """
        self._rest += pcm
        edges: list[VoiceEdge] = []
        whole = len(self._rest) // self._size * self._size
        for start in range(0, whole, self._size):
            samples = np.frombuffer(bytes(self._rest[start : start + self._size]), dtype="<i2")
            probability = self._judge(samples.astype(np.float32) / np.float32(32768))
            self._frames += 1
            edge = self._stops(probability) if self._speaking else self._starts(probability)
            if edge is not None:
                edges.append(edge)
        del self._rest[:whole]
        return edges

    def _starts(self, probability: float) -> VoiceEdge | None:
        if probability >= self._config.threshold:
            self._recent.append(self._frames)
        oldest = self._frames - max(self._needed, round(self._config.window / FRAME))
        self._recent = [number for number in self._recent if number > oldest]
        if len(self._recent) < self._needed:
            return None
        self._speaking = True
        self._last_voiced = self._frames
        first = (self._recent[0] - 1) * FRAME
        self._recent = []
        return VoiceEdge(started=True, seconds=max(self._last_stop, first - self._config.lead))

    def _stops(self, probability: float) -> VoiceEdge | None:
        # A word fades: what begins no speech may still go on with it.
        if probability >= self._config.threshold * 0.7:
            self._last_voiced = self._frames
        if (self._frames - self._last_voiced) * FRAME < self._config.hangover - FRAME / 2:
            return None
        self._speaking = False
        self._last_stop = self._last_voiced * FRAME
        return VoiceEdge(started=False, seconds=self._last_stop)
