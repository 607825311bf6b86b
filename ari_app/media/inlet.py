"""What a caller said and nobody has taken yet: from a transport's callbacks to the one who hears."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import LineError
from dialogue.turns import Key

KEEP_BYTES = 320_000
"""Of sound that nobody takes: 10 s at 16 kHz. The oldest is dropped beyond it."""


class Inlet(AsyncIterator[bytes | Key]):
    """An iterator of sound and keys that a protocol feeds without a task and without waiting.

    A wait of its reader that is cancelled loses nothing. What came before the end is still given.

    Args:
        stalled_after: seconds without sound after which the reader is told ``media_stalled``.
    """

    def __init__(self, stalled_after: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._stalled_after = stalled_after
        self._heard: deque[bytes | Key] = deque()
        self._bytes = 0
        self._odd = b""
        self._waiter: asyncio.Future[None] | None = None
        self.since = self._loop.time()
        """Loop time of the last sound."""
        self._watch: asyncio.TimerHandle | None = None
        self.error: str | None = None
        """Code of the end, once there is one."""

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for sound at this moment."""
        return self._waiter is not None

    def feed(self, pcm: bytes) -> None:
        """Sound has come, in a piece of any length: half a sample waits for its other half."""
        self.since = self._loop.time()
        if self._odd or len(pcm) % SAMPLE_BYTES:
            pcm = self._odd + pcm
            whole = len(pcm) - len(pcm) % SAMPLE_BYTES
            pcm, self._odd = pcm[:whole], pcm[whole:]
        if pcm:
            self._add(pcm)

    def press(self, key: Key) -> None:
        """A key was pressed."""
        self._add(key)

    def end(self, code: str) -> None:
        """Nothing more comes; the first reason counts."""
        if self.error is None:
            self.error = code
            self._wake()

    async def __anext__(self) -> bytes | Key:
        """Return the next piece or key.

        Raises:
            LineError: the code of `end`; ``media_stalled``, after which it may be asked again.
        """
        if not self._heard:
            await self._wait()
        heard = self._heard.popleft()
        if isinstance(heard, bytes):
            self._bytes -= len(heard)
        return heard

    def _add(self, heard: bytes | Key) -> None:
        if self.error is not None:
            return
        self._heard.append(heard)
        if isinstance(heard, bytes):
            self._bytes += len(heard)
            while self._bytes > KEEP_BYTES:
                self._drop_oldest()
        self._wake()

    def _drop_oldest(self) -> None:
        for position, heard in enumerate(self._heard):
            if isinstance(heard, bytes):
                self._bytes -= len(heard)
                del self._heard[position]
                return

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("a line has one reader only")
        if self._watch is None:
            # Time in which nobody listened does not count.
            self.since = self._loop.time()
            self._watch = self._loop.call_later(self._stalled_after, self._look)
        try:
            while not self._heard:
                if self.error is not None:
                    raise LineError(self.error, "the caller's sound ended")
                self._waiter = self._loop.create_future()
                await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _look(self) -> None:
        """One timer for all frames: it finds out at its end whether it should have been later."""
        self._watch = None
        if self.error is not None or self._waiter is None:
            return
        left = self.since + self._stalled_after - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        elif not self._waiter.done():
            self._waiter.set_exception(LineError("media_stalled", "no sound comes from the caller any more"))
