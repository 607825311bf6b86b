"""An ARI that does what a test wants: answers late or badly, closes in mid-stream, never answers a ping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestServer

USER, PASSWORD = "hotline", "pass:wörd"


@dataclass
class Request:
    """What the client sent."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]


@dataclass
class FakeAri:
    """A server on a free port, under `url`.

    Args:
        answer: makes the answer to a REST request.
        on_events: takes an open event socket; its return closes the connection.
    """

    answer: Callable[[Request], Awaitable[web.StreamResponse]]
    on_events: Callable[[web.WebSocketResponse], Awaitable[None]]
    requests: list[Request] = field(default_factory=list)
    password: str = PASSWORD
    connections: int = 0
    autoping: bool = True
    refuse_with: int = 0
    url: str = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        if authorization != encode_basic_auth(USER, self.password, "utf-8"):
            return web.json_response({"message": "Authentication required"}, status=401)
        if request.path == "/ari/events":
            return await self._events(request)
        raw = await request.read()
        sent = Request(request.method, request.raw_path.partition("?")[0], dict(request.query), {})
        if raw:
            assert request.headers["Content-Type"] == "application/json"
            sent.body = json.loads(raw)
        self.requests.append(sent)
        return await self.answer(sent)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        if self.refuse_with:
            return web.Response(status=self.refuse_with)
        assert set(request.query) == {"app"}
        socket = web.WebSocketResponse(autoping=self.autoping, timeout=0.1)
        await socket.prepare(request)
        await self.on_events(socket)
        return socket


async def nothing(_: Request) -> web.StreamResponse:
    return web.Response(status=204)


async def stay(socket: web.WebSocketResponse) -> None:
    """Keep the event socket open until the client closes it."""
    async for _ in socket:
        pass


@pytest.fixture
async def ari() -> AsyncIterator[FakeAri]:
    fake = FakeAri(nothing, stay)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.serve)
    server = TestServer(app, host="127.0.0.1")
    async with asyncio.timeout(5):
        await server.start_server(shutdown_timeout=0.1)
    fake.url = f"http://127.0.0.1:{server.port}/ari"
    try:
        yield fake
    finally:
        await server.close()
