"""Speech to text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from dialogue.audio import Audio
from dialogue.errors import Stage
from dialogue.failover import Chain, Clock, Observer, Policy
from dialogue.ports import SpeechToText, SttRequest
from dialogue.resilience.hearing_along import LiveRecognition
from dialogue.resilience.recognition import Recognition
from dialogue.resilience.streams import ending, pieces
from dialogue.turns import Transcript


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

    @property
    def engines(self) -> tuple[str, ...]:
        """Names of the engines, most preferred first."""
        return tuple(engine.name for engine in self._chain.engines)

    async def recognise(self, audio: Audio, request: SttRequest, *, only: str | None = None) -> Recognition:
        """Return what was said, by the first engine that speaks the language and succeeds.

        Args:
            audio: the utterance.
            request: how to recognise.
            only: the one engine to be asked; None: any.

        Raises:
            ProviderError: none did; ``language_not_supported`` where none speaks the language.
        """
        others = frozenset(name for name in self.engines if only is not None and name != only)
        return await self._recognise(audio, request, others)

    def listen(self, request: SttRequest, rate: int) -> LiveRecognition:
        """Begin to recognise while the caller speaks.

        Args:
            request: how to recognise.
            rate: Hz of the sound that will come.
        """
        engines = [engine for engine in self._chain.engines if _able(engine, request)]
        return LiveRecognition(self._chain, engines, self._recognise, request, rate)

    async def _recognise(self, audio: Audio, request: SttRequest, without: frozenset[str]) -> Recognition:
        """`recognise` without the engines of these names."""
        resampled: dict[int, Audio] = {audio.rate: audio}

        async def use(engine: SpeechToText) -> Transcript:
            rate = engine.capabilities.rate
            if rate not in resampled:
                resampled[rate] = await asyncio.to_thread(audio.at, rate)
            stream = engine.transcribe(pieces(resampled[rate]), request)
            found = Transcript("")
            async with ending(stream):
                async for transcript in stream:
                    found = transcript
            return replace(found, engine=engine.name, final=True)

        served = await self._chain.run(use, lambda engine: _able(engine, request) and engine.name not in without)
        return Recognition(served.value, served.seconds, served.engine, served.failures)


def _able(engine: SpeechToText, request: SttRequest) -> bool:
    spoken = engine.capabilities.languages
    wanted = set(request.languages) if request.language is None else {request.language}
    return not spoken or not wanted or not spoken.isdisjoint(wanted)
