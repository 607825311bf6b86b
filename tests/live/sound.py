"""Finds a known sound in what a phone heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dialogue.audio import Audio, read_wav

SOUNDS = Path(__file__).resolve().parents[2] / "sounds"
RATE = 8000
PATTERN_SECONDS = 2.0
ALIKE = 0.6
"""Correlation from which two sounds are the same: a codec leaves more than 0.9, other words less than 0.3."""


def announcement(name: str, language: str = "en") -> Audio:
    """An announcement of the dialplan."""
    return read_wav(SOUNDS / language / f"{name}.wav")


def alike(heard: Audio, wanted: Audio) -> float:
    """Highest normalised correlation, 0 to 1, of the beginning of ``wanted`` with any stretch of ``heard``."""
    where = np.frombuffer(heard.at(RATE).pcm, "<i2").astype(np.float64)
    what = np.frombuffer(wanted.at(RATE).pcm, "<i2").astype(np.float64)[: int(PATTERN_SECONDS * RATE)]
    if where.size < what.size or not what.size:
        return 0.0
    size = where.size + what.size
    products = np.fft.irfft(np.fft.rfft(where, size) * np.conj(np.fft.rfft(what, size)), size)
    products = products[: where.size - what.size + 1]
    sums = np.concatenate(([0.0], np.cumsum(where * where)))
    energies = sums[what.size :] - sums[: -what.size]
    loud = energies > np.max(energies) * 1e-3
    return float(np.max(np.abs(products[loud]) / np.sqrt(energies[loud] * np.sum(what * what))))


def contains(heard: Audio, wanted: Audio) -> bool:
    """Whether ``wanted`` was heard."""
    return alike(heard, wanted) >= ALIKE
