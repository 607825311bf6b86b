"""Recognition that runs while the caller speaks; engines that want the whole utterance fit the same shape."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import takewhile

import numpy as np
import soxr

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import ProviderError, Stage
from dialogue.failover import Chain
from dialogue.ports import SpeechToText, SttRequest
from dialogue.resilience.recognition import Recognition
from dialogue.resilience.streams import PIECE, ending
from dialogue.turns import Transcript

LONGEST = 120.0
"""Seconds of sound that are kept; what comes after is not recognised."""

Recognise = Callable[[Audio, SttRequest, frozenset[str]], Awaitable[Recognition]]


class LiveRecognition:
    """One utterance on its way to become text. Must be ended with `finish` or `cancel`.

    Where the preferred engine streams, it hears along, and where it dies the next one hears everything from the
    start. Where it wants the whole utterance, `guess` has it recognised at a pause, and `finish` at the end.

    Args:
        chain: the engines behind their circuit breakers.
        engines: those that speak the language, most preferred first.
        recognise: recognises a whole utterance without the engines of the given names. Raises ProviderError.
        request: how to recognise.
        rate: Hz of the sound that comes.

    Attributes:
        partial: what a streaming engine has understood so far.
    """

    def __init__(
        self,
        chain: Chain[SpeechToText],
        engines: Sequence[SpeechToText],
        recognise: Recognise,
        request: SttRequest,
        rate: int,
    ) -> None:
        self.partial: Transcript | None = None
        self._chain = chain
        self._engines = engines
        self._streaming = list(takewhile(lambda engine: engine.capabilities.streaming, engines))
        self._recognise = recognise
        self._request = request
        self._rate = rate
        self._kept = bytearray()
        self._wake_at = 0
        self._more = asyncio.Event()
        self._over = False
        self._task: asyncio.Task[Transcript | None] | None = None
        self._at_work: tuple[SpeechToText, float] | None = None
        self._failures: list[ProviderError] = []
        self._dead: set[str] = set()

    @property
    def streaming(self) -> bool:
        """Whether an engine hears along."""
        return bool(self._streaming) and (self._task is None or not self._task.done())

    def feed(self, pcm: bytes) -> None:
        """Take more sound: 16-bit mono PCM. Never waits; begins the engine's work with the first sound."""
        if self._over or len(self._kept) >= LONGEST * self._rate * SAMPLE_BYTES:
            return
        self._kept += pcm
        if self._task is None and self._streaming:
            self._task = asyncio.create_task(self._follow())
        if len(self._kept) >= self._wake_at:
            self._more.set()

    async def guess(self, audio: Audio) -> Recognition:
        """Return what has been said up to a pause; the caller may go on.

        Args:
            audio: the utterance so far, for engines that want it whole.

        Raises:
            ProviderError: no engine could tell.
        """
        if self.streaming:
            found = self.partial or Transcript("", final=False)
            return Recognition(found, 0.0, found.engine, tuple(self._failures))
        return await self._whole(audio)

    async def finish(self) -> Recognition:
        """Return the words; no more sound comes. ``seconds`` of the outcome count from here.

        Raises:
            ProviderError: no engine could recognise them.
        """
        started = time.monotonic()
        self._over = True
        self._more.set()
        found = await self._final() if self._task is not None else None
        if found is not None:
            return Recognition(found, time.monotonic() - started, found.engine, tuple(self._failures))
        outcome = await self._whole(Audio(bytes(self._kept), self._rate))
        return replace(outcome, seconds=time.monotonic() - started)

    async def cancel(self) -> None:
        """Forget the utterance."""
        self._over = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _final(self) -> Transcript | None:
        """Return the last word of the engine that hears along; None where it has none in time."""
        assert self._task is not None
        limit = self._chain.policy.attempt
        try:
            await asyncio.wait({self._task}, timeout=limit)
        finally:
            hung = None if self._task.done() else self._at_work
            await self.cancel()
        if hung is not None:
            engine, began = hung
            detail = f"{engine.name}: no final words within {limit:.3g} s"
            self._give_up(engine, began, ProviderError(Stage.SPEECH_TO_TEXT, "timeout", detail, retryable=True))
            return None
        return self._task.result()

    async def _whole(self, audio: Audio) -> Recognition:
        # An engine that died on the stream is asked again only where there is no other.
        others = {engine.name for engine in self._engines} - self._dead
        outcome = await self._recognise(audio, self._request, frozenset(self._dead if others else ()))
        return replace(outcome, failures=(*self._failures, *outcome.failures))

    async def _follow(self) -> Transcript | None:
        """Have one streaming engine after another hear the sound; None where all of them failed."""
        for engine in self._streaming:
            if not self._chain.admit(engine):
                detail = f"{engine.name} is left alone for now"
                self._failures.append(ProviderError(Stage.SPEECH_TO_TEXT, "circuit_open", detail))
                self._dead.add(engine.name)
                continue
            began = time.monotonic()
            self._at_work = (engine, began)
            try:
                found = await self._hear_along(engine)
            except asyncio.CancelledError:
                self._chain.abandoned(engine, began)
                raise
            except ProviderError as error:
                self._give_up(engine, began, error)
            except Exception as error:
                # A fault in an engine's code or package must cost this attempt, not the call.
                detail = f"{engine.name}: {type(error).__name__}"
                self._give_up(engine, began, ProviderError(Stage.SPEECH_TO_TEXT, "unexpected", detail))
            else:
                self._chain.ended(engine, began)
                return found
            self.partial = None
        return None

    def _give_up(self, engine: SpeechToText, began: float, failure: ProviderError) -> None:
        self._chain.ended(engine, began, failure)
        self._failures.append(failure)
        self._dead.add(engine.name)

    async def _hear_along(self, engine: SpeechToText) -> Transcript:
        stream = engine.transcribe(self._sound(engine.capabilities.rate), self._request)
        found = Transcript("", engine=engine.name)
        async with ending(stream):
            async for transcript in stream:
                found = self.partial = replace(transcript, engine=engine.name)
        if not self._over:
            raise ProviderError(Stage.SPEECH_TO_TEXT, "ended_early", f"{engine.name} stopped before the caller did")
        return replace(found, final=True)

    async def _sound(self, rate: int) -> AsyncIterator[bytes]:
        """Yield the sound from its beginning, at an engine's rate in Hz, until it is over."""
        resampler = None if rate == self._rate else soxr.ResampleStream(self._rate, rate, 1, dtype="int16")
        enough = int(PIECE * self._rate) * SAMPLE_BYTES
        taken = 0
        while True:
            chunk = bytes(self._kept[taken:])
            if len(chunk) < enough and not self._over:
                self._wake_at = taken + enough
                self._more.clear()
                await self._more.wait()
                continue
            taken += len(chunk)
            over = self._over
            if resampler is not None:
                chunk = resampler.resample_chunk(np.frombuffer(chunk, dtype="<i2"), last=over).astype("<i2").tobytes()
            if chunk:
                yield chunk
            if over:
                return
