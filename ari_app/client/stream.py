"""The events of an application, through lost connections and restarts of Asterisk."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self

import aiohttp
import structlog

from ari_app.client.client import AriClient
from ari_app.client.errors import AriError, Refused
from ari_app.client.events import ApplicationReplaced, Connected, Disconnected, Event, parse_event

log = structlog.get_logger(__name__)

_STABLE_SECONDS = 5.0
_REPLACED = "the application's name was taken by another connection"


class EventStream:
    """Registers an application and yields its events: ``async with EventStream(client, app) as stream``.

    The first event is `Connected`. A lost connection yields `Disconnected`, then `Connected` once it is back. Where
    the consumer is so slow that ``limit`` events wait, those are dropped and the two are yielded in their place: a gap
    is always told. After `ApplicationReplaced` the stream ends, and does not fight for the name. One consumer only.

    Args:
        client: an open client; its time limit is that of connecting.
        app: the application's name.
        limit: most events that wait.
        backoff: shortest and longest wait before connecting again, seconds; it doubles, at random within that.
        heartbeat: seconds of silence until a ping; it has half as long to be answered.
    """

    def __init__(
        self,
        client: AriClient,
        app: str,
        *,
        limit: int = 10_000,
        backoff: tuple[float, float] = (0.2, 5.0),
        heartbeat: float = 1.8,
    ) -> None:
        self._client = client
        self._app = app
        self._limit = limit
        self._backoff = backoff
        self._heartbeat = heartbeat
        self._waiting: deque[Event] = deque()
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._over = False
        self._error: AriError | None = None
        self._announced = False
        self._connected_at: float | None = None
        self._piled_up = False
        self.connected = False
        """Whether events come now."""
        self.dropped = 0
        """Events dropped so far because the consumer was slow."""

    @property
    def waiting(self) -> int:
        """Events that wait for the consumer."""
        return len(self._waiting)

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._run(), name=f"ari events of {self._app}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Return the next event.

        Raises:
            Refused: user or password is wrong.
            StopAsyncIteration: closed, or the name was taken by another connection.
        """
        while not self._waiting:
            if self._over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        event = self._waiting.popleft()
        if self._piled_up and not self._waiting:
            self._piled_up = False
            log.info("ari_events_caught_up", app=self._app)
        return event

    async def close(self) -> None:
        """End the stream and unregister the application; what still waits is dropped."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        self._waiting.clear()
        self._end()

    async def _run(self) -> None:
        attempt = 0
        try:
            while True:
                self._connected_at = None
                try:
                    if await self._connection():
                        return
                except Refused as error:
                    log.error("ari_refused", app=self._app, status=error.status)
                    self._error = error
                    return
                except AriError as error:
                    log.warning("ari_unreachable", app=self._app, status=error.status, attempt=attempt)
                except Exception:
                    log.exception("ari_events_failed", app=self._app)
                if self._connected_at is not None and _now() - self._connected_at > _STABLE_SECONDS:
                    attempt = 0
                await asyncio.sleep(self._pause(attempt))
                attempt += 1
        finally:
            self._end()

    async def _connection(self) -> bool:
        """Connect and read until the connection ends; True where the name was taken."""
        socket = await self._client.open_events(self._app, self._heartbeat)
        self.connected, self._connected_at = True, _now()
        self._push(self._connected_event())
        try:
            reason = await self._read(socket)
            self.connected = False
            if reason is not _REPLACED:
                self._push(Disconnected(application=self._app, reason=reason))
            log.warning("ari_disconnected", app=self._app, reason=reason)
            return reason is _REPLACED
        finally:
            self.connected = False
            await socket.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """Take events until there are no more; return why."""
        while True:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                try:
                    event = parse_event(message.data)
                except ValueError as error:
                    log.error("ari_event_unreadable", app=self._app, detail=str(error))
                    continue
                self._push(event)
                if isinstance(event, ApplicationReplaced) and event.application in (self._app, ""):
                    return _REPLACED
            elif message.type is aiohttp.WSMsgType.ERROR:
                return f"{type(socket.exception() or message.data).__name__}"
            elif message.type is not aiohttp.WSMsgType.BINARY:
                return f"closed ({socket.close_code})"

    def _push(self, event: Event) -> None:
        if len(self._waiting) >= self._limit:
            self._drop(told=isinstance(event, (Connected, Disconnected)))
        self._waiting.append(event)
        if not self._piled_up and len(self._waiting) * 10 > self._limit:
            self._piled_up = True
            log.warning("ari_events_pile_up", app=self._app, waiting=len(self._waiting))
        self._news.set()

    def _drop(self, told: bool) -> None:
        """Empty the queue, and tell the consumer that there is a gap, unless what follows does."""
        lost = len(self._waiting)
        self.dropped += lost
        if any(isinstance(event, Connected) and event.first for event in self._waiting):
            self._announced = False
        self._waiting.clear()
        log.error("ari_events_dropped", app=self._app, count=lost)
        if told:
            return
        if self._announced:
            self._waiting.append(Disconnected(application=self._app, reason="events piled up"))
        self._waiting.append(self._connected_event())

    def _connected_event(self) -> Connected:
        first, self._announced = not self._announced, True
        return Connected(application=self._app, first=first)

    def _pause(self, attempt: int) -> float:
        shortest, longest = self._backoff
        return random.uniform(shortest, max(shortest, min(longest, shortest * 2 ** min(attempt + 1, 16))))  # noqa: S311

    def _end(self) -> None:
        self._over = True
        self.connected = False
        self._news.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
