"""Finds, on one channel of a recording, when somebody speaks. Numpy and WebRTC's detector; knows nothing of calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import webrtcvad
from numpy.typing import NDArray

FRAME = 0.01
"""Seconds judged at a time; each edge is right to this."""

QUIET_LEVEL = 60.0
"""Root mean square of 16-bit samples under which nothing counts as sound: -55 dB of full scale."""

ABOVE_NOISE = 3.2
"""Times the noise floor that is sound: 10 dB."""

LOUDEST_FLOOR = 1500.0
"""A floor above this is no noise but a voice that never pauses."""

FLOOR_FRAMES = 300
FLOOR_SHARE = 10
FLOOR_REACH = 3
"""The floor is the 10th percentile of 3 s, the lowest of those 9 s around; people pause more often than that."""

CLOSURE = 0.12
"""Seconds of quiet within a word: a stopped consonant."""

PAUSE = 0.3
"""Seconds of quiet within a phrase."""

SHORTEST = 0.05
"""Seconds of sound that may be a voice; a click is shorter."""

VOICED_SHARE = 0.2
HEARD_LEVEL = 4000.0
MOST_GAIN = 40.0
BLOCK_FRAMES = 6000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the recording: seconds from its beginning."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def overlap(self, other: Span) -> float:
        """Seconds that both share; negative: how far they are apart."""
        return min(self.end, other.end) - max(self.start, other.start)


def levels(samples: NDArray[np.int16], rate: int) -> NDArray[np.float64]:
    """Root mean square of each whole frame of one channel."""
    size = int(rate * FRAME)
    count = len(samples) // size
    found = np.empty(count)
    # In blocks: an hour as floating point would fill the memory.
    for start in range(0, count, BLOCK_FRAMES):
        stop = min(count, start + BLOCK_FRAMES)
        block = samples[start * size : stop * size].astype(np.float64).reshape(-1, size)
        # A codec's constant offset is no sound.
        found[start:stop] = block.std(axis=1)
    return found


def noise_floor(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise around each frame, as a level."""
    windows = [
        np.percentile(level[start : start + FLOOR_FRAMES], FLOOR_SHARE) for start in range(0, len(level), FLOOR_FRAMES)
    ]
    lowest = [min(windows[max(0, at - FLOOR_REACH) : at + FLOOR_REACH + 1]) for at in range(len(windows))]
    return np.minimum(np.repeat(lowest, FLOOR_FRAMES)[: len(level)], LOUDEST_FLOOR)


def agent_sound(samples: NDArray[np.int16], rate: int) -> NDArray[np.bool_]:
    """Per frame whether the assistant sounds. Its channel carries nothing but what it says."""
    return levels(samples, rate) > QUIET_LEVEL


def caller_voice(samples: NDArray[np.int16], rate: int) -> NDArray[np.bool_]:
    """Per frame whether the caller speaks: sound above their noise in which WebRTC's detector finds a voice.

    The detector judges whole phrases only; their edges are the sound's own, so that its hold-over delays none.
    """
    level = levels(samples, rate)
    if not len(level):
        return np.zeros(0, np.bool_)
    sound = level > np.maximum(QUIET_LEVEL, ABOVE_NOISE * noise_floor(level))
    speech = np.zeros_like(sound)
    for span in spans(sound, PAUSE):
        first, last = round(span.start / FRAME), round(span.end / FRAME)
        heard = first + np.flatnonzero(sound[first:last])
        if len(heard) * FRAME >= SHORTEST and _voiced(samples, rate, heard, level) >= VOICED_SHARE * len(heard):
            speech[heard] = True
    return speech


def spans(mask: NDArray[np.bool_], join: float) -> list[Span]:
    """Stretches of true frames; those that are less than ``join`` seconds apart are one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    found: list[list[int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if found and (start - found[-1][1]) * FRAME < join - FRAME / 2:
            found[-1][1] = end
        else:
            found.append([start, end])
    return [Span(round(start * FRAME, 2), round(end * FRAME, 2)) for start, end in found]


def _voiced(samples: NDArray[np.int16], rate: int, frames: NDArray[np.intp], level: NDArray[np.float64]) -> int:
    """In how many of a phrase's frames WebRTC's detector finds a voice.

    The detector takes a quiet voice for none, so that each phrase is brought to one loudness first.
    """
    size = int(rate * FRAME)
    gain = min(MOST_GAIN, HEARD_LEVEL / float(level[frames].max()))
    detector: Any = webrtcvad.Vad(1)
    count = 0
    for at in frames.tolist():
        frame = np.clip(samples[at * size : (at + 1) * size] * gain, -32768, 32767).astype("<i2")
        count += bool(detector.is_speech(frame.tobytes(), rate))
    return count
