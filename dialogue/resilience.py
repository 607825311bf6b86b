"""The stages of a call behind time limits, retries, fail-over and circuit breakers, as `dialogue.failover` has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import CallError, ProviderError, Stage
from dialogue.failover import Attempt, Chain, CircuitBreaker, Clock, Observer, Policy
from dialogue.ports import Answer, LanguageModel, Message, SpeechToText, SttRequest, TextToSpeech
from dialogue.speech_cache import SpeechCache, cache_key
from dialogue.turns import Transcript

__all__ = [
    "Attempt",
    "CircuitBreaker",
    "Policy",
    "PreparedSpeech",
    "Recogniser",
    "Recognition",
    "Speaker",
    "SpeechCache",
    "Thinker",
    "Thought",
]

PIECE = 0.1
"""Seconds of sound that are handed on at a time."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recognition:
    """Speech that became text.

    Args:
        transcript: the words, empty where nothing was understood.
        seconds: from the first attempt to the words.
        engine: which engine served.
        failures: what went wrong before it did.
    """

    transcript: Transcript
    seconds: float
    engine: str
    failures: tuple[CallError, ...] = ()


class Recogniser:
    """Speech to text.

    Args:
        engines: in order of preference.
        policy: how much patience there is.
        clock: seconds, monotonic.
        observer: is told of each attempt.
    """

    def __init__(
        self,
        engines: Sequence[SpeechToText],
        policy: Policy,
        clock: Clock = time.monotonic,
        observer: Observer | None = None,
    ) -> None:
        self._chain = Chain(Stage.SPEECH_TO_TEXT, engines, policy, clock, observer)

    async def start(self) -> None:
        """Load every engine. Raises ProviderError where none works."""
        await self._chain.start()

    async def close(self) -> None:
        """Close every engine."""
        await self._chain.close()

    async def recognise(self, audio: Audio, request: SttRequest) -> Recognition:
        """Return what was said, by the first engine that speaks the language and succeeds.

        Raises:
            ProviderError: none did; ``language_not_supported`` where none speaks the language.
        """
        resampled: dict[int, Audio] = {audio.rate: audio}

        async def use(engine: SpeechToText) -> Transcript:
            rate = engine.capabilities.rate
            if rate not in resampled:
                resampled[rate] = await asyncio.to_thread(audio.at, rate)
            stream = engine.transcribe(_pieces(resampled[rate]), request)
            found = Transcript("")
            async with _ending(stream):
                async for transcript in stream:
                    found = transcript
            return replace(found, engine=engine.name, final=True)

        def able(engine: SpeechToText) -> bool:
            spoken = engine.capabilities.languages
            return request.language is None or not spoken or request.language in spoken

        served = await self._chain.run(use, able)
        return Recognition(served.value, served.seconds, served.engine, served.failures)


