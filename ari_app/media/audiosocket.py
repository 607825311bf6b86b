"""AudioSocket: Asterisk connects to us by TCP, and we own the clock.

Frames have a kind (1 byte), a length (2 bytes, big-endian) and a payload. Sources: res/res_audiosocket.c and
https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import uuid
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import suppress
from types import TracebackType

import structlog

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import LineError, Stage
from dialogue.turns import Key

log = structlog.get_logger(__name__)

HANG_UP, IDENTITY, DTMF, ERROR = 0x00, 0x01, 0x03, 0xFF
RATES = {
    0x10: 8000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
"""Kind of a frame of sound to its rate in Hz."""
KINDS = {rate: kind for kind, rate in RATES.items()}

TICK = 0.02
ANNOUNCED_WITHIN = 1.0
"""Seconds a connection is held whose UUID was not announced yet."""
IDENTIFY_SECONDS = 2.0
EXPECTED_SECONDS = 10.0
FIRST_SOUND_SECONDS = 1.0
STALLED_AFTER = 3.0
MOST_QUEUED = 10.0
MOST_UNSENT = 32_768
"""Bytes that a peer which does not read may leave lying: one second at 16 kHz."""
DRAIN_GRACE = 2.0
_USABLE = (8000, 16_000)
_HEADER = struct.Struct("!BH")
_DIGITS = "0123456789*#"


class AudioSocketMedia:
    """One connection; implements `ari_app.media.stream.MediaStream`. Made by `AudioSocketServer`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._rate = 8000
        self._kind = KINDS[8000]
        self._frame = 320
        self._queue = bytearray()
        self._paused = False
        self._played = 0
        self._first: list[bytes | Key] = []
        self._odd = b""
        self._ended: str | None = None
        self._hearing = False
        self._heard_at = asyncio.get_running_loop().time()
        self._moved = asyncio.Event()
        self.closed = asyncio.Event()
        """Set once the connection is over."""

    @property
    def rate(self) -> int:
        """Hz of the sound, as Asterisk sends it."""
        return self._rate

    @property
    def played(self) -> float:
        """Seconds sent, which the caller hears as they are sent."""
        return self._played / (SAMPLE_BYTES * self._rate)

    @property
    def queued(self) -> float:
        """Seconds still to be sent."""
        return len(self._queue) / (SAMPLE_BYTES * self._rate)

    async def hear(self) -> AsyncIterator[bytes | Key]:
        """Yield sound and keys. Raises LineError: ``media_closed``, ``media_stalled``."""
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        self._hearing = True
        try:
            while self._first:
                yield self._first.pop(0)
            while True:
                heard = await self._next()
                self._heard_at = loop.time()
                if heard:
                    yield heard
        finally:
            self._hearing = False

    async def play(self, pcm: bytes) -> None:
        """Add sound; waits while there are `MOST_QUEUED` seconds. Raises LineError."""
        while self.queued > MOST_QUEUED:
            self._check()
            await self._moved.wait()
        self._check()
        self._queue += pcm

    async def pause(self) -> None:
        """Send nothing more for now. Raises LineError."""
        self._check()
        self._paused = True

    async def resume(self) -> None:
        """Go on. Raises LineError."""
        self._check()
        self._paused = False

    async def flush(self) -> None:
        """Forget what is queued. Raises LineError."""
        self._check()
        self._queue.clear()
        self._paused = False
        self._moved.set()

    async def drained(self) -> None:
        """Return once all was sent. Raises LineError."""
        try:
            async with asyncio.timeout(self.queued + DRAIN_GRACE):
                while self._queue:
                    self._check()
                    await self._moved.wait()
        except TimeoutError:
            raise LineError("media_stalled", "the sound is not sent to its end") from None

    async def close(self) -> None:
        """Hang up and close; never raises."""
        if self._ended is None:
            with suppress(Exception):
                self._writer.write(_HEADER.pack(HANG_UP, 0))
        self._end("media_closed")
        with suppress(Exception):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    async def begin(self) -> None:
        """Wait for the first sound, which tells the rate. Raises LineError."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SOUND_SECONDS):
                while True:
                    heard = await self._next(first=True)
                    if heard:
                        self._first.append(heard)
                    if isinstance(heard, bytes) and heard:
                        return

    def tick(self) -> None:
        """Send one frame, where there is one; called by the pacer every 20 ms. Never waits."""
        if self._paused or not self._queue or self._ended is not None:
            return
        if self._writer.transport.get_write_buffer_size() > MOST_UNSENT:
            self._end("media_stalled")
            return
        frame = bytes(self._queue[: self._frame])
        del self._queue[: self._frame]
        self._played += len(frame)
        frame = frame.ljust(self._frame, b"\0")
        self._writer.write(_HEADER.pack(self._kind, len(frame)) + frame)
        if not self._queue or len(self._queue) < MOST_QUEUED * self._rate * SAMPLE_BYTES:
            self._moved.set()
            self._moved.clear()

    def look(self, now: float) -> None:
        """End it where nothing has come for too long; called by the pacer once a second."""
        if self._hearing and now - self._heard_at > STALLED_AFTER and self._ended is None:
            log.warning("media_stalled", stage=Stage.LINE.value)
            self._end("media_stalled")

    async def _next(self, *, first: bool = False) -> bytes | Key | None:
        """Read one frame; None for one that says nothing. Raises LineError."""
        try:
            kind, length = _HEADER.unpack(await self._reader.readexactly(_HEADER.size))
            payload = await self._reader.readexactly(length) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            self._end("media_closed")
            raise LineError(self._ended or "media_closed") from None
        if kind in RATES:
            if RATES[kind] != self._rate and first:
                self._use(RATES[kind])
            return self._sound(payload) if RATES[kind] == self._rate else None
        if kind == DTMF and len(payload) == 1 and (digit := chr(payload[0])) in _DIGITS:
            return Key(digit)
        if kind == HANG_UP:
            self._end("media_closed")
            raise LineError("media_closed")
        if kind == ERROR:
            log.warning("media_error", stage=Stage.LINE.value, detail=payload[:8].hex())
        return None

    def _use(self, rate: int) -> None:
        if rate not in _USABLE:
            self._end("media_format")
            raise LineError("media_format", f"{rate} Hz is not supported")
        self._rate, self._kind = rate, KINDS[rate]
        self._frame = rate // 50 * SAMPLE_BYTES

    def _sound(self, payload: bytes) -> bytes:
        if not self._odd and not len(payload) % SAMPLE_BYTES:
            return payload
        payload = self._odd + payload
        whole = len(payload) - len(payload) % SAMPLE_BYTES
        self._odd = payload[whole:]
        return payload[:whole]

    def _check(self) -> None:
        if self._ended is not None:
            raise LineError(self._ended)

    def _end(self, code: str) -> None:
        if self._ended is not None:
            return
        self._ended = code
        self._queue.clear()
        self._moved.set()
        self.closed.set()
        with suppress(Exception):
            self._writer.close()
        if code == "media_stalled":
            # A peer that does not read would keep the connection open while there is something to send.
            self._writer.transport.abort()


class Announcement:
    """A connection that is expected; awaiting it gives its media. Made by `AudioSocketServer.announce`."""

    def __init__(self, server: AudioSocketServer, name: uuid.UUID, seconds: float) -> None:
        self._server = server
        self._name = name
        self._seconds = seconds
        self.media: asyncio.Future[AudioSocketMedia] = asyncio.get_running_loop().create_future()

    def __await__(self) -> Generator[None, None, AudioSocketMedia]:
        return self._wait().__await__()

    def cancel(self) -> None:
        """Expect it no longer."""
        self._server.forget(self._name)
        if not self.media.done():
            self.media.cancel()

    async def _wait(self) -> AudioSocketMedia:
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(self.media)
        except TimeoutError:
            self.cancel()
            raise LineError("media_not_connected", "Asterisk did not connect") from None


class AudioSocketServer:
    """Takes connections whose UUID was announced, and paces all of them by one clock.

    Args:
        host: address to listen on.
        port: TCP port; 0 for any.
        allowed_peers: networks that may connect.
    """

    def __init__(self, host: str, port: int, allowed_peers: Sequence[str] = ("127.0.0.0/8", "::1/128")) -> None:
        self._host, self._port = host, port
        self._networks = [ipaddress.ip_network(network) for network in allowed_peers]
        self._expected: dict[uuid.UUID, Announcement] = {}
        self._news: dict[uuid.UUID, asyncio.Event] = {}
        self._media: set[AudioSocketMedia] = set()
        self._server: asyncio.Server | None = None
        self._pacer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AudioSocketServer:
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._pacer = asyncio.create_task(self._pace())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._pacer is not None
        self._server.close()
        self._pacer.cancel()
        for announcement in list(self._expected.values()):
            announcement.cancel()
        await asyncio.gather(self._pacer, *(media.close() for media in self._media), return_exceptions=True)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    def announce(self, name: uuid.UUID, seconds: float = EXPECTED_SECONDS) -> Announcement:
        """Expect a connection that brings this UUID, for ``seconds``."""
        announcement = self._expected[name] = Announcement(self, name, seconds)
        if event := self._news.get(name):
            event.set()
        return announcement

    def forget(self, name: uuid.UUID) -> None:
        """Expect a connection no longer."""
        self._expected.pop(name, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        media: AudioSocketMedia | None = None
        try:
            name = await self._identity(reader, writer)
            announcement = await self._expectation(name) if name is not None else None
            if announcement is None:
                log.warning("connection_refused", stage=Stage.LINE.value, code="unknown_uuid" if name else "no_uuid")
                return
            tcp = writer.get_extra_info("socket")
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            media = AudioSocketMedia(reader, writer)
            try:
                await media.begin()
            except LineError as error:
                announcement.media.set_exception(error)
                return
            if announcement.media.done():
                return
            self._media.add(media)
            announcement.media.set_result(media)
            await media.closed.wait()
        finally:
            if media is not None:
                self._media.discard(media)
            writer.close()

    async def _identity(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> uuid.UUID | None:
        """The UUID a peer brings; None where it is not allowed to, or brings none."""
        peer = ipaddress.ip_address(str(writer.get_extra_info("peername")[0]).split("%", 1)[0])
        if not any(peer in network for network in self._networks):
            return None
        try:
            async with asyncio.timeout(IDENTIFY_SECONDS):
                kind, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                if kind != IDENTITY or length != 16:
                    return None
                return uuid.UUID(bytes=await reader.readexactly(16))
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            return None

    async def _expectation(self, name: uuid.UUID) -> Announcement | None:
        """Take the announcement of a UUID, each only once; wait a moment for one that is on its way."""
        if name not in self._expected:
            event = self._news.setdefault(name, asyncio.Event())
            try:
                async with asyncio.timeout(ANNOUNCED_WITHIN):
                    await event.wait()
            except TimeoutError:
                return None
            finally:
                self._news.pop(name, None)
        return self._expected.pop(name, None)

    async def _pace(self) -> None:
        """Give every connection its frame each 20 ms, by one schedule that does not drift."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        ticks = 0
        while True:
            due += TICK
            await asyncio.sleep(max(0.0, due - loop.time()))
            late = int((loop.time() - due) / TICK)
            for media in tuple(self._media):
                media.tick()
                if late:
                    # Catch up by one frame; more would be a burst, which nobody can play.
                    media.tick()
            due += late * TICK
            ticks += 1
            if ticks % 50 == 0:
                for media in tuple(self._media):
                    media.look(loop.time())
