"""Text to speech."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import soxr

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import CallError, ProviderError, Stage
from dialogue.failover import Chain, Clock, Observer, Policy
from dialogue.loudness import VERSION as LOUDNESS_VERSION
from dialogue.loudness import Leveller, Loudness
from dialogue.ports import TextToSpeech
from dialogue.resilience.streams import close, ending, pieces, step
from dialogue.speech_cache import SpeechCache, cache_key
from dialogue.spoken import LONGEST, spoken

SILENCE = 0.1
"""Seconds of silence that a text without a word in it becomes."""


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
        fresh: it was made for this, not taken from the cache.
    """

    text: str
    rate: int
    cache_key: str
    pcm: bytes
    engine: str
    seconds: float
    failures: tuple[CallError, ...] = ()
    fresh: bool = False

    @property
    def audio(self) -> Audio:
        """The sound."""
        return Audio(self.pcm, self.rate)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the sound in pieces."""
        async for piece in pieces(self.audio):
            yield piece


class StreamedSpeech:
    """Speech that is played while it is made; a `dialogue.ports.Speech`, whose `chunks` are taken once.

    Attributes:
        text: the words.
        rate: Hz of the chunks.
        cache_key: the same key is the same sound; final with the first chunk, for another engine may serve.
        engine: which engine speaks; empty before the first chunk.
        seconds: until the first chunk; near 0 from the cache.
        failures: what went wrong before it came.
    """

    def __init__(self, text: str, rate: int, cache_key: str) -> None:
        self.text = text
        self.rate = rate
        self.cache_key = cache_key
        self.engine = ""
        self.seconds = 0.0
        self.failures: tuple[CallError, ...] = ()
        self._sound: AsyncIterator[bytes]

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM of even length, never empty.

        Raises:
            ProviderError: no engine made a first chunk, or the sound broke off after it.
        """
        return self._sound

    async def aclose(self) -> None:
        """End the engine's work."""
        await close(self._sound)

    def _serve(self, engine: str, key: str, seconds: float, failures: tuple[CallError, ...]) -> None:
        self.engine, self.cache_key, self.seconds, self.failures = engine, key, seconds, failures


