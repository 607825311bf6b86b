"""Asterisk's ends of the media transports, scripted and able to misbehave."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
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
        in_json: writes and expects control messages as JSON, as ``chan_websocket.conf`` may have it.
    """

    def __init__(
        self,
        script: Callable[[ChanWebSocket], Awaitable[None]] | None = None,
        *,
        format: str = "slin16",
        size: int = 640,
        missing: int = 0,
        mute: bool = False,
        in_json: bool = False,
    ) -> None:
        self.sound = bytearray()
        self.messages: list[bytes] = []
        self.commands: list[str] = []
        self.socket: web.WebSocketResponse | None = None
        self._script, self._format, self._size = script, format, size
        self._missing, self._mute, self._json = missing, mute, in_json
        self.url = ""

    async def send(self, data: bytes | str) -> None:
        assert self.socket is not None
        if isinstance(data, str):
            await self.socket.send_str(data)
        else:
            await self.socket.send_bytes(data)

    async def tell(self, event: str) -> None:
        """Send a control message, given as Asterisk writes it in plain text."""
        if self._json:
            name, *fields = event.split(" ")
            event = json.dumps({"event": name, **dict(field.split(":", 1) for field in fields)})
        await self.send(event)

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
        await self.tell(MEDIA_START.format(id="abc", format=self._format, size=self._size))
        work = asyncio.ensure_future(self._script(self)) if self._script else None
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    self.messages.append(message.data)
                    self.sound += message.data
                elif message.type is WSMsgType.TEXT:
                    command = json.loads(message.data)["command"] if self._json else message.data
                    self.commands.append(command)
                    if self._mute:
                        continue
                    if command == "REPORT_QUEUE_DRAINED":
                        await self.tell("QUEUE_DRAINED")
                    elif command == "GET_STATUS":
                        await self.tell("STATUS channel_id:1 queue_length:0")
        finally:
            if work is not None:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        return socket


@asynccontextmanager
async def deaf_websocket() -> AsyncIterator[str]:
    """A media WebSocket that stands and never reads what it is sent; gives its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        start = MEDIA_START.format(id="x", format="slin16", size=640).encode()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: media\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            b"\x81" + bytes([len(start)]) + start
        )
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        try:
            await ended.wait()
        finally:
            writer.close()

    ended = asyncio.Event()
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(serve, sock=listening)
    try:
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/media/x"
    finally:
        ended.set()
        server.close()


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
