"""Where in an utterance somebody speaks: what is before, after and long between is not given to a recogniser.

Recognisers of Whisper's kind make words of silence and noise, and work for 30 s of sound however short an utterance is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import ProviderError, Stage
from dialogue.providers.silero import FRAME, Floats, judge_whole, load

RATE = 16_000

VOICE = 0.4
"""Probability from which a frame is voice: a little under Silero's own 0.5, for whispering callers."""

STILL_VOICE = 0.25
"""Probability from which a frame after voice still is."""

SHORTEST = 2
"""Frames of voice that make a word: a "да" has four."""

MARGIN = 0.25
"""Seconds that are kept on either side of voice."""

LONGEST = 28.0
"""Seconds of a stretch; Whisper takes 30 at a time."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sound with voice in it.

    Args:
        pcm: 16-bit mono PCM at 16,000 Hz, `LONGEST` seconds at most.
        seconds: of voice in it.
    """

    pcm: bytes
    seconds: float


class VoiceFinder:
    """Finds the stretches of an utterance with voice in them."""

    def __init__(self) -> None:
        self._session: Any = None

    async def start(self) -> None:
        """Load the detector. Raises ProviderError."""
        if self._session is None:
            try:
                self._session = await asyncio.to_thread(load, "silero_vad_16k_sequence")
            except ProviderError as error:
                raise ProviderError(Stage.SPEECH_TO_TEXT, error.code, error.detail) from None

    async def find(self, pcm: bytes) -> list[Stretch]:
        """Return the stretches of 16-bit mono PCM at 16,000 Hz; none where nobody speaks. Raises ProviderError."""
        await self.start()
        return await asyncio.to_thread(self._find, pcm)

    def _find(self, pcm: bytes) -> list[Stretch]:
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
        # Silence at the end closes a last frame that is not whole.
        samples = np.pad(samples, (0, int(FRAME * RATE)))
        return stretches(pcm, voiced_frames(judge_whole(self._session, samples)))


def voiced_frames(probabilities: Floats) -> list[bool]:
    """Return which frames are voice: runs of `SHORTEST` frames or more."""
    voiced: list[bool] = []
    for probability in probabilities:
        voiced.append(bool(probability >= (STILL_VOICE if voiced and voiced[-1] else VOICE)))
    start = 0
    for number in range(len(voiced) + 1):
        if number == len(voiced) or not voiced[number]:
            if number - start < SHORTEST:
                voiced[start:number] = [False] * (number - start)
            start = number + 1
    return voiced


def stretches(pcm: bytes, voiced: list[bool]) -> list[Stretch]:
    """Cut what is voice, with `MARGIN` around it, and join it to stretches of at most `LONGEST` seconds."""
    size = int(FRAME * RATE) * SAMPLE_BYTES
    margin = round(MARGIN / FRAME)
    kept = [any(voiced[max(0, number - margin) : number + margin + 1]) for number in range(len(voiced))]
    most = int(LONGEST / FRAME)
    found: list[Stretch] = []
    frames: list[int] = []
    for number in range(len(voiced)):
        if kept[number]:
            frames.append(number)
        # A pause is the place to cut: no word is lost there.
        pause = not kept[number] and len(frames) >= most // 2
        if frames and (pause or len(frames) >= most or number == len(voiced) - 1):
            seconds = sum(voiced[frame] for frame in frames) * FRAME
            if seconds:
                found.append(Stretch(b"".join(pcm[f * size : (f + 1) * size] for f in frames), seconds))
            frames = []
    return found
