"""What a caller may have said, and the answer to it, worked out before it is certain that they have finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from dialogue.audio import Audio
from dialogue.conversation import Conversation, Exchange, Response
from dialogue.errors import ProviderError
from dialogue.resilience import Recognition, Speaker
from dialogue.turns import Transcript

Recognise = Callable[[Audio], Awaitable[Recognition]]
Keep = Callable[[Audio], Awaitable[str]]

KEEP_SECONDS = 1.0
"""How long the conversation waits for an utterance to be kept; a disk that hangs costs the sound, not the call."""


class Guess:
    """One pause of the caller, taken for the end of their turn until they go on.

    Recognition starts at once; the answer is worked out on a copy of the conversation, which is forgotten with the
    guess. Belongs to whoever made it and must be ended with `drop`. Cancelling a wait for it leaves its work going on.

    Args:
        audio: the utterance so far.
        recognise: makes words of it. Raises ProviderError.
        news: called whenever the guess has come further.

    Attributes:
        audio: the utterance.
        recognition: the words, once there are any.
        failure: why there are none.
        talk: the conversation with the answer in it, once there is one.
        response: the answer.
        first: the first words of the answer; None where it has none.
    """

    def __init__(self, audio: Audio, recognise: Recognise, news: Callable[[], None]) -> None:
        self.audio = audio
        self.recognition: Recognition | None = None
        self.failure: ProviderError | None = None
        self.talk: Conversation | None = None
        self.response: Response | None = None
        self.first: str | None = None
        self._news = news
        self._hearing = self._own(self._hear(recognise))
        self._thinking: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[str] | None = None

    @property
    def source(self) -> str:
        """The name under which the utterance is kept; empty where it is not."""
        kept = self._keeping
        if kept is None or not kept.done() or kept.cancelled() or kept.exception() is not None:
            return ""
        return kept.result()

    @property
    def recognised(self) -> bool:
        """Whether recognition has come to an end."""
        return self._hearing.done()

    @property
    def transcript(self) -> Transcript:
        """The recognised words; none before `recognised`, or where recognition failed."""
        return self.recognition.transcript if self.recognition else Transcript("")

    @property
    def thinking(self) -> bool:
        """Whether an answer is being worked out, or there is one."""
        return self._thinking is not None

    @property
    def ready(self) -> bool:
        """Whether nothing more has to be waited for: the answer begins, or there is nothing to answer."""
        if self._thinking is not None:
            return self._thinking.done()
        return self.recognised and not self.transcript.words

    @property
    def decided(self) -> Exchange | None:
        """The outcome, where it is known before a word of the answer is spoken."""
        if not self.ready or self.talk is None or self.response is None:
            return None
        return self.response.exchange

    def think(self, talk: Conversation, speaker: Speaker, rate: int) -> None:
        """Work out the answer once there are words, and have its first ones spoken in advance."""
        self._thinking = self._own(self._think(talk.fork(), speaker, rate))

    async def keep(self, keep: Keep) -> None:
        """Have the utterance kept, once it is certain that it is one. Waits no longer than `KEEP_SECONDS`."""
        if self._keeping is None:
            self._keeping = asyncio.ensure_future(keep(self.audio))
        await asyncio.wait({self._keeping}, timeout=KEEP_SECONDS)

    async def settled(self) -> None:
        """Return once the utterance is recognised or cannot be. Raises what nobody foresaw."""
        await asyncio.wait({self._hearing})
        self._hearing.result()

    async def begun(self) -> None:
        """Return once the answer begins. Raises what working it out raised."""
        if self._thinking is not None:
            await asyncio.wait({self._thinking})
            self._thinking.result()

    async def pieces(self) -> AsyncIterator[str]:
        """Yield the answer, its first words at once. Raises what working it out raised."""
        if self.first is None or self.response is None:
            return
        yield self.first
        async for piece in self.response:
            yield piece

    async def drop(self) -> None:
        """End it all; of an answer nothing is kept that was not decided before."""
        tasks = [task for task in (self._hearing, self._thinking, self._keeping) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.response is not None:
            with suppress(ProviderError):
                await self.response.aclose()

    def _own(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda _: self._news())
        return task

    async def _hear(self, recognise: Recognise) -> None:
        try:
            self.recognition = await recognise(self.audio)
        except ProviderError as error:
            self.failure = error

    async def _think(self, talk: Conversation, speaker: Speaker, rate: int) -> None:
        await asyncio.wait({self._hearing})
        if not self.transcript.words:
            return
        response = self.response = talk.respond(self.transcript)
        self.first = await anext(response, None)
        self.talk = talk
        if self.first is not None:
            # A voice that fails now is asked again when the words are due, and fails over then.
            with suppress(ProviderError):
                await speaker.prepare(self.first, talk.language, rate)
