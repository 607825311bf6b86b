"""Fakes of the live door's surroundings: media that does as told, and an ARI that notes what is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from dialogue.errors import LineError
from dialogue.turns import Key

FRAME = b"\x01\x00" * 320


class FakeMedia:
    """Sound without telephony: `feed` says what the caller says, `break_off` ends it; `hang` makes every wait last."""

    rate = 16_000

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.done: list[str] = []
        self.closed = asyncio.Event()
        self.playing = asyncio.Event()
        self.hang = False
        self.failure = "media_closed"
        self._sound: asyncio.Queue[bytes | Key | None] = asyncio.Queue()

    @property
    def played(self) -> float:
        return sum(map(len, self.given)) / 2 / self.rate

    queued = 0.0

    def feed(self, heard: bytes | Key = FRAME) -> None:
        self._sound.put_nowait(heard)

    def break_off(self, code: str = "media_closed") -> None:
        self.failure = code
        self._sound.put_nowait(None)

    async def hear(self) -> AsyncIterator[bytes | Key]:
        while True:
            heard = await self._sound.get()
            if heard is None:
                raise LineError(self.failure)
            yield heard

    async def play(self, pcm: bytes) -> None:
        await self._do("play")
        self.given.append(pcm)
        self.playing.set()

    async def pause(self) -> None:
        await self._do("pause")

    async def resume(self) -> None:
        await self._do("resume")

    async def flush(self) -> None:
        await self._do("flush")

    async def drained(self) -> None:
        await self._do("drained")

    async def close(self) -> None:
        self.closed.set()
        self.break_off()

    async def _do(self, what: str) -> None:
        self.done.append(what)
        if self.hang:
            await asyncio.Event().wait()


class FakeAri:
    """Grants every request and notes it as ``(name, *arguments)``.

    Args:
        answers: what a request does instead, by its name: a function of its arguments, which may raise.
    """

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answers = answers

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each request of a name."""
        return [tuple(asked[1:]) for asked in self.asked if asked[0] == name]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def request(*arguments: Any, **options: Any) -> Any:
            self.asked.append((name, *arguments, *options.values()))
            answer = self.answers.get(name)
            result = answer(*arguments, **options) if answer else None
            return await result if asyncio.iscoroutine(result) else result

        return request


@asynccontextmanager
async def opened(media: FakeMedia) -> AsyncIterator[FakeMedia]:
    """The media as something that is opened and closed."""
    try:
        yield media
    finally:
        await media.close()
