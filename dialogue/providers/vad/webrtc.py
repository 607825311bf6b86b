"""WebRTC's voice activity detector with a memory: single frames become the start and the stop of speech."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import webrtcvad

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import ProviderError, Stage
from dialogue.ports import VoiceEdge

FRAME = 0.02
"""Seconds the detector judges at a time."""

SETTLING = 5
"""Frames at the start of a stream in which the detector, still without a measure of the noise, takes it for voice."""


@dataclass(frozen=True, slots=True)
class WebRtcConfig:
    """When sound counts as speech.

    Args:
        aggressiveness: 0 (hears everything) to 3 (hears least noise).
        voiced: seconds of voice within `window` that make speech. The detector holds on for some 80 ms after a sound,
            so that 0.14 asks for 60 ms of it: enough to pass over a click, short enough for a "да".
        window: seconds over which voice is counted, so that one unvoiced frame does not hide a short word.
        hangover: seconds without voice after which speech has stopped.
        lead: seconds before the first voiced frame at which speech is said to start, so that a soft consonant
            is not cut off.
    """

    aggressiveness: int = 2
    voiced: float = 0.14
    window: float = 0.2
    hangover: float = 0.4
    lead: float = 0.1


class WebRtc:
    """Voice activity by WebRTC's detector.

    Args:
        config: when sound counts as speech.
    """

    name = "webrtc"
    config_type: ClassVar[type[WebRtcConfig]] = WebRtcConfig

    def __init__(self, config: WebRtcConfig | None = None) -> None:
        self._config = config or WebRtcConfig()

    def stream(self, rate: int) -> WebRtcStream:
        """A detector for one stream at 8,000 or 16,000 Hz. Raises ProviderError for another rate."""
        if rate not in (8000, 16_000):
            raise ProviderError(Stage.VOICE_ACTIVITY, "rate_not_supported", "voice activity needs 8000 or 16000 Hz")
        return WebRtcStream(self._config, rate)


class WebRtcStream:
    """Voice activity of one stream of sound.

    Args:
        config: when sound counts as speech.
        rate: Hz.
    """

    def __init__(self, config: WebRtcConfig, rate: int) -> None:
        self._detector = webrtcvad.Vad(config.aggressiveness)
        self._config = config
        self._rate = rate
        self._size = int(FRAME * rate) * SAMPLE_BYTES
        self._rest = bytearray()
        self._frames = 0
        self._needed = max(1, round(config.voiced / FRAME))
        self._recent: deque[bool] = deque(maxlen=max(self._needed, round(config.window / FRAME)))
        self._speaking = False
        self._last_voiced = 0
        self._last_stop = 0.0

    def feed(self, pcm: bytes) -> Sequence[VoiceEdge]:
        """Take more 16-bit mono PCM, of any length, and return where voice started or stopped.

        A start is reported as soon as there was enough voice, a stop after the hangover; their times are those of
        the voice itself, in seconds from the start of the stream.
        """
        if not self._rest and len(pcm) == self._size:
            edge = self._judge(bool(self._detector.is_speech(pcm, self._rate)))
            return () if edge is None else (edge,)
        self._rest += pcm
        edges: list[VoiceEdge] = []
        whole = len(self._rest) // self._size * self._size
        for start in range(0, whole, self._size):
            frame = bytes(self._rest[start : start + self._size])
            edge = self._judge(bool(self._detector.is_speech(frame, self._rate)))
            if edge is not None:
                edges.append(edge)
        del self._rest[:whole]
        return edges

    def _judge(self, voiced: bool) -> VoiceEdge | None:
        self._frames += 1
        voiced = voiced and self._frames > SETTLING
        if voiced:
            self._last_voiced = self._frames
        if self._speaking:
            if (self._frames - self._last_voiced) * FRAME < self._config.hangover - FRAME / 2:
                return None
            self._speaking = False
            self._recent.clear()
            self._last_stop = self._last_voiced * FRAME
            return VoiceEdge(started=False, seconds=self._last_stop)
        self._recent.append(voiced)
        if sum(self._recent) < self._needed:
            return None
        self._speaking = True
        first = self._frames - len(self._recent) + self._recent.index(True)
        return VoiceEdge(started=True, seconds=max(self._last_stop, first * FRAME - self._config.lead))
