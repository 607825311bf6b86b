"""Engines that take any time, hang or fail, for voice that tells which of a script's bursts it is of."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np

from dialogue.errors import ProviderError, Stage
from dialogue.ports import SttCapabilities, SttRequest, TextDelta, TtsCapabilities, VoiceEdge
from dialogue.turns import Transcript

RATE = 16_000
SAMPLES = 320
"""Of a frame of 20 ms."""

_RANDOM = np.random.default_rng(7)
_LOUD = (_RANDOM.normal(0, 3000, SAMPLES)).astype("<i2")
_SOFT = (_LOUD // 60).astype("<i2")


def frame(burst: int, number: int) -> bytes:
    """20 ms of voice that tell which burst they are of: syllables, with something softer between."""
    samples = (_SOFT if number % 10 == 9 else _LOUD).copy()
    samples[:3] = 7777, burst, number
    return samples.tobytes()


def frames_in(pcm: bytes) -> set[tuple[int, int]]:
    """Which frames of which bursts a sound holds."""
    samples = np.frombuffer(pcm, dtype="<i2")
    samples = samples[: len(samples) // SAMPLES * SAMPLES].reshape(-1, SAMPLES)
    return {(int(row[1]), int(row[2])) for row in samples if row[0] == 7777}


@dataclass(frozen=True)
class Burst:
    """Voice of a caller: ``wordless`` is a cough or music."""

    at: float
    seconds: float
    wordless: bool = False


@dataclass(frozen=True)
class Script:
    """What a caller does, by the clock."""

    bursts: Sequence[Burst]
    keys: Sequence[tuple[float, str]]
    leaves_at: float


@dataclass
class Engines:
    """How the engines behave: each takes its next delay from ``delays``; None hangs, an error fails."""

    chance: random.Random
    stt: Sequence[float | None]
    tts: Sequence[float | None]
    model: Sequence[float | None]
    failing: float

    async def work(self, delays: Sequence[float | None], stage: Stage) -> None:
        delay = self.chance.choice(delays)
        await asyncio.sleep(1000.0 if delay is None else delay)
        if self.chance.random() < self.failing:
            raise ProviderError(stage, "server_error")


class FakeVoice:
    """Hears voice in every frame of a burst."""

    name = "fake"

    def stream(self, rate: int) -> FakeVoice:
        twin = FakeVoice()
        twin.on = False
        return twin

    on = False

    def feed(self, pcm: bytes) -> Sequence[VoiceEdge]:
        voiced = pcm[:2] == b"\x61\x1e"
        if voiced is self.on:
            return ()
        self.on = voiced
        return (VoiceEdge(voiced, 0.0),)


class FakeStt:
    """Recognises the bursts it is given: each is a word."""

    name = "fake"
    capabilities = SttCapabilities(frozenset(), RATE)

    def __init__(self, engines: Engines, script: Script) -> None:
        self._engines, self._script = engines, script

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        pcm = b"".join([chunk async for chunk in chunks])
        await self._engines.work(self._engines.stt, Stage.SPEECH_TO_TEXT)
        yield Transcript(self._words(pcm), "en", 0.9, self.name)

    def _words(self, pcm: bytes) -> str:
        bursts = sorted({burst for burst, _ in frames_in(pcm)})
        return " ".join(f"word{burst}" for burst in bursts if not self._script.bursts[burst].wordless)

    async def close(self) -> None: ...


class HearingAlong(FakeStt):
    """The same while the caller speaks: its words come before the end, its last ones after a delay."""

    name = "along"
    capabilities = SttCapabilities(frozenset(), RATE, streaming=True)

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        pcm = b""
        async for chunk in chunks:
            pcm += chunk
            yield Transcript(self._words(pcm), "en", 0.9, self.name, final=False)
        await self._engines.work(self._engines.stt, Stage.SPEECH_TO_TEXT)
        yield Transcript(self._words(pcm), "en", 0.9, self.name)


class FakeTts:
    """Speaks 15 characters a second, in two pieces, the second after another delay."""

    name = "fake"
    capabilities = TtsCapabilities(frozenset({"en"}), RATE)

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def voice(self, language: str) -> str:
        return language

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        half = bytes(int(len(text) / 30 * RATE) * 2)
        await self._engines.work(self._engines.tts, Stage.TEXT_TO_SPEECH)
        yield half
        await self._engines.work(self._engines.tts, Stage.TEXT_TO_SPEECH)
        yield half

    async def close(self) -> None: ...


class FakeModel:
    name = "fake-model"

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def reply(self, messages: object, schema: object, tools: object = ()) -> AsyncIterator[object]:
        for sentence in ("I have written that down. ", "What happened next? "):
            await self._engines.work(self._engines.model, Stage.LANGUAGE_MODEL)
            yield TextDelta(sentence)

    async def close(self) -> None: ...


def random_engines(chance: random.Random) -> Engines:
    quick: tuple[float | None, ...] = (0.0, 0.05, 0.3)
    slow: tuple[float | None, ...] = (0.0, 0.7, 1.5, 3.0)
    bad: tuple[float | None, ...] = (0.0, 0.3, 6.0, None)
    kinds = (quick, quick, slow, bad)
    failing = chance.choice((0.0, 0.0, 0.1, 0.4))
    return Engines(chance, chance.choice(kinds), chance.choice(kinds), chance.choice(kinds), failing)
