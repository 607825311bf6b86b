"""AudioSocket: Asterisk connects to us by TCP, and brings the UUID of a call that was announced.

Sources: apps/app_audiosocket.c, channels/chan_audiosocket.c and
https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/
"""

from __future__ import annotations

import asyncio
import ipaddress
import uuid
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import Self, cast

import structlog

from ari_app.media.audiosocket_media import STALLED_AFTER, AudioSocketMedia
from ari_app.media.frames import IDENTITY, FrameReader
from ari_app.media.pacer import Pacer
from dialogue.errors import ConfigurationError, LineError, Stage

log = structlog.get_logger(__name__)

LOOPBACK = ("127.0.0.0/8", "::1/128")
ANNOUNCED_WITHIN = 1.0
"""Seconds a connection is held whose UUID was not announced yet."""
IDENTIFY_SECONDS = 2.0
EXPECTED_SECONDS = 10.0
FIRST_SOUND_SECONDS = 1.0
MOST_STRANGERS = 100
"""Connections at once that belong to no call."""


class Announcement:
    """A connection that is expected; awaiting it gives its media. Made by `AudioSocketServer.announce`."""

    def __init__(
        self, server: AudioSocketServer, name: uuid.UUID, seconds: float, rate: int | None, keys: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        self._server = server
        self._name = name
        self._rate = rate
        self._keys = keys
        self._media: asyncio.Future[AudioSocketMedia] = loop.create_future()
        self._taken = False
        self._expiry = loop.call_later(seconds, self._fail, "Asterisk did not connect")

    def __await__(self) -> Generator[None, None, AudioSocketMedia]:
        return self._wait().__await__()

    def cancel(self) -> None:
        """Expect it no longer. A connection that has come and was not taken is closed."""
        if not self._media.done():
            self._fail("no longer expected")
        elif not self._taken and self._media.exception() is None:
            self._media.result().end("media_closed")

    def fulfil(self, media: AudioSocketMedia) -> None:
        """The connection is there."""
        self._expiry.cancel()
        media.expect(self._rate, self._keys)
        self._media.set_result(media)

    def _fail(self, why: str) -> None:
        self._expiry.cancel()
        self._server.forget(self._name)
        self._media.set_exception(LineError("media_not_connected", why))
        # Nobody needs to have asked.
        self._media.exception()

    async def _wait(self) -> AudioSocketMedia:
        """Return the media. Raises LineError: ``media_not_connected``."""
        media = await asyncio.shield(self._media)
        if self._rate is None:
            try:
                async with asyncio.timeout(FIRST_SOUND_SECONDS):
                    await media.sounded.wait()
            except TimeoutError:
                log.info("media_rate_unknown", stage=Stage.LINE.value, taken=media.rate)
        self._taken = True
        return media


class AudioSocketServer:
    """Takes connections whose UUID was announced, and paces all of them by one clock. Use it as a context manager.

    Args:
        host: address to listen on. There is no authentication in AudioSocket: loopback or a private one.
        port: TCP port; 0 for any.
        allowed_peers: networks in CIDR notation from which connections are taken.
        stalled_after: seconds without sound after which a call's media count as stalled.

    Raises:
        ConfigurationError: a network is not written as one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        allowed_peers: Sequence[str] = LOOPBACK,
        *,
        stalled_after: float = STALLED_AFTER,
    ) -> None:
        self._host, self._port = host, port
        try:
            self._networks = [ipaddress.ip_network(network) for network in allowed_peers]
        except ValueError as error:
            raise ConfigurationError(f"allowed AudioSocket peers: {error}; write e.g. 10.0.0.0/24") from error
        self.stalled_after = stalled_after
        self._expected: dict[uuid.UUID, Announcement] = {}
        self._early: dict[uuid.UUID, _Connection] = {}
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._pacer: Pacer | None = None

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError: the address cannot be bound."""
        self._pacer = Pacer()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for announcement in list(self._expected.values()):
            announcement.cancel()
        for connection in list(self._connections):
            if connection.media is None:
                connection.refuse("server_stops")
        calls = [connection.media for connection in self._connections if connection.media is not None]
        await asyncio.gather(*(media.close() for media in calls))
        self.pacer.close()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    @property
    def pacer(self) -> Pacer:
        """The clock of all calls."""
        assert self._pacer is not None
        return self._pacer

    def announce(
        self, name: uuid.UUID, seconds: float = EXPECTED_SECONDS, *, rate: int | None = None, keys: bool = True
    ) -> Announcement:
        """Expect a connection that brings this UUID.

        Args:
            name: it serves once.
            seconds: how long it is expected.
            rate: Hz of a media channel, 8000 or 16000: its media are there as soon as it has connected, which a
                channel that is in no bridge yet needs. None: the first sound tells it, as with the dialplan's
                application; where none comes within a second it is 8000.
            keys: whether keys come with the sound. Those of a media channel come by ARI too, and would count twice.

        Raises:
            ValueError: the UUID is expected already, or in use.
        """
        if name in self._expected or any(connection.serves(name) for connection in self._connections):
            raise ValueError("this UUID is in use")
        announcement = Announcement(self, name, seconds, rate, keys)
        if early := self._early.pop(name, None):
            early.serve(announcement)
        else:
            self._expected[name] = announcement
        return announcement

    def forget(self, name: uuid.UUID) -> None:
        """Expect a connection no longer."""
        self._expected.pop(name, None)

    def admit(self, connection: _Connection, address: str) -> str | None:
        """Note a new connection; return why it is refused, None where it may go on."""
        peer = ipaddress.ip_address(address.split("%", 1)[0])
        peer = getattr(peer, "ipv4_mapped", None) or peer
        if not any(peer in network for network in self._networks):
            return "peer_not_allowed"
        if sum(other.media is None for other in self._connections) >= MOST_STRANGERS:
            return "too_many_strangers"
        self._connections.add(connection)
        return None

    def identify(self, connection: _Connection, name: uuid.UUID) -> str | None:
        """Find the call of a connection, or hold it for a moment; return why it is refused, if it is."""
        if name in self._early or any(other.serves(name) for other in self._connections):
            return "uuid_in_use"
        if announcement := self._expected.pop(name, None):
            connection.serve(announcement)
        else:
            self._early[name] = connection
        return None

    def leave(self, connection: _Connection) -> None:
        """A connection is over."""
        self._connections.discard(connection)
        if connection.name is not None and self._early.get(connection.name) is connection:
            del self._early[connection.name]


class _Connection(asyncio.Protocol):
    """One connection, from a stranger's to a call's."""

    def __init__(self, server: AudioSocketServer) -> None:
        self._server = server
        self._frames = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._before: list[tuple[int, bytes]] = []
        self.name: uuid.UUID | None = None
        self.media: AudioSocketMedia | None = None

    def serves(self, name: uuid.UUID) -> bool:
        """Whether it carries the call of this UUID."""
        return self.media is not None and self.name == name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if why := self._server.admit(self, str(peer[0])) if peer else "no_address":
            self.refuse(why)
        else:
            self._within(IDENTIFY_SECONDS, "no_uuid")

    def data_received(self, data: bytes) -> None:
        if self.name is None and data[0] != IDENTITY and not self._frames.pending:
            self.refuse("no_uuid")
            return
        for kind, payload in self._frames.feed(data):
            if self.media is not None:
                self.media.take(kind, payload)
            elif self.name is not None:
                self._before.append((kind, payload))
            elif not self._identify(kind, payload):
                return

    def pause_writing(self) -> None:
        if self.media is not None:
            self.media.block(True)

    def resume_writing(self) -> None:
        if self.media is not None:
            self.media.block(False)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._server.leave(self)
        if self.media is not None:
            self.media.lost()

    def serve(self, announcement: Announcement) -> None:
        """It is the call's that was announced."""
        assert self._transport is not None
        if self._deadline is not None:
            self._deadline.cancel()
        self.media = media = AudioSocketMedia(self._transport, self._server.pacer, self._server.stalled_after)
        announcement.fulfil(media)
        for kind, payload in self._before:
            media.take(kind, payload)
        self._before.clear()

    def refuse(self, why: str) -> None:
        """Close it."""
        assert self._transport is not None
        log.warning("connection_refused", stage=Stage.LINE.value, code=why)
        self._transport.abort()

    def _identify(self, kind: int, payload: bytes) -> bool:
        if kind != IDENTITY or len(payload) != 16:
            self.refuse("no_uuid")
            return False
        name = uuid.UUID(bytes=payload)
        if why := self._server.identify(self, name):
            self.refuse(why)
            return False
        self.name = name
        if self.media is None:
            self._within(ANNOUNCED_WITHIN, "unknown_uuid")
        return True

    def _within(self, seconds: float, why: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.refuse, why)
