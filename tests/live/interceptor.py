"""Stands between a door and Asterisk's HTTP port, and can break or stall what goes through."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Change = Callable[[bytes], bytes]
"""Is given bytes as they come, and returns those that are passed on."""

REQUEST = re.compile(rb"[A-Z]+ (/\S*) HTTP/1\.1\r\n")


class Interceptor:
    """A TCP relay on a free loopback port. Use it as an asynchronous context manager.

    Connections are told apart by the path of their last request: ``/media/`` carries a call's sound, ``/ari/events``
    the events, the others are requests. A client may send the request for one over a connection that it has already.

    Args:
        port: of Asterisk's HTTP server.

    Attributes:
        port: where it listens.
        change_media: makes what changes the bytes that Asterisk sends on a media connection that is opened from now
            on; None: nothing does.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.change_media: Callable[[], Change] | None = None
        self._to = port
        self._open: dict[asyncio.Task[None], _Relay] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for relay in self._open.values():
            relay.cut()
        await asyncio.gather(*self._open, return_exceptions=True)

    def paths(self, beginning: str) -> set[str]:
        """Paths of the connections that begin so."""
        return {relay.path for relay in self._open.values() if relay.path.startswith(beginning)}

    def cut(self, path: str) -> int:
        """Close the connections whose path begins so, as a broken network would. Returns how many there were."""
        found = [relay for relay in self._open.values() if relay.path.startswith(path)]
        for relay in found:
            relay.cut()
        return len(found)

    def stall(self, path: str) -> int:
        """Keep those connections open and let nothing through any more."""
        found = [relay for relay in self._open.values() if relay.path.startswith(path)]
        for relay in found:
            relay.flowing.clear()
        return len(found)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            onward = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        relay = self._open[task] = _Relay((reader, writer), onward, self.change_media)
        try:
            await relay.run()
        finally:
            del self._open[task]


class _Relay:
    def __init__(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        change_media: Callable[[], Change] | None,
    ) -> None:
        self.path = ""
        self._change = change_media() if change_media is not None else None
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._near, self._far = near, far

    def cut(self) -> None:
        for _, writer in (self._near, self._far):
            writer.transport.abort()
        self.flowing.set()

    async def run(self) -> None:
        ways = [
            asyncio.create_task(self._pass(self._near[0], self._far[1])),
            asyncio.create_task(self._pass(self._far[0], self._near[1])),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.cut()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if request := REQUEST.match(data):
                    self.path = request[1].decode()
                await self.flowing.wait()
                if self._change is not None and reader is self._far[0] and self.path.startswith("/media/"):
                    data = self._change(data)
                writer.write(data)
                await writer.drain()
