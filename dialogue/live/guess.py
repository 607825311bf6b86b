"""What a caller may have said, and the answer to it, worked out before it is certain that they have finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from dialogue.audio import Audio
from dialogue.conversation import Conversation, Response
from dialogue.errors import ProviderError
from dialogue.resilience import Recognition, Speaker
from dialogue.turns import Transcript

Recognise = Callable[[Audio], Awaitable[Recognition]]
Keep = Callable[[Audio], Awaitable[str]]


class Guess:
    """One pause of the caller, taken for the end of their turn until they go on.

    Recognition starts at once; the answer is worked out on a copy of the conversation, which is forgotten with the
    guess. Belongs to whoever made it: it must be ended with `drop` or used up.

    Args:
        audio: the utterance so far.
        recognise: makes words of it. Raises ProviderError.
        keep: writes the utterance away and returns the name it is kept under.
        news: called whenever the guess has come further.

    Attributes:
        audio: the utterance.
        recognition: the words, once there are any.
        failure: why there are none.
        talk: the conversation with the answer in it, once there is one.
        response: the answer.
        first: the first words of the answer; None where it has none.
        source: what the utterance is kept under.
    """

    def __init__(self, audio: Audio, recognise: Recognise, keep: Keep, news: Callable[[], None]) -> None:
        self.audio = audio
        self.recognition: Recognition | None = None
        self.failure: ProviderError | None = None
        self.talk: Conversation | None = None
        self.response: Response | None = None
        self.first: str | None = None
        self.source = ""
        self._news = news
        self._used = False
        self._tasks = [self._own(self._hear(recognise)), self._own(self._keep(keep))]
        self._thinking: asyncio.Task[None] | None = None

    @property
    def recognised(self) -> bool:
        """Whether recognition has come to an end."""
        return self._tasks[0].done()

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
        return self.recognised and not self.transcript.text

    def think(self, talk: Conversation, speaker: Speaker, rate: int) -> None:
        """Work out the answer once there are words, and have its first ones spoken in advance."""
        self._thinking = self._own(self._think(talk.fork(), speaker, rate))
        self._tasks.append(self._thinking)

    async def settled(self) -> None:
        """Return once the utterance is recognised, or cannot be, and is kept. Raises what nobody foresaw."""
        await asyncio.gather(*self._tasks[:2])

    async def begun(self) -> None:
        """Return once the answer begins. Raises what working it out raised."""
        if self._thinking is not None:
            await self._thinking

    async def pieces(self) -> AsyncIterator[str]:
        """Yield the answer, its first words at once. Raises what working it out raised."""
        if self.first is None or self.response is None:
            return
        yield self.first
        async for piece in self.response:
            yield piece

    def use(self) -> None:
        """The answer is being given: `drop` only waits for what is left to do."""
        self._used = True

    async def drop(self) -> None:
        """Forget it all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.response is not None and not self._used:
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

    async def _keep(self, keep: Keep) -> None:
        self.source = await keep(self.audio)

    async def _think(self, talk: Conversation, speaker: Speaker, rate: int) -> None:
        await asyncio.wait({self._tasks[0]})
        if not self.transcript.text:
            return
        response = self.response = talk.respond(self.transcript)
        self.first = await anext(response, None)
        self.talk = talk
        if self.first is not None:
            # A voice that fails now is asked again when the words are due, and fails over then.
            with suppress(ProviderError):
                await speaker.prepare(self.first, talk.language, rate)
