"""Sounds that tell whose they are, and what a caller's ear makes of the packets that came.

A call has a number from 0 to 99: two tones, one low and one high, in all that its caller says and all that it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

LOW = tuple(range(1200, 2000, 80))
HIGH = tuple(range(2100, 3100, 100))
IDENTITIES = len(LOW) * len(HIGH)
NOBODY = -1

FRAME_SECONDS = 0.02
SILENT_RMS = 300.0
"""Of 16-bit samples: a tenth of what the prepared sounds have."""

JUDGED_SECONDS = 0.4
"""How much of a sound is looked at to know whose it is."""

_CLEAR = 4.0
"""How much stronger than any other of its kind the right tone is."""

_QUIETEST = 100.0
"""Level of a tone that counts; the prepared ones have four times as much or more."""


def _tones(identity: int) -> tuple[int, int]:
    return LOW[identity // len(HIGH)], HIGH[identity % len(HIGH)]


@cache
def voice(identity: int, seconds: float = 1.2, rate: int = 16_000) -> bytes:
    """What a caller says: a sound that a detector takes for voice, loud from its first sample to its last."""
    time = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(120 * (1 + 0.08 * np.sin(2 * np.pi * 1.3 * time))) / rate
    hum = sum(np.sin(k * phase) / k for k in range(1, 9)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    low, high = _tones(identity)
    tones = np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)
    return (6000 * hum / np.abs(hum).max() + 1500 * tones).astype("<i2").tobytes()


@cache
def answer(identity: int, seconds: float, rate: int = 16_000) -> bytes:
    """What the assistant says: both tones without a gap; of `NOBODY`, two that are no call's."""
    time = np.arange(int(seconds * rate)) / rate
    low, high = (500, 800) if identity == NOBODY else _tones(identity)
    return (4000 * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time))).astype("<i2").tobytes()


def whose(pcm: bytes, rate: int) -> int:
    """Whose sound it is, by its middle; `NOBODY` where that is not clear.

    Args:
        pcm: 16-bit mono PCM.
        rate: Hz.
    """
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    count = min(len(samples), int(JUDGED_SECONDS * rate))
    if count < rate // 20:
        return NOBODY
    start = (len(samples) - count) // 2
    # Not by matrices: their library's threads spin for a while after each use.
    levels = np.abs(np.fft.rfft(samples[start : start + count] * np.hanning(count))) / count
    found = []
    for tones in (LOW, HIGH):
        part = levels[[round(tone * count / rate) for tone in tones]]
        order = np.argsort(part)
        if part[order[-1]] < _CLEAR * part[order[-2]] or part[order[-1]] < _QUIETEST:
            return NOBODY
        found.append(int(order[-1]))
    return found[0] * len(HIGH) + found[1]


def longest_hole(pcm: bytes, rate: int, window_seconds: float = 0.01) -> float:
    """Seconds of the longest silence inside a sound that has none."""
    size = int(window_seconds * rate)
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    whole = len(samples) // size * size
    loud = np.sqrt((samples[:whole].reshape(-1, size) ** 2).mean(axis=1)) >= SILENT_RMS
    longest = run = 0
    for window in loud:
        run = 0 if window else run + 1
        longest = max(longest, run)
    return longest * window_seconds


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of sound as it came in.

    Args:
        at: seconds, when the kernel had it.
        sequence: number of the packet (16 bits).
        voiced: whether it holds sound, not silence.
        payload: as it came.
    """

    at: float
    sequence: int
    voiced: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller heard of one answer.

    Args:
        began: when its first packet with sound came; None where none did.
        ended: when its last one did.
        seconds: how much of it there was.
        longest_wait: longest time between two of its packets.
        missing: packets that never came.
        sound: payloads in their order.
    """

    began: float | None
    ended: float
    seconds: float
    longest_wait: float
    missing: int
    sound: bytes


def told(packets: Sequence[Packet], since: float, until: float) -> Told:
    """What came between two moments: from the first packet with sound to the last one."""
    within = [packet for packet in packets if since <= packet.at < until]
    voiced = [number for number, packet in enumerate(within) if packet.voiced]
    if not voiced:
        return Told(None, since, 0.0, 0.0, 0, b"")
    part = within[voiced[0] : voiced[-1] + 1]
    waits = [later.at - earlier.at for earlier, later in pairwise(part)]
    missing = sum((later.sequence - earlier.sequence - 1) & 0xFFFF for earlier, later in pairwise(part))
    return Told(
        part[0].at,
        part[-1].at,
        len(voiced) * FRAME_SECONDS,
        max(waits, default=0.0),
        missing,
        b"".join(packet.payload for packet in part),
    )


def silent_after(packets: Sequence[Packet], since: float, until: float, quiet_seconds: float = 0.2) -> float | None:
    """Seconds from ``since`` to the end of the last packet before a quiet; None where sound goes on to ``until``.

    Args:
        packets: in their order.
        since: when the caller's first sound left.
        until: end of what is looked at.
        quiet_seconds: without sound that count as silent.
    """
    last = since
    for packet in packets:
        if not packet.voiced or packet.at < since:
            continue
        if packet.at >= until or packet.at - last > quiet_seconds:
            break
        last = packet.at
    return None if until - last < quiet_seconds else last + FRAME_SECONDS - since


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of the values do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
