"""A running FastAGI server with a line that ends in the fake PBX's folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from agi.routes import AgiCall, Handler, routes
from agi.server import FastAgiServer
from tests.fakes.agi_peer import AgiPeer
from tests.fakes.loudness import Loudness

PBX_SPOOL = PurePosixPath("/var/spool/hotline")


@asynccontextmanager
async def serving(server: FastAgiServer) -> AsyncIterator[FastAgiServer]:
    """Run a server for the length of a block."""
    stop = asyncio.Event()
    task = asyncio.create_task(server.serve(stop))
    await asyncio.wait({task, asyncio.create_task(server.started.wait())}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield server
    finally:
        stop.set()
        await task


@dataclass
class Door:
    """The door with one scenario ``try``, whose calls do what the test says."""

    spool: Path

    async def call(self, handler: Handler, seconds: float = 20.0, **peer: Any) -> AgiPeer:
        """Have one call handled; return the PBX's view of it."""
        async with self.open(handler) as server:
            return await self.peer(server, **peer).run(seconds)

    @asynccontextmanager
    async def open(self, handler: Handler, **options: Any) -> AsyncIterator[FastAgiServer]:
        served = routes({"try": handler}, self.spool, PBX_SPOOL, Loudness())
        options.setdefault("drain_seconds", 10.0)
        async with serving(FastAgiServer("127.0.0.1", 0, served, **options)) as server:
            yield server

    def peer(self, server: FastAgiServer, **options: Any) -> AgiPeer:
        return AgiPeer(server.port, spool=self.spool, pbx_spool=PBX_SPOOL, **options)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@dataclass
class Outcome:
    """What a handler got out of its line: a value or an exception."""

    value: Any = None
    error: BaseException | None = None


def asks(question: Callable[[AgiCall], Awaitable[Any]]) -> tuple[Handler, Outcome]:
    """A handler that asks its call one thing, and where the outcome will stand."""
    outcome = Outcome()

    async def handler(call: AgiCall) -> None:
        try:
            outcome.value = await question(call)
        except BaseException as error:
            outcome.error = error
            raise

    return handler, outcome