class Speaker:
    """Text to speech. Engines are given the words that are to be said, a `Speech` keeps the text as it was written.

    Args:
        engines: in order of preference.
        cache: keeps sound that was made; None for none.
        policy: how much patience there is.
        rate: Hz of what is prepared, whatever an engine's own rate.
        clock: seconds, monotonic.
        observer: is told of each attempt.
        loudness: brings every voice to the same; None leaves each as loud as it is.
    """

    def __init__(
        self,
        engines: Sequence[TextToSpeech],
        cache: SpeechCache | None,
        policy: Policy,
        rate: int = 16_000,
        clock: Clock = time.monotonic,
        observer: Observer | None = None,
        loudness: Loudness | None = None,
    ) -> None:
        self._chain = Chain(Stage.TEXT_TO_SPEECH, engines, policy, clock, observer)
        self._cache = cache
        self._loudness = loudness
        self._rate = rate
        self._clock = clock

    async def start(self) -> None:
        """Try every engine. Raises ProviderError where none works."""
        await self._chain.start()

    async def close(self) -> None:
        """Close every engine."""
        await self._chain.close()

    async def prepare(self, text: str, language: str, rate: int | None = None) -> PreparedSpeech:
        """Turn a text into sound, or take it from the cache.

        Args:
            text: the words.
            language: ISO 639-1 code.
            rate: Hz, where not the speaker's own.

        Raises:
            ProviderError: no engine could speak it, and none has spoken it before; ``too_long`` for a text that
                nobody would listen to.
        """
        wanted = self._want(text, language, rate)
        if wanted.is_silence:
            return wanted.silence(self._clock())
        wanted.check_length()
        able = self._able(language)
        if able and (ready := await self._kept(able[0], wanted)) is not None:
            return ready

        async def use(engine: TextToSpeech) -> PreparedSpeech:
            return await self._kept(engine, wanted) or await self._make(engine, wanted)

        try:
            served = await self._chain.run(use, lambda engine: engine in able)
        except ProviderError:
            kept = await self._kept_by_any(able, wanted)
            if kept is None:
                raise
            return kept
        return replace(served.value, seconds=served.seconds, failures=served.failures)

    async def keep(self, text: str, language: str, rate: int | None = None) -> tuple[str, bool]:
        """Have a text in the cache, also from one start to the next.

        Returns:
            The engine whose voice it is, and whether the sound was made now.

        Raises:
            ProviderError: no engine could speak it.
        """
        speech = await self.prepare(text, language, rate)
        made = speech.fresh
        if self._cache is not None and made:
            # What is asked for a second time goes to disk.
            await self._cache.get(speech.cache_key, speech.rate)
        return speech.engine, made

    def stream(self, text: str, language: str, rate: int | None = None) -> StreamedSpeech:
        """Turn a text into sound that is given on while it is made; nothing happens before its first chunk is awaited.

        Another engine is tried until the first chunk is there. Sound that was made to its end is kept for the next
        time.

        Args:
            text: the words.
            language: ISO 639-1 code.
            rate: Hz, where not the speaker's own.
        """
        wanted = self._want(text, language, rate)
        able = self._able(language)
        speech = StreamedSpeech(text, wanted.rate, wanted.key(able[0]) if able else "")
        speech._sound = self._give(speech, wanted)
        return speech

    async def _give(self, speech: StreamedSpeech, wanted: _Wanted) -> AsyncIterator[bytes]:
        started = self._clock()
        if wanted.is_silence:
            yield wanted.silence(started).pcm
            return
        wanted.check_length()
        able = self._able(wanted.language)
        kept = await self._kept(able[0], wanted) if able else None
        opening: _Opening | None = None
        failures: tuple[CallError, ...] = ()
        if kept is None:
            try:
                served = await self._chain.run(lambda engine: self._open(engine, wanted), lambda engine: engine in able)
            except ProviderError:
                kept = await self._kept_by_any(able, wanted)
                if kept is None:
                    raise
            else:
                failures = served.failures
                if isinstance(served.value, PreparedSpeech):
                    kept = served.value
                else:
                    opening = served.value
        seconds = self._clock() - started
        if opening is None:
            assert kept is not None
            speech._serve(kept.engine, kept.cache_key, seconds, failures)
            async for piece in kept.chunks():
                yield piece
            return
        speech._serve(opening.engine.name, wanted.key(opening.engine), seconds, failures)
        async with ending(opening.sound):
            made = bytearray(opening.first)
            yield opening.first
            async for piece in self._go_on(opening, self._chain.policy.budget - seconds):
                made += piece
                yield piece
        if self._cache is not None and made:
            await self._cache.put(speech.cache_key, Audio(bytes(made), wanted.rate))

    async def _open(self, engine: TextToSpeech, wanted: _Wanted) -> PreparedSpeech | _Opening:
        """Return what was made before, or the sound with its first piece made."""
        kept = await self._kept(engine, wanted)
        if kept is not None:
            return kept
        sound = _at_rate(engine.synthesise(wanted.words, wanted.language), engine.capabilities.rate, wanted.rate)
        if (leveller := self._leveller(engine, wanted)) is not None:
            sound = _levelled(sound, leveller)
        try:
            first = await anext(sound, b"")
            if not first and wanted.words:
                raise ProviderError(Stage.TEXT_TO_SPEECH, "no_audio", f"{engine.name} made no sound")
        except BaseException:
            await close(sound)
            raise
        return _Opening(engine, first, sound)

    async def _go_on(self, opening: _Opening, left: float) -> AsyncIterator[bytes]:
        """Yield the sound after its first piece. Only waits for the engine count: its listener takes their time."""
        policy, started = self._chain.policy, self._clock()
        while True:
            asked = self._clock()
            limit = max(min(left, policy.attempt), 0.0)
            try:
                piece = await step(opening.sound, limit, Stage.TEXT_TO_SPEECH, opening.engine.name)
            except ProviderError as failure:
                self._chain.ended(opening.engine, started, failure)
                raise
            if piece is None:
                return
            left -= self._clock() - asked
            yield piece

    def _want(self, text: str, language: str, rate: int | None) -> _Wanted:
        treatment = f"loudness {LOUDNESS_VERSION}" if self._loudness is not None else ""
        return _Wanted(text, spoken(text, language), language, rate or self._rate, treatment, self._clock())

    def _leveller(self, engine: TextToSpeech, wanted: _Wanted) -> Leveller | None:
        if self._loudness is None:
            return None
        return self._loudness.leveller(f"{_kind(engine)} {engine.voice(wanted.language)}", wanted.rate)

    def _able(self, language: str) -> list[TextToSpeech]:
        return [engine for engine in self._chain.engines if language in engine.capabilities.languages]

    async def _make(self, engine: TextToSpeech, wanted: _Wanted) -> PreparedSpeech:
        pcm = bytearray()
        stream = engine.synthesise(wanted.words, wanted.language)
        async with ending(stream):
            async for chunk in stream:
                pcm += chunk
        if not pcm and wanted.words:
            raise ProviderError(Stage.TEXT_TO_SPEECH, "no_audio", f"{engine.name} made no sound")
        made = Audio(bytes(pcm), engine.capabilities.rate)
        sound = made if made.rate == wanted.rate else await asyncio.to_thread(made.at, wanted.rate)
        if (leveller := self._leveller(engine, wanted)) is not None:
            sound = Audio(await asyncio.to_thread(_levelled_whole, sound.pcm, leveller), sound.rate)
        key = wanted.key(engine)
        if self._cache is not None:
            await self._cache.put(key, sound)
        seconds = self._clock() - wanted.since
        return PreparedSpeech(wanted.text, wanted.rate, key, sound.pcm, engine.name, seconds, fresh=True)

    async def _kept(self, engine: TextToSpeech, wanted: _Wanted) -> PreparedSpeech | None:
        if self._cache is None:
            return None
        key = wanted.key(engine)
        sound = await self._cache.get(key, wanted.rate)
        if sound is None:
            return None
        return PreparedSpeech(wanted.text, wanted.rate, key, sound.pcm, engine.name, self._clock() - wanted.since)

    async def _kept_by_any(self, engines: Sequence[TextToSpeech], wanted: _Wanted) -> PreparedSpeech | None:
        """Sound made in better times, which serves while the engine that made it is down."""
        for engine in engines:
            if (kept := await self._kept(engine, wanted)) is not None:
                return kept
        return None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be spoken, as written and in words, at which rate in Hz, how it is treated, and since when."""

    text: str
    words: str
    language: str
    rate: int
    treatment: str
    since: float

    @property
    def is_silence(self) -> bool:
        """Whether something was written of which nothing can be said: pictures, markup."""
        return not self.words and bool(self.text.strip())

    def silence(self, now: float) -> PreparedSpeech:
        """What is heard of a text without words."""
        pcm = bytes(int(SILENCE * self.rate) * SAMPLE_BYTES)
        key = cache_key("", "", self.rate, "")
        return PreparedSpeech(self.text, self.rate, key, pcm, "", now - self.since)

    def check_length(self) -> None:
        """Raise ProviderError for a text that would be cut."""
        if len(self.text) > LONGEST:
            raise ProviderError(Stage.TEXT_TO_SPEECH, "too_long", f"a text of more than {LONGEST} characters")

    def key(self, engine: TextToSpeech) -> str:
        return cache_key(_kind(engine), engine.voice(self.language), self.rate, self.words, self.treatment)


def _kind(engine: TextToSpeech) -> str:
    """An engine's name without the place it runs at, which stands behind an @: its sound is the same everywhere."""
    return engine.name.partition("@")[0]


