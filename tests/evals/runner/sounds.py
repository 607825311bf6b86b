"""The caller's sounds: synthetic voices, files, coughs, noise, music. Each comes cut to where its sound is."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dialogue.audio import Audio, read_wav
from tests.evals.runner.script import Sound

RATE = 16_000
SYNTHESIS_SECONDS = 30.0
NOTES = (262, 330, 392, 523, 392, 330, 294, 349, 440, 587, 440, 349)
NOTE_SECONDS = 0.3
FULL_SCALE = 32768.0


class SoundError(Exception):
    """A sound cannot be made. Its text says why."""


def make(sound: Sound, voice: str, folder: Path) -> Audio:
    """The sound that a scenario names, without silence before and after it.

    Args:
        sound: what the file says.
        voice: of words that name none.
        folder: of the scenario file.

    Raises:
        SoundError: no program or no voice for it.
    """
    if sound.cough:
        audio = cough()
    elif sound.file:
        audio = read_wav(folder / sound.file)
    else:
        audio = spoken(sound.text, sound.voice or voice)
    audio = audio.without_silence(margin=0.0)
    return at_level(audio, sound.level_db) if sound.level_db is not None else audio


@cache
def spoken(text: str, voice: str) -> Audio:
    """Words in a voice of flite's, or of espeak-ng's where it is named ``espeak:<language>``. Raises SoundError."""
    with tempfile.TemporaryDirectory(prefix="hotline-voice-") as folder:
        path = Path(folder) / "words.wav"
        if voice.startswith("espeak:"):
            command = ["espeak-ng", "-v", voice.removeprefix("espeak:"), "-s", "140", "-w", str(path), "--stdin"]
            given = {"input": text, "text": True}
        else:
            # flite takes a voice it does not know for a file to load, and says nothing where there is none.
            command = ["flite", "-voice", voice, "-t", text, "-o", str(path)]
            given = {}
        try:
            subprocess.run(command, check=True, timeout=SYNTHESIS_SECONDS, capture_output=True, **given)  # type: ignore[call-overload]
            audio = read_wav(path)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise SoundError(f"{command[0]} does not speak with the voice {voice}: {error}") from error
    return audio.at(RATE)


def cough() -> Audio:
    """Two short bursts of noise, a third of a second in all."""
    random = np.random.default_rng(102)
    pieces = []
    for seconds, loud in ((0.13, 9000.0), (0.06, 0.0), (0.12, 5000.0)):
        count = int(seconds * RATE)
        fading = np.exp(-np.linspace(0.0, 4.0, count))
        pieces.append(random.normal(0.0, 1.0, count) * loud * fading)
    return _audio(np.concatenate(pieces))


def noise(level_db: float, seconds: float) -> Audio:
    """Even noise, as of wind or a bad line."""
    seed = int.from_bytes(hashlib.sha256(f"{seconds}".encode()).digest()[:4])
    return at_level(_audio(np.random.default_rng(seed).normal(0.0, 3000.0, int(seconds * RATE))), level_db)


def music(level_db: float, seconds: float) -> Audio:
    """A tune on a plucked instrument with a bass under it."""
    count = int(NOTE_SECONDS * RATE)
    time = np.arange(count) / RATE
    fading = np.exp(-time * 4.0)
    notes = [
        sum(np.sin(2 * np.pi * hertz * part * time) / part for part in (1, 2, 3)) * fading
        + 0.7 * np.sin(2 * np.pi * hertz / 4 * time)
        for hertz in NOTES
    ]
    tune = np.tile(np.concatenate(notes) * 4000.0, int(seconds / (NOTE_SECONDS * len(NOTES))) + 1)
    return at_level(_audio(tune[: int(seconds * RATE)]), level_db)


def at_level(audio: Audio, level_db: float) -> Audio:
    """The same sound at a loudness in dB of full scale (root mean square)."""
    samples = np.frombuffer(audio.pcm, "<i2").astype(np.float64)
    loudness = float(np.sqrt(np.mean(samples * samples))) if samples.size else 0.0
    if loudness == 0.0:
        return audio
    return _audio(samples * (10 ** (level_db / 20) * FULL_SCALE / loudness), audio.rate)


def _audio(samples: NDArray[np.float64], rate: int = RATE) -> Audio:
    return Audio(np.clip(samples, -32768, 32767).astype("<i2").tobytes(), rate)
