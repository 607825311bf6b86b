"""Tones that callers know from the network."""

from __future__ import annotations

import math
from array import array
from functools import cache

RING_HZ = 425.0
RING_LEVEL = 4000
RING_TONE_SECONDS = 1.0
RING_SECONDS = 5.0
"""From one ring to the next."""


@cache
def ring_tone(rate: int) -> bytes:
    """One ring of 425 Hz as PCM at ``rate`` Hz (ITU-T E.180)."""
    steps = (2 * math.pi * RING_HZ * n / rate for n in range(round(RING_TONE_SECONDS * rate)))
    return array("h", (round(RING_LEVEL * math.sin(step)) for step in steps)).tobytes()
