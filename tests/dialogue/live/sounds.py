"""Sounds a caller makes, spoken by real voices, on a line with its noise."""

from __future__ import annotations

import subprocess
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dialogue.audio import read_wav
from dialogue.live.ear import Ear, Edge, Pace
from dialogue.providers.vad.webrtc import WebRtc, WebRtcConfig

Samples = NDArray[np.float64]

LINE_NOISE = 8.0
"""RMS of a quiet line."""

FRAME_VOICE = WebRtc(WebRtcConfig(voiced=0.02, window=0.02, hangover=0.02, lead=0.0))
"""A detector that judges each frame by itself, as the composition root makes it for live calls."""


@cache
def _wav(*command: str) -> bytes:
    return subprocess.run(command, check=True, timeout=20, capture_output=True).stdout


def flite(text: str, rate: int, voice: str = "slt") -> Samples:
    return _samples(_wav("flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"), rate)


def espeak(text: str, rate: int, language: str, words_per_minute: int = 160) -> Samples:
    return _samples(_wav("espeak-ng", "-v", language, "-s", str(words_per_minute), "--stdout", text), rate)


def _samples(wav: bytes, rate: int) -> Samples:
    return np.frombuffer(read_wav(wav).at(rate).pcm, dtype="<i2").astype(np.float64)


def noise(seconds: float, rate: int, rms: float = LINE_NOISE) -> Samples:
    return np.random.default_rng(5).normal(0, rms, int(seconds * rate))


def on_a_line(*parts: Samples, rate: int, rms: float = LINE_NOISE) -> bytes:
    """The parts, one after the other, over the line's noise."""
    sound = np.concatenate(parts)
    sound = sound + noise(len(sound) / rate + 1, rate, rms)[: len(sound)]
    return np.clip(sound, -32_768, 32_767).astype("<i2").tobytes()


def rest(seconds: float, rate: int) -> Samples:
    return np.zeros(int(seconds * rate))


def voice_in(samples: Samples, rate: int, under_peak: float) -> tuple[float, float]:
    """Seconds at which sound begins and ends that is at most ``under_peak`` dB under the loudest 20 ms."""
    size = rate // 100
    whole = len(samples) // size
    power = (samples[: whole * size].reshape(whole, size) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > np.convolve(power, [0.5, 0.5]).max() * 10 ** (-under_peak / 10))
    return float(loud[0] * size / rate), float((loud[-1] + 1) * size / rate)


def hear(
    pcm: bytes, rate: int, pace: Pace | None = None, piece: int | None = None
) -> tuple[Ear, list[tuple[Edge, float]]]:
    """Feed an ear and return it with what it told, and when."""
    ear = Ear(FRAME_VOICE, rate, pace or Pace())
    size = piece or rate // 50 * 2
    told = []
    for start in range(0, len(pcm), size):
        told += [(edge, ear.now) for edge in ear.feed(pcm[start : start + size])]
    return ear, told
