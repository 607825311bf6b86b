"""Finds utterances in what a caller says, as it comes: where they begin, pause and go on.

A detector of voice holds on after a sound, WebRTC's for 70 to 240 ms, which would make every answer late by as much. So
a frame counts as voice only where it is loud enough too: against the noise between words and the loudness of the
utterance itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.ports import VoiceActivity

FRAME = 0.02
"""Seconds judged at a time."""

TAIL = 0.3
"""Seconds of silence that are kept after the last voice."""

_BEGIN_VOICED = 4
_BEGIN_WINDOW = 8
"""Frames of voice among the latest ones that begin an utterance: 80 ms, which a short "да" has and a bang has not."""

_RESUME_VOICED = 2
_RESUME_WINDOW = 3

_SOFT_ENDING = 8
"""Frames after the detector's last voice in which loudness alone tells: for a "t" or a "th" that ends a word."""

_OVER_NOISE = 6.0
"""Power over the noise's that voice has at least (8 dB)."""

_UNDER_PEAK = 0.0016
"""Power against the loudest frame lately below which a sound is its echo (-28 dB)."""

_QUIETEST = 400.0
"""Mean square of 16-bit samples below which nothing is voice (an RMS of 20)."""

_PEAK_FADES = 0.985
_NOISE_RISES = 1.05
_NOISE_FALLS = 0.2
_BLOCK = 25
_BLOCKS = 6
"""Blocks of frames (3 s) the quietest of which is noise even where the detector hears voice in it, as in a car."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When a pause is one, and when it ends a turn. Seconds.

    Args:
        shortest: silence that ends a turn after a complete phrase.
        usual: silence that ends a turn of which nothing more is known.
        longest: silence that ends a turn after a hesitation or in mid-address.
        first_pause: silence at which recognition of what was said so far may begin.
        look_back: sound kept from before the first voice.
        longest_utterance: after which an utterance is cut.
    """

    shortest: float = 0.3
    usual: float = 0.6
    longest: float = 0.9
    first_pause: float = 0.1
    look_back: float = 0.3
    longest_utterance: float = 60.0


class Edge(Enum):
    """What changed in what the caller does."""

    BEGAN = "began"
    """Voice after silence: a new utterance."""
    PAUSED = "paused"
    """No voice for `Pace.first_pause` within an utterance."""
    WENT_ON = "went_on"
    """Voice again in the same utterance."""
    CUT = "cut"
    """The utterance has lasted `Pace.longest_utterance`."""


_PCM = np.dtype("<i2")
_NOTHING: tuple[Edge, ...] = ()


