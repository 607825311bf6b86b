"""Asterisk's ends of the media transports, scripted and able to misbehave."""

from __future__ import annotations

import asyncio
import struct
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

MEDIA_START = (
    "MEDIA_START connection_id:{id} channel:WebSocket/x channel_id:1 format:{format} optimal_frame_size:{size} ptime:20"
)


class ChanWebSocket:
    """Asterisk's media WebSocket: keeps what it is sent, answers commands, and does what ``script`` does.

    Args:
        script: run once a client is there.
        format: Asterisk's name of the sound.
        size: bytes of 20 ms of it.
        missing: connections that are answered with 404 first.
        mute: leaves ``GET_STATUS`` and ``REPORT_QUEUE_DRAINED`` unanswered.
    """

    def __init__(
        self,
        script: Callable[[ChanWebSocket], Awaitable[None]] | None = None,
        *,
        format: str = "slin16",
        size: int = 640,
        missing: int = 0,
        mute: bool = False,
    ) -> None:
        self.sound = bytearray()
        self.messages: list[bytes] = []
        self.commands: list[str] = []
        self.socket: web.WebSocketResponse | None = None
        self._script, self._format, self._size = script, format, size
        self._missing, self._mute = missing, mute
        self.url = ""

    async def send(self, data: bytes | str) -> None:
        assert self.socket is not None
        if isinstance(data, str):
            await self.socket.send_str(data)
        else:
            await self.socket.send_bytes(data)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[ChanWebSocket]:
        app = web.Application()
        app.router.add_get("/media/{id}", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"ws://127.0.0.1:{port}/media/abc"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._missing:
            self._missing -= 1
            raise web.HTTPNotFound
        self.socket = socket = web.WebSocketResponse(protocols=("media",), compress=False)
        await socket.prepare(request)
        await socket.send_str(MEDIA_START.format(id="abc", format=self._format, size=self._size))
        work = asyncio.ensure_future(self._script(self)) if self._script else None
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    self.messages.append(message.data)
                    self.sound += message.data
                elif message.type is WSMsgType.TEXT:
                    self.commands.append(message.data)
                    if self._mute:
                        continue
                    if message.data == "REPORT_QUEUE_DRAINED":
                        await socket.send_str("QUEUE_DRAINED")
                    elif message.data == "GET_STATUS":
                        await socket.send_str("STATUS channel_id:1 queue_length:0")
        finally:
            if work is not None:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        return socket


class AudioSocketPeer:
    """Asterisk's end of an AudioSocket connection.

    Args:
        address: of our server.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    async def __aenter__(self) -> AudioSocketPeer:
        self.reader, self.writer = await asyncio.open_connection(*self._address)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, kind: int, payload: bytes = b"") -> None:
        self.writer.write(struct.pack("!BH", kind, len(payload)) + payload)

    def identify(self, name: uuid.UUID) -> None:
        self.send(0x01, name.bytes)

    async def receive(self, seconds: float = 2.0) -> tuple[int, bytes]:
        """The next frame; raises IncompleteReadError where we closed."""
        async with asyncio.timeout(seconds):
            kind, length = struct.unpack("!BH", await self.reader.readexactly(3))
            return kind, await self.reader.readexactly(length)
