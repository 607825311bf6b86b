"""Something that connects to the door's AudioSocket port, as Asterisk does or not."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from itertools import cycle
from typing import Self

SLIN_8 = 0x10
"""Kind of a message with sound at 8 kHz."""

SOUND = struct.pack("!BH", SLIN_8, 320)


class SocketClient:
    """Something that speaks AudioSocket to the door, as Asterisk does or not."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def is_refused(self, sent: bytes, seconds: float = 6.0) -> bool:
        """Whether the door ends the connection, after these bytes, without a sound."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(sent)
            async with asyncio.timeout(seconds):
                received = await reader.read()
            return SOUND not in received
        except (TimeoutError, ConnectionResetError) as error:
            return isinstance(error, ConnectionResetError)
        finally:
            writer.close()


def hello(identity: bytes) -> bytes:
    """An AudioSocket's first message, with some sound after it."""
    return struct.pack("!BH", 0x01, len(identity)) + identity + SOUND + bytes(320)


class Reframer:
    """Stands between Asterisk's AudioSocket and the door's, and can cut the caller's sound into other pieces.

    Use it as an asynchronous context manager.

    Args:
        port: of the door.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.sizes: tuple[int, ...] = ()
        """Bytes of the pieces, over and over; empty: as they come."""
        self.to = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        onward = await asyncio.open_connection("127.0.0.1", self.to)
        ways = [
            asyncio.create_task(self._reframe(reader, onward[1])),
            asyncio.create_task(_copy(onward[0], writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            onward[1].close()

    async def _reframe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sound, sizes = bytearray(), cycle(self.sizes or (0,))
        size = next(sizes)
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                header = await reader.readexactly(3)
                kind, length = struct.unpack("!BH", header)
                payload = await reader.readexactly(length)
                if kind != SLIN_8 or not self.sizes:
                    writer.write(header + payload)
                    continue
                sound += payload
                while len(sound) >= size:
                    writer.write(struct.pack("!BH", kind, size) + sound[:size])
                    del sound[:size]
                    size = next(sizes)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(4096):
            writer.write(data)
