"""How a call's sound comes: each transport makes a media channel and connects with it."""

from __future__ import annotations

import uuid as uuids
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ari_app.client import AriClient
from ari_app.media.audiosocket import Announcement, AudioSocketServer
from ari_app.media.stream import MediaStream
from ari_app.media.websocket import WebSocketMedia

FORMATS = {8000: "slin", 16_000: "slin16"}
"""Rate in Hz to Asterisk's name of PCM at that rate."""

CONNECT_SECONDS = 5.0
CONNECTION_ID = "MEDIA_WEBSOCKET_CONNECTION_ID"


class WebSocketTransport:
    """chan_websocket: we connect to Asterisk's HTTP port.

    Args:
        client: ARI.
        app: application the media channels come into.
        rate: Hz of the sound: 8000 or 16000.
    """

    def __init__(self, client: AriClient, app: str, rate: int) -> None:
        self._client, self._app, self._rate = client, app, rate

    @asynccontextmanager
    async def open(self, channel_id: str) -> AsyncIterator[MediaStream]:
        """Enter with the connected sound of a new media channel. Raises AriError, LineError."""
        channel = await self._client.external_media(
            self._app, format=FORMATS[self._rate], channel_id=channel_id, external_host="INCOMING"
        )
        connection_id = channel.channelvars.get(CONNECTION_ID) or await self._client.get_variable(
            channel_id, CONNECTION_ID
        )
        media = await WebSocketMedia.connect(self._client.media_url(connection_id), rate=self._rate)
        try:
            yield media
        finally:
            await media.close()


@dataclass(frozen=True, slots=True)
class Announced:
    """A connection the server expects of the dialplan's AudioSocket(): its UUID, and host:port it comes to."""

    uuid: str
    server: str
    announcement: Announcement

    async def connected(self) -> MediaStream:
        """Return the media once the connection is there. Raises LineError: it does not come."""
        return await self.announcement


class AudioSocketTransport:
    """AudioSocket: Asterisk connects to us, for a media channel of ARI's or from the dialplan.

    Args:
        client: ARI.
        app: application the media channels come into.
        server: takes the connections.
        address: host:port under which Asterisk reaches it.
        rate: Hz of the sound of media channels: 8000 or 16000. The dialplan's AudioSocket() has 8000.
    """

    def __init__(self, client: AriClient, app: str, server: AudioSocketServer, address: str, rate: int) -> None:
        self._client, self._app, self._server, self._address, self._rate = client, app, server, address, rate

    @asynccontextmanager
    async def open(self, channel_id: str) -> AsyncIterator[MediaStream]:
        """Enter with the connected sound of a new media channel. Raises AriError, LineError."""
        async with self.announce(self._rate) as announced:
            await self._client.external_media(
                self._app,
                format=FORMATS[self._rate],
                transport="tcp",
                encapsulation="audiosocket",
                connection_type="client",
                external_host=self._address,
                channel_id=channel_id,
                data=announced.uuid,
            )
            media = await announced.connected()
            try:
                yield media
            finally:
                await media.close()

    @asynccontextmanager
    async def announce(self, rate: int | None = None) -> AsyncIterator[Announced]:
        """Enter with a connection that the server expects; leaving ends the expectation.

        Args:
            rate: Hz of a media channel, whose keys come by ARI; None: the first sound tells it and keys come with
                it, as with the dialplan's AudioSocket().
        """
        name = uuids.uuid4()
        announcement = self._server.announce(name, rate=rate, keys=rate is None)
        try:
            yield Announced(str(name), self._address, announcement)
        finally:
            announcement.cancel()
