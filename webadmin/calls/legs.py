"""Joins the two legs of a call, as the PBX recorded them, to one stereo file: the caller left, the other side right.

A leg is a raw file of 16-bit mono PCM. The PBX keeps both in step; a leg that ends early is followed by silence.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from dialogue.audio import SAMPLE_BYTES

RATE = 16_000
"""Samples per second of a leg, Hz."""

SUFFIXES = ("-caller.sln16", "-agent.sln16")

CHUNK_SAMPLES = 1 << 18


@dataclass(frozen=True, slots=True)
class Legs:
    """Two legs of one call.

    Args:
        caller: what came from the caller.
        agent: what went to the caller.
    """

    caller: Path
    agent: Path

    @classmethod
    def of(cls, beginning: Path) -> Legs:
        """The legs of a recording by its path without a suffix, whether they exist or not."""
        caller, agent = (beginning.with_name(beginning.name + suffix) for suffix in SUFFIXES)
        return cls(caller, agent)

    @property
    def paths(self) -> tuple[Path, Path]:
        return self.caller, self.agent

    @property
    def samples(self) -> tuple[int, int]:
        """Length of the caller's and of the agent's leg, in samples. Raises FileNotFoundError."""
        caller, agent = (path.stat().st_size // SAMPLE_BYTES for path in self.paths)
        return caller, agent


def join(legs: Legs, target: IO[bytes]) -> int:
    """Write both legs as one stereo WAV of 16-bit PCM at `RATE`. Returns its length in samples per channel.

    Raises:
        OSError: reading or writing failed.
    """
    longest = max(legs.samples)
    with legs.caller.open("rb") as left, legs.agent.open("rb") as right, wave.open(target, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(SAMPLE_BYTES)
        out.setframerate(RATE)
        for start in range(0, longest, CHUNK_SAMPLES):
            count = min(CHUNK_SAMPLES, longest - start)
            both = np.zeros((count, 2), "<i2")
            for channel, leg in enumerate((left, right)):
                pcm = leg.read(count * SAMPLE_BYTES)
                samples = np.frombuffer(pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES], "<i2")
                both[: len(samples), channel] = samples
            out.writeframesraw(both.tobytes())
    return longest
