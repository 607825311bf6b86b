"""Sounds and small models for recognisers."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from dialogue.audio import Audio, read_wav
from dialogue.ports import SpeechToText, SttRequest
from dialogue.turns import Transcript

RUSSIAN = SttRequest("ru")
ENGLISH = SttRequest("en")
SENTENCE = "На улице Абая украли машину."


async def recognise(engine: SpeechToText, sound: Audio, request: SttRequest = RUSSIAN) -> Transcript:
    """What an engine gives for a sound that comes in pieces of 0.1 s."""

    async def chunks() -> AsyncIterator[bytes]:
        pcm = sound.at(16_000).pcm
        for start in range(0, len(pcm), 3200):
            yield pcm[start : start + 3200]

    (found,) = [transcript async for transcript in engine.transcribe(chunks(), request)]
    return found


def silence(seconds: float, loudness: float = 8.0) -> Audio:
    """Line noise without a voice in it."""
    samples = np.random.default_rng(2).normal(0, loudness, int(seconds * 16_000))
    return Audio(samples.astype("<i2").tobytes(), 16_000)


def spoken(text: str, folder: Path, language: str = "ru") -> Audio:
    """Words by espeak."""
    path = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", language, "-w", str(path), text], check=True, timeout=20)
    return read_wav(path).at(16_000)


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Audio:
    return spoken(SENTENCE, tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def parrot(models: Path) -> Path:
    """A model that says `SENTENCE` in Russian whatever it hears."""
    from tests.fakes import tiny_whisper

    return tiny_whisper.parrot(models / "parrot.pt", SENTENCE, "ru")


@pytest.fixture(scope="session")
def parrot_folder(models: Path, parrot: Path) -> Path:
    """The same for faster-whisper, in 8 bits."""
    from tests.fakes import tiny_whisper

    return tiny_whisper.converted(parrot, models / "parrot", "int8")
