"""A caller in the live door, as the dialogue sees one: sound from the media, the call's fate from ARI."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from ari_app.media.stream import MediaStream
from dialogue.errors import CallerHungUp, HotlineError, LineError
from dialogue.ports import Briefing
from dialogue.turns import Key, TransferReason

T = TypeVar("T")
Fate = Callable[[], HotlineError]
"""Makes the error with which everything on a line ends."""

MEDIA_LOST = "media_closed"


class Control(Protocol):
    """Who owns the call's channels."""

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None: ...
    async def hang_up(self) -> None: ...


class AriLine:
    """Implements `dialogue.live.line.LiveLine` over a media stream and the control of a call.

    Whoever learns that the call is over calls `end`: every wait on the line then ends at once, also where the media
    hangs. Where the media closes first, the line waits a moment for that news, so that a hang-up is called one.

    Args:
        media: the caller's sound.
        control: ends or transfers the call.
        closed: what media that closed mean where no news comes.
        news_seconds: how long news may take.
    """

    def __init__(
        self, media: MediaStream, control: Control, closed: Fate | None = None, news_seconds: float = 0.5
    ) -> None:
        self._media = media
        self._control = control
        self._closed = closed
        self._news_seconds = news_seconds
        self._keys: deque[Key] = deque()
        self._waits: set[asyncio.Timeout] = set()
        self._reader: asyncio.Task[Any] | None = None
        self._fate: Fate | None = None
        self._news = asyncio.Event()

    def press(self, digit: str) -> None:
        """The caller pressed a key: `hear` yields it before the next piece of sound."""
        self._keys.append(Key(digit))

    def end(self, fate: Fate) -> None:
        """The call is over: every wait and every later use raises what ``fate`` makes. The first one counts."""
        if self._fate is not None:
            return
        self._fate = fate
        self._news.set()
        for wait in self._waits:
            wait.reschedule(0)
        if self._reader is not None:
            self._reader.cancel()

    @property
    def rate(self) -> int:
        return self._media.rate

    @property
    def played(self) -> float:
        return self._media.played

    @property
    def queued(self) -> float:
        return self._media.queued

    async def hear(self) -> AsyncIterator[bytes | Key]:
        """Yield sound and keys. Raises CallerHungUp, LineError."""
        sound = aiter(self._media.hear())
        # Asked for once: without it each piece of sound costs a system call.
        loop = asyncio.get_running_loop()
        while True:
            heard = await self._next(sound, loop)
            while self._keys:
                yield self._keys.popleft()
            yield heard

    async def play(self, pcm: bytes) -> None:
        await self._while_there(self._media.play(pcm))

    async def pause(self) -> None:
        await self._while_there(self._media.pause())

    async def resume(self) -> None:
        await self._while_there(self._media.resume())

    async def flush(self) -> None:
        await self._while_there(self._media.flush())

    async def drained(self) -> None:
        await self._while_there(self._media.drained())

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        """Give the caller to a person. Raises CallerHungUp, LineError."""
        await self._while_there(self._control.transfer(reason, briefing))

    async def hang_up(self) -> None:
        """End the call after a farewell. Raises CallerHungUp, LineError."""
        await self._while_there(self._control.hang_up())

    async def _next(self, sound: AsyncIterator[bytes | Key], loop: asyncio.AbstractEventLoop) -> bytes | Key:
        """`_while_there` for what comes fifty times a second: without a timeout made for each piece of sound."""
        self._check()
        reader = asyncio.current_task(loop)
        assert reader is not None
        cancelled_before = reader.cancelling()
        try:
            self._reader = reader
            try:
                return await anext(sound)
            finally:
                self._reader = None
                # Had it ended before, nothing would have been waited for: `end` has cancelled this task meanwhile.
                ended = self._fate is not None and reader.uncancel() <= cancelled_before
        except asyncio.CancelledError:
            if ended:
                self._check()
            raise
        except StopAsyncIteration:
            raise await self._meaning(LineError(MEDIA_LOST)) from None
        except LineError as error:
            raise await self._meaning(error) from None

    def _check(self) -> None:
        if self._fate is not None:
            raise self._fate()

    async def _while_there(self, work: Awaitable[T]) -> T:
        """Wait for ``work``, or for the call's end."""
        if self._fate is not None:
            if asyncio.iscoroutine(work):
                work.close()
            raise self._fate()
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    return await work
                finally:
                    self._waits.discard(wait)
        except (TimeoutError, StopAsyncIteration) as error:
            lost = LineError(MEDIA_LOST) if isinstance(error, StopAsyncIteration) else LineError("line_timeout")
            raise await self._meaning(lost) from None
        except LineError as error:
            raise await self._meaning(error) from None

    async def _meaning(self, error: LineError) -> HotlineError:
        if self._fate is None and error.code == MEDIA_LOST:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._news_seconds):
                    await self._news.wait()
            if self._fate is None and self._closed is not None:
                return self._closed()
        return error if self._fate is None else self._fate()


def hung_up() -> HotlineError:
    """The caller is gone."""
    return CallerHungUp()


def taken() -> HotlineError:
    """The PBX took the caller out of the door, at its time limit or by a person's hand."""
    return LineError("taken_by_pbx", "the PBX took the call from the door")


def media_lost() -> HotlineError:
    """The sound ended though the caller is there."""
    return LineError(MEDIA_LOST, "the caller's sound ended")