@dataclass(frozen=True, slots=True)
class PreparedSpeech:
    """Speech that is ready to be played; a `dialogue.ports.Speech`.

    Args:
        text: the words.
        rate: Hz of `pcm`.
        cache_key: the same key is the same sound.
        pcm: 16-bit mono.
        engine: which engine spoke.
        seconds: how long preparing it took; near 0 from the cache.
        failures: what went wrong before it was ready.
    """

    text: str
    rate: int
    cache_key: str
    pcm: bytes
    engine: str
    seconds: float
    failures: tuple[CallError, ...] = ()

    @property
    def audio(self) -> Audio:
        """The sound."""
        return Audio(self.pcm, self.rate)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the sound in pieces."""
        async for piece in _pieces(self.audio):
            yield piece


class Speaker:
    """Text to speech.

    Args:
        engines: in order of preference.
        cache: keeps sound that was made; None for none.
        policy: how much patience there is.
        rate: Hz of what is prepared, whatever an engine's own rate.
        clock: seconds, monotonic.
        observer: is told of each attempt.
    """

    def __init__(
        self,
        engines: Sequence[TextToSpeech],
        cache: SpeechCache | None,
        policy: Policy,
        rate: int = 16_000,
        clock: Clock = time.monotonic,
        observer: Observer | None = None,
    ) -> None:
        self._chain = Chain(Stage.TEXT_TO_SPEECH, engines, policy, clock, observer)
        self._cache = cache
        self._rate = rate
        self._clock = clock

    async def start(self) -> None:
        """Try every engine. Raises ProviderError where none works."""
        await self._chain.start()

    async def close(self) -> None:
        """Close every engine."""
        await self._chain.close()

    async def prepare(self, text: str, language: str) -> PreparedSpeech:
        """Turn a text into sound, or take it from the cache.

        Raises:
            ProviderError: no engine could speak it, and none has spoken it before.
        """
        started = self._clock()
        able = [e for e in self._chain.engines if language in e.capabilities.languages]
        if able and (ready := await self._kept(able[0], text, language, started)) is not None:
            return ready

        async def use(engine: TextToSpeech) -> PreparedSpeech:
            kept = await self._kept(engine, text, language, started)
            return kept or await self._make(engine, text, language, started)

        try:
            served = await self._chain.run(use, lambda engine: language in engine.capabilities.languages)
        except ProviderError:
            # Sound made in better times serves while the engine that made it is down.
            for engine in able:
                if (kept := await self._kept(engine, text, language, started)) is not None:
                    return kept
            raise
        return replace(served.value, seconds=served.seconds, failures=served.failures)

    async def _make(self, engine: TextToSpeech, text: str, language: str, started: float) -> PreparedSpeech:
        key = cache_key(engine.name, engine.voice(language), self._rate, text)
        pcm = bytearray()
        stream = engine.synthesise(text, language)
        async with _ending(stream):
            async for chunk in stream:
                pcm += chunk
        if not pcm and text.strip():
            raise ProviderError(Stage.TEXT_TO_SPEECH, "no_audio", f"{engine.name} made no sound")
        made = Audio(bytes(pcm), engine.capabilities.rate)
        sound = made if made.rate == self._rate else await asyncio.to_thread(made.at, self._rate)
        if self._cache is not None:
            await self._cache.put(key, sound)
        return PreparedSpeech(text, self._rate, key, sound.pcm, engine.name, self._clock() - started)

    async def _kept(self, engine: TextToSpeech, text: str, language: str, started: float) -> PreparedSpeech | None:
        if self._cache is None:
            return None
        key = cache_key(engine.name, engine.voice(language), self._rate, text)
        sound = await self._cache.get(key, self._rate)
        if sound is None:
            return None
        return PreparedSpeech(text, self._rate, key, sound.pcm, engine.name, self._clock() - started)


@dataclass(frozen=True, slots=True)
class Thought:
    """A model's answer.

    Args:
        answer: the validated object.
        engine: which engine served.
        seconds: from the first attempt to the answer.
        failures: what went wrong before it came.
    """

    answer: Answer
    engine: str
    seconds: float
    failures: tuple[CallError, ...] = ()


class Thinker:
    """Language models. Without one it is not `available`, and the scenario's rules serve alone.

    Args:
        engines: in order of preference; may be empty.
        policy: how much patience there is.
        clock: seconds, monotonic.
        observer: is told of each attempt.
    """

    def __init__(
        self,
        engines: Sequence[LanguageModel],
        policy: Policy,
        clock: Clock = time.monotonic,
        observer: Observer | None = None,
    ) -> None:
        self._chain = Chain(Stage.LANGUAGE_MODEL, engines, policy, clock, observer)

    @property
    def available(self) -> bool:
        """Whether there is a model at all."""
        return bool(self._chain.engines)

    async def start(self) -> None:
        """Start every engine. Raises ProviderError where there are some and none works."""
        await self._chain.start()

    async def close(self) -> None:
        """Close every engine."""
        await self._chain.close()

    async def answer(self, messages: Sequence[Message], schema: type[BaseModel]) -> Thought:
        """Return the object that was asked for, by the first engine that gives it. Raises ProviderError."""

        async def use(engine: LanguageModel) -> Answer:
            stream = engine.reply(messages, schema)
            async with _ending(stream):
                async for delta in stream:
                    if isinstance(delta, Answer) and isinstance(delta.value, schema):
                        return delta
            raise ProviderError(Stage.LANGUAGE_MODEL, "invalid_answer", f"{engine.name} gave no {schema.__name__}")

        served = await self._chain.run(use)
        return Thought(served.value, served.engine, served.seconds, served.failures)


async def _pieces(audio: Audio) -> AsyncIterator[bytes]:
    size = int(PIECE * audio.rate) * SAMPLE_BYTES
    for start in range(0, len(audio.pcm), size):
        yield audio.pcm[start : start + size]


@asynccontextmanager
async def _ending(stream: AsyncIterator[T]) -> AsyncIterator[None]:
    """Close a stream with the block, so that an engine's processes and connections end with the attempt."""
    try:
        yield
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
