"""Media channels beside callers and operators: made, bridged with them, and always taken down again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol

import structlog

from ari_app.client import AriClient, AriError
from ari_app.media.stream import MediaStream
from dialogue.errors import LineError, Stage

log = structlog.get_logger(__name__)

ENTER_SECONDS = 5.0
TAKE_DOWN_SECONDS = 5.0


class Transport(Protocol):
    """Makes a media channel and connects with it."""

    def open(self, channel_id: str) -> AbstractAsyncContextManager[MediaStream]:
        """Enter with the connected sound of a new media channel named ``channel_id``. Raises AriError, LineError."""
        ...


class Names:
    """Ids of an instance's own channels and bridges, by which a successor knows what it left behind."""

    def __init__(self, app: str) -> None:
        self.media = f"{app}-media-"
        self.operator = f"{app}-operator-"
        self.bridge = f"{app}-bridge-"

    def is_channel(self, channel_id: str) -> bool:
        """Whether a channel is one of the instance's own, not a caller's."""
        return channel_id.startswith((self.media, self.operator))


class MediaLegs:
    """Opens sound beside a channel.

    Args:
        client: ARI.
        names: ids of what is made.
        transport: how the sound comes.
    """

    def __init__(self, client: AriClient, names: Names, transport: Transport) -> None:
        self._client = client
        self._names = names
        self._transport = transport
        self._entering: dict[str, asyncio.Event] = {}
        self.bridges: set[str] = set()
        """Ids of the bridges in use."""

    @property
    def channels(self) -> set[str]:
        """Ids of the media channels in use."""
        return set(self._entering)

    def entered(self, channel_id: str) -> None:
        """A media channel has come into the application: only from now on can it be bridged."""
        if event := self._entering.get(channel_id):
            event.set()

    @asynccontextmanager
    async def beside(self, channel_id: str) -> AsyncIterator[MediaStream]:
        """Enter with the sound of a channel, in a bridge with it.

        Raises:
            AriError: Asterisk refused.
            LineError: ``media_not_connected``.
        """
        token = uuid.uuid4().hex
        media_id, bridge_id = self._names.media + token, self._names.bridge + token
        self._entering[media_id] = entered = asyncio.Event()
        self.bridges.add(bridge_id)
        try:
            await self._client.create_bridge(bridge_id, type="mixing")
            async with self._transport.open(media_id) as media:
                try:
                    async with asyncio.timeout(ENTER_SECONDS):
                        await entered.wait()
                except TimeoutError:
                    raise LineError("media_not_connected", "the media channel did not come up") from None
                await self._client.add_channel(bridge_id, channel_id, media_id)
                yield media
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(TAKE_DOWN_SECONDS):
                    await asyncio.gather(
                        quietly(self._client.hangup(media_id)), quietly(self._client.destroy_bridge(bridge_id))
                    )
            self._entering.pop(media_id, None)
            self.bridges.discard(bridge_id)


async def quietly(request: Awaitable[object]) -> None:
    """Take something down that may be gone already."""
    try:
        await request
    except AriError as error:
        log.debug("not_taken_down", stage=Stage.LINE.value, error=type(error).__name__)