class Ear:
    """Follows one caller. Feeding it is cheap and never waits. Times are seconds of sound since the start.

    Args:
        voice: detector that judges each 20 ms by itself; one that waits for more misses a short "да".
        rate: Hz of what is heard, 8000 or 16000.
        pace: when a pause is one.
    """

    def __init__(self, voice: VoiceActivity, rate: int, pace: Pace) -> None:
        self._stream = voice.stream(rate)
        self._rate = rate
        self._pace = pace
        self._size = int(FRAME * rate) * SAMPLE_BYTES
        self._rest = bytearray()
        self._frames = 0
        self._detected = False
        self._last_detected = 0
        self._noise = _QUIETEST / _OVER_NOISE
        self._quietest = self._noise
        self._blocks: deque[float] = deque(maxlen=_BLOCKS)
        self._block_detected = False
        self._peak = 0.0
        kept = round(pace.look_back / FRAME) + _BEGIN_WINDOW
        self._before: deque[bytes] = deque(maxlen=kept)
        self._window: deque[bool] = deque(maxlen=_BEGIN_WINDOW)
        self._pcm = bytearray()
        self._voice_end = 0
        self._in_utterance = False
        self._paused = False
        self._cut = False
        self._voiced_frames = 0
        self._began_frame = 0
        self._last_voiced = 0

    @property
    def now(self) -> float:
        """Seconds of sound heard."""
        return self._frames * FRAME

    @property
    def in_utterance(self) -> bool:
        """Whether an utterance has begun and was not taken yet."""
        return self._in_utterance

    @property
    def voiced(self) -> bool:
        """Whether the caller speaks right now."""
        return self._in_utterance and not self._paused

    @property
    def silent_for(self) -> float:
        """Seconds since the caller's last voice, 0 while they speak; without an utterance since the last was taken."""
        return 0.0 if self.voiced else (self._frames - self._last_voiced) * FRAME

    @property
    def voiced_for(self) -> float:
        """Seconds of voice in this utterance, pauses not counted."""
        return self._voiced_frames * FRAME

    @property
    def last_voice(self) -> float:
        """When the caller's last voice was."""
        return self._last_voiced * FRAME

    @property
    def began_at(self) -> float:
        """When this utterance began."""
        return self._began_frame * FRAME

    def feed(self, pcm: bytes) -> Sequence[Edge]:
        """Take more sound and return what changed in it.

        Args:
            pcm: 16-bit mono PCM of any even length.

        Raises:
            ProviderError: the detector failed.
        """
        size = self._size
        if not self._rest and len(pcm) == size:
            edge = self._judge(pcm)
            return _NOTHING if edge is None else (edge,)
        self._rest += pcm
        edges: list[Edge] = []
        whole = len(self._rest) // size * size
        for start in range(0, whole, size):
            edge = self._judge(bytes(self._rest[start : start + size]))
            if edge is not None:
                edges.append(edge)
        del self._rest[:whole]
        return edges

    def so_far(self) -> Audio:
        """The utterance with the sound before it, up to `TAIL` seconds after its last voice, or to where it was cut."""
        return Audio(bytes(self._pcm[: self._voice_end + round(TAIL / FRAME) * self._size]), self._rate)

    def take(self) -> Audio:
        """The utterance, which is over: the next voice begins another."""
        audio = self.so_far()
        self.drop()
        return audio

    def drop(self) -> None:
        """Forget the utterance."""
        self._in_utterance = self._paused = self._cut = False
        self._pcm = bytearray()
        self._voice_end = 0
        self._before.clear()
        self._window.clear()
        self._voiced_frames = 0
        self._last_voiced = self._frames

    def _judge(self, frame: bytes) -> Edge | None:
        self._frames += 1
        voiced = self._is_voice(frame)
        self._window.append(voiced)
        if not self._in_utterance:
            self._before.append(frame)
            return self._begin() if voiced and sum(self._window) >= _BEGIN_VOICED else None
        if not self._cut:
            self._pcm += frame
        if not self._paused:
            if voiced:
                self._note_voice()
                self._voiced_frames += 1
            elif self._frames - self._last_voiced >= round(self._pace.first_pause / FRAME):
                self._paused = True
                return Edge.PAUSED
        elif voiced:
            if sum(list(self._window)[-_RESUME_WINDOW:]) >= _RESUME_VOICED:
                self._paused = False
                self._note_voice()
                self._voiced_frames += _RESUME_VOICED
                return Edge.WENT_ON
            if self._frames - self._last_voiced <= _SOFT_ENDING:
                self._note_voice()
        if not self._cut and (self._frames - self._began_frame) * FRAME >= self._pace.longest_utterance:
            self._cut = True
            return Edge.CUT
        return None

    def _begin(self) -> Edge:
        window = list(self._window)
        self._in_utterance, self._paused = True, False
        self._began_frame = self._frames - len(window) + window.index(True)
        self._voiced_frames = sum(window)
        first = self._frames - self._began_frame + round(self._pace.look_back / FRAME)
        self._pcm = bytearray().join(list(self._before)[-first:])
        self._before.clear()
        self._note_voice()
        return Edge.BEGAN

    def _note_voice(self) -> None:
        self._last_voiced = self._frames
        self._voice_end = len(self._pcm)

    def _is_voice(self, frame: bytes) -> bool:
        for edge in self._stream.feed(frame):
            self._detected = edge.started
        # Not by `dot`, which lets go of the interpreter's lock: another thread would keep it for milliseconds.
        samples = np.frombuffer(frame, dtype=_PCM)
        power = float(np.add.reduce(np.square(samples, dtype=np.float32))) / len(samples)
        self._measure_noise(power)
        self._peak = max(power, self._peak * _PEAK_FADES)
        if self._detected:
            self._last_detected = self._frames
        elif not self._in_utterance or self._frames - self._last_detected > _SOFT_ENDING:
            return False
        return power > max(_QUIETEST, self._noise * _OVER_NOISE, self._peak * _UNDER_PEAK)

    def _measure_noise(self, power: float) -> None:
        """Follow the sound between words; while the detector hears voice, only the quietest of the last seconds."""
        self._quietest = min(self._quietest, power)
        self._block_detected |= self._detected
        if self._frames % _BLOCK == 0:
            self._blocks.append(self._quietest)
            if not self._block_detected:
                self._noise = max(self._noise, self._quietest)
            elif len(self._blocks) == _BLOCKS:
                self._noise = max(self._noise, min(self._blocks))
            self._quietest, self._block_detected = power, False
        if power < self._noise:
            self._noise += _NOISE_FALLS * (power - self._noise)
        elif not self._detected:
            self._noise = min(power, self._noise * _NOISE_RISES)
