"""Text to speech."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from dialogue.audio import Audio
from dialogue.errors import CallError, ProviderError, Stage
from dialogue.failover import Chain, Clock, Observer, Policy
from dialogue.loudness import VERSION as LOUDNESS_VERSION
from dialogue.loudness import Leveller, Loudness
from dialogue.ports import TextToSpeech
from dialogue.resilience.speech import PreparedSpeech, StreamedSpeech, Wanted, kind_of
from dialogue.resilience.streams import close, ending, step
from dialogue.resilience.treatment import at_rate, levelled, levelled_whole
from dialogue.speech_cache import SpeechCache
from dialogue.spoken import spoken


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

    @property
    def engines(self) -> tuple[str, ...]:
        """Names of the engines, most preferred first."""
        return tuple(engine.name for engine in self._chain.engines)

    async def try_out(self, name: str, text: str, language: str) -> PreparedSpeech:
        """Have one engine speak a text, whatever has been made before. Raises ProviderError."""
        wanted = self._want(text, language, None)
        served = await self._chain.run(
            lambda engine: self._make(engine, wanted),
            lambda engine: engine.name == name and language in engine.capabilities.languages,
        )
        return replace(served.value, seconds=served.seconds, failures=served.failures)

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

    async def _give(self, speech: StreamedSpeech, wanted: Wanted) -> AsyncIterator[bytes]:
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

    async def _open(self, engine: TextToSpeech, wanted: Wanted) -> PreparedSpeech | _Opening:
        """Return what was made before, or the sound with its first piece made."""
        kept = await self._kept(engine, wanted)
        if kept is not None:
            return kept
        sound = at_rate(engine.synthesise(wanted.words, wanted.language), engine.capabilities.rate, wanted.rate)
        if (leveller := self._leveller(engine, wanted)) is not None:
            sound = levelled(sound, leveller)
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

    def _want(self, text: str, language: str, rate: int | None) -> Wanted:
        treatment = f"loudness {LOUDNESS_VERSION}" if self._loudness is not None else ""
        return Wanted(text, spoken(text, language), language, rate or self._rate, treatment, self._clock())

    def _leveller(self, engine: TextToSpeech, wanted: Wanted) -> Leveller | None:
        if self._loudness is None:
            return None
        return self._loudness.leveller(f"{kind_of(engine)} {engine.voice(wanted.language)}", wanted.rate)

    def _able(self, language: str) -> list[TextToSpeech]:
        return [engine for engine in self._chain.engines if language in engine.capabilities.languages]

    async def _make(self, engine: TextToSpeech, wanted: Wanted) -> PreparedSpeech:
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
            sound = Audio(await asyncio.to_thread(levelled_whole, sound.pcm, leveller), sound.rate)
        key = wanted.key(engine)
        if self._cache is not None:
            await self._cache.put(key, sound)
        seconds = self._clock() - wanted.since
        return PreparedSpeech(wanted.text, wanted.rate, key, sound.pcm, engine.name, seconds, fresh=True)

    async def _kept(self, engine: TextToSpeech, wanted: Wanted) -> PreparedSpeech | None:
        if self._cache is None:
            return None
        key = wanted.key(engine)
        sound = await self._cache.get(key, wanted.rate)
        if sound is None:
            return None
        return PreparedSpeech(wanted.text, wanted.rate, key, sound.pcm, engine.name, self._clock() - wanted.since)

    async def _kept_by_any(self, engines: Sequence[TextToSpeech], wanted: Wanted) -> PreparedSpeech | None:
        """Sound made in better times, which serves while the engine that made it is down."""
        for engine in engines:
            if (kept := await self._kept(engine, wanted)) is not None:
                return kept
        return None


@dataclass(frozen=True, slots=True)
class _Opening:
    """Speech that has begun."""

    engine: TextToSpeech
    first: bytes
    sound: AsyncIterator[bytes]
