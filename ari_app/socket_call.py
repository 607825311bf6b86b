"""A call whose sound the dialplan's own AudioSocket() carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from ari_app import places
from ari_app.call import StasisCall, State, Transfer
from ari_app.client import AriClient
from ari_app.entry import Entry, Handler
from ari_app.legs import quietly
from ari_app.line import AriLine, hung_up, media_lost
from ari_app.media.stream import MediaStream
from dialogue.errors import CallerHungUp, HotlineError, LineError


class SocketCall(StasisCall):
    """A caller whose sound the dialplan's own AudioSocket() carries: extension 113.

    The channel is in the application twice: before AudioSocket(), to be told where to connect, and after it.

    Args:
        announce: makes the door expect a connection: gives its UUID, host:port, and the media once it is there.
    """

    RETURN_SECONDS = 5.0

    def __init__(
        self,
        entry: Entry,
        client: AriClient,
        handler: Handler,
        announce: Callable[[], AbstractAsyncContextManager[AnnouncedMedia]],
        transfer: Transfer | None = None,
    ) -> None:
        super().__init__(entry, client, handler, _no_media, transfer)
        self._announce = announce
        self._back = asyncio.Event()
        self._ending = False

    def returned(self) -> None:
        """AudioSocket() has ended and the caller is here again."""
        self._returning = False
        self._back.set()
        # Where the door has not ended it, the connection broke.
        if self._line is not None and self.state is State.TALKING and not self._ending:
            self._line.end(media_lost)

    @asynccontextmanager
    async def _sound(self) -> AsyncIterator[MediaStream]:
        async with self._announce() as announced:
            await self._send(places.socket(announced.uuid, announced.server))
            media = await announced.connected()
            try:
                yield media
            finally:
                await media.close()

    def _make_line(self, media: MediaStream) -> AriLine:
        return AriLine(media, self, closed=self._presumed_gone, news_seconds=1.0)

    @asynccontextmanager
    async def _ringing(self) -> AsyncIterator[None]:
        """The channel has no media any more: Asterisk makes the tone."""
        await quietly(self._client.ring(self.entry.channel))
        try:
            yield
        finally:
            if not self._left:
                await quietly(self._client.ring_stop(self.entry.channel))

    def _presumed_gone(self) -> HotlineError:
        """The connection ended and the channel did not come back, unless the door has ended it itself."""
        if self._ending:
            return media_lost()
        self._end(hung_up)
        return hung_up()

    async def _come_back(self) -> None:
        """End AudioSocket() and wait for the channel. Raises CallerHungUp: it does not come."""
        if not self._returning or self._back.is_set():
            return
        self._ending = True
        if self._media is not None:
            await self._media.close()
        try:
            async with asyncio.timeout(self.RETURN_SECONDS):
                await self._back.wait()
        except TimeoutError:
            self._end(hung_up)
            raise CallerHungUp from None


class AnnouncedMedia(Protocol):
    """A connection the AudioSocket server expects."""

    uuid: str
    server: str

    async def connected(self) -> MediaStream:
        """Return the media once the connection is there. Raises LineError: it does not come."""
        ...


@asynccontextmanager
async def _no_media(_: str) -> AsyncIterator[MediaStream]:
    raise LineError("no_media")
    yield  # pragma: no cover