@dataclass(frozen=True, slots=True)
class _Opening:
    """Speech that has begun."""

    engine: TextToSpeech
    first: bytes
    sound: AsyncIterator[bytes]


async def _at_rate(stream: AsyncIterator[bytes], rate: int, wanted: int) -> AsyncIterator[bytes]:
    """Yield a stream of PCM at another rate in Hz, whole samples only, nothing empty."""
    resampler = None if rate == wanted else soxr.ResampleStream(rate, wanted, 1, dtype="int16")
    left = b""
    async with ending(stream):
        async for chunk in stream:
            pcm = left + chunk if left else chunk
            whole = len(pcm) - len(pcm) % SAMPLE_BYTES
            pcm, left = pcm[:whole], pcm[whole:]
            if resampler is not None and pcm:
                pcm = resampler.resample_chunk(np.frombuffer(pcm, dtype="<i2")).astype("<i2").tobytes()
            if pcm:
                yield pcm
    if resampler is not None:
        rest = resampler.resample_chunk(np.empty(0, dtype="<i2"), last=True)
        if len(rest):
            yield rest.astype("<i2").tobytes()


async def _levelled(stream: AsyncIterator[bytes], leveller: Leveller) -> AsyncIterator[bytes]:
    """Yield a stream of whole samples at the common loudness."""
    async with ending(stream):
        async for chunk in stream:
            if pcm := leveller.feed(chunk):
                yield pcm
    if rest := leveller.end():
        yield rest


def _levelled_whole(pcm: bytes, leveller: Leveller) -> bytes:
    whole = pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]
    return leveller.feed(whole) + leveller.end()
