"""The sound of an invented call: two voices of a free synthesiser on the two channels of a recording."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from dialogue.audio import Audio, AudioFormatError, read_wav

RATE = 16_000
"""Samples per second of a recording, Hz."""

CALLER, AGENT = 0, 1
"""The recording's channels: left and right."""

_ENGLISH_ONLY = "flite"
_SYNTHESIS_SECONDS = 20


def program() -> str | None:
    """Path of espeak-ng, else of flite (English only), None where neither is installed."""
    return shutil.which("espeak-ng") or shutil.which("flite")


def speaks(voice: str, language: str) -> bool:
    """Whether the program has a voice of a language."""
    return language == "en" or not voice.endswith(_ENGLISH_ONLY)


@lru_cache(maxsize=512)
def spoken(voice: str, language: str, text: str, pitch: int) -> Audio | None:
    """Speak ``text``, given to the program on its standard input; None where it cannot.

    Args:
        voice: path of the program.
        language: ISO 639-1 code.
        text: the words.
        pitch: 0 to 99; flite has one voice only.
    """
    if not speaks(voice, language):
        return None
    if voice.endswith(_ENGLISH_ONLY):
        command = [voice, "-f", "/dev/stdin", "-o", "/dev/stdout"]
    else:
        command = [voice, "-v", language, "-p", str(pitch), "--stdin", "--stdout"]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_SYNTHESIS_SECONDS, check=True)
        return read_wav(done.stdout).at(RATE)
    except (OSError, subprocess.SubprocessError, AudioFormatError):
        return None


@dataclass(slots=True)
class Tape:
    """What is heard of a call, piece by piece."""

    pieces: list[tuple[int, float, bytes]] = field(default_factory=list)

    def add(self, channel: int, second: float, pcm: bytes) -> None:
        """Put sound on a channel, from a second of the call on."""
        self.pieces.append((channel, second, pcm))

    def to_wav(self, seconds: float) -> bytes:
        """Return the whole as a stereo WAV file of 16-bit PCM that is ``seconds`` long."""
        both = np.zeros((round(seconds * RATE), 2), "<i2")
        for channel, second, pcm in self.pieces:
            start = round(second * RATE)
            samples = np.frombuffer(pcm, "<i2")[: max(0, len(both) - start)]
            both[start : start + len(samples), channel] = samples
        target = io.BytesIO()
        with wave.open(target, "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(both.tobytes())
        return target.getvalue()
