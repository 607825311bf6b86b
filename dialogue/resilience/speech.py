"""Speech on its way: what is wanted, what is ready, what is still being made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import CallError, ProviderError, Stage
from dialogue.ports import TextToSpeech
from dialogue.resilience.streams import close, pieces
from dialogue.speech_cache import cache_key
from dialogue.spoken import LONGEST

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


@dataclass(frozen=True, slots=True)
class Wanted:
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
        return cache_key(kind_of(engine), engine.voice(self.language), self.rate, self.words, self.treatment)


def kind_of(engine: TextToSpeech) -> str:
    """An engine's name without the place it runs at, which stands behind an @: its sound is the same everywhere."""
    return engine.name.partition("@")[0]
