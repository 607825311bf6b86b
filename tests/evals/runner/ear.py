"""When the other side of a call spoke, from the times its packets came in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

PACKET = 0.02
"""Seconds of sound in a packet."""

PAUSE = 0.2
"""Seconds without sound that are more than the gap between two words."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Times in seconds of the event loop's clock.

    Args:
        voices: when each packet with sound came in, in order; it may grow.
    """

    voices: Sequence[float]

    def onset_after(self, time: float, pause: float = PAUSE) -> float | None:
        """When it began to speak at or after a time; None where it has not. What goes on over the time is no onset."""
        for index in range(bisect_left(self.voices, time), len(self.voices)):
            if index == 0 or self.voices[index] - self.voices[index - 1] > pause:
                return self.voices[index]
        return None

    def spoke_over(self, time: float) -> float | None:
        """When the stretch of speech began that a time falls into; None where there was silence."""
        index = bisect_right(self.voices, time)
        if index == 0 or time - self.voices[index - 1] > PAUSE:
            return None
        if index < len(self.voices) and self.voices[index] - self.voices[index - 1] > PAUSE:
            return None
        index -= 1
        while index > 0 and self.voices[index] - self.voices[index - 1] <= PAUSE:
            index -= 1
        return self.voices[index]

    def silent_from(self, time: float, now: float, pause: float = PAUSE) -> float | None:
        """When it fell silent for at least a pause, at or after a time; None where it has not yet.

        Args:
            time: from when on; where it is silent already, the time itself is the answer.
            now: the present.
            pause: seconds.
        """
        end = time
        for index in range(bisect_left(self.voices, time), len(self.voices)):
            if self.voices[index] - end > pause:
                return end
            end = self.voices[index] + PACKET
        return end if now - end >= pause else None

    def longest_silence(self, start: float, end: float) -> float:
        """Longest stretch in seconds without sound between two times."""
        inside = self.voices[bisect_left(self.voices, start) : bisect_right(self.voices, end)]
        edges = [start, *inside, end]
        return max(later - earlier for earlier, later in pairwise(edges))
