"""The door's end of the speech queue: requests go out, replies of any number of calls come back on one connection."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dialogue.errors import ProviderError, Stage
from webadmin.speech.messages import (
    LOST_MILLISECONDS,
    Kind,
    Reply,
    Request,
    replies_key,
    request_key,
    serves_key,
    worker_key,
)

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.4
"""Between two looks at which workers are alive."""

REDIS_SECONDS = 2.0
"""Longest wait for Redis. An answer that is not there by then is no use to a caller who could be served here."""

TAKEN_SECONDS = 2.5
"""Within which a worker must have begun: all are busy, or one died with the request in its hands."""

LISTEN_SECONDS = 1.0
"""How long one wait for replies lasts; a stop takes no longer."""

STAGES: dict[Kind, Stage] = {"stt": Stage.SPEECH_TO_TEXT, "tts": Stage.TEXT_TO_SPEECH}

Publish = Callable[[str], Awaitable[None]]
"""Puts the number of a request on the queue."""


@dataclass(slots=True)
class _Pending:
    """A request under way: what came back so far, and who works on it."""

    kind: Kind
    replies: asyncio.Queue[tuple[Reply, bytes] | ProviderError] = field(default_factory=asyncio.Queue)
    worker: str = ""


class SpeechExchange:
    """Asks speech workers and hands each call its replies.

    Args:
        url: of the Redis that the workers use.
        publish: puts the number of a request on the queue.
    """

    def __init__(self, url: str, publish: Publish) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=LISTEN_SECONDS + REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        )
        self._publish = publish
        self._door = uuid.uuid4().hex
        self._pending: dict[str, _Pending] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    async def start(self) -> None:
        """Begin to receive replies. A Redis that is away is tried again until `close`."""
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._look_after())]

    async def close(self) -> None:
        """Stop receiving; requests under way fail."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail(None, "closed", "the door is closing")
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    async def ask(
        self, kind: Kind, engine: str, seconds: float, *, sound: bytes = b"", **wanted: object
    ) -> AsyncIterator[tuple[Reply, bytes]]:
        """Have a worker do something, and yield its replies, the last one ``done``.

        Args:
            kind: recognise or synthesise.
            engine: which engine.
            seconds: after which the request is worth nothing.
            sound: 16-bit mono PCM at the engine's rate, for ``stt``.
            wanted: further fields of `Request`.

        Raises:
            ProviderError: ``no_worker`` (nobody serves this engine), ``not_taken`` (all are busy), ``worker_lost`` (it
                died over it), ``queue_lost`` (Redis is away), or what the engine said.
        """
        stage = STAGES[kind]
        request = Request.model_validate(
            {"id": uuid.uuid4().hex, "door": self._door, "kind": kind, "engine": engine, "seconds": seconds, **wanted}
        )
        pending = self._pending[request.id] = _Pending(kind)
        finished = False
        try:
            await self._send(stage, request, sound)
            while not finished:
                reply, part = await self._next(stage, pending)
                finished = reply.what in ("done", "failed")
                if reply.what == "failed":
                    raise ProviderError(
                        stage, reply.code, reply.detail, retryable=reply.retryable, retry_after=reply.retry_after
                    )
                if reply.what != "taken":
                    yield reply, part
        finally:
            del self._pending[request.id]
            if not finished:
                await self._withdraw(request.id)

    async def _next(self, stage: Stage, pending: _Pending) -> tuple[Reply, bytes]:
        """The next reply; the time that all of them may take is the asking chain's affair."""
        try:
            async with asyncio.timeout(None if pending.worker else TAKEN_SECONDS):
                got = await pending.replies.get()
        except TimeoutError:
            raise ProviderError(stage, "not_taken", f"no speech worker was free for {TAKEN_SECONDS:g} s") from None
        if isinstance(got, ProviderError):
            raise got
        return got

    async def _send(self, stage: Stage, request: Request, sound: bytes) -> None:
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.exists(serves_key(request.kind, request.engine))
                    pipe.set(request_key(request.id), request.pack(sound), px=int(request.seconds * 1000))
                    served, _ = await pipe.execute()
                if not served:
                    raise ProviderError(stage, "no_worker", f"no speech worker serves {request.engine}")
                await self._publish(request.id)
        except (RedisError, OSError, TimeoutError) as error:
            raise ProviderError(stage, "queue_lost", f"the speech queue: {type(error).__name__}") from None

    async def _withdraw(self, request_id: str) -> None:
        """Take back a request that nobody waits for; one that was taken ends by itself."""
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(REDIS_SECONDS):
                await self._redis.delete(request_key(request_id))

    async def _receive(self) -> None:
        key = replies_key(self._door)
        # The client may swallow a cancellation that comes just as a wait ends; the flag holds in any case.
        while not self._closed:
            try:
                got = await self._redis.blpop([key], timeout=LISTEN_SECONDS)
            except (RedisError, OSError) as error:
                self._fail(None, "queue_lost", f"the speech queue: {type(error).__name__}")
                log.warning("speech_queue_lost", error=type(error).__name__)
                await asyncio.sleep(LISTEN_SECONDS)
                continue
            if got is not None:
                self._hand_over(got[1])

    def _hand_over(self, data: bytes) -> None:
        try:
            reply, sound = Reply.unpack(data)
        except ValidationError:
            log.warning("speech_reply_unreadable", bytes=len(data))
            return
        pending = self._pending.get(reply.id)
        if pending is not None:
            pending.worker = reply.worker or pending.worker
            pending.replies.put_nowait((reply, sound))

    async def _look_after(self) -> None:
        """Fail what a worker had taken that gives no sign of life any more."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            workers = sorted({pending.worker for pending in self._pending.values() if pending.worker})
            if not workers:
                continue
            try:
                beats = await self._redis.mget([worker_key(worker) for worker in workers])
            except (RedisError, OSError):
                continue
            lost = {worker for worker, beat in zip(workers, beats, strict=True) if beat is None}
            if lost:
                log.warning("speech_worker_lost", workers=len(lost))
                detail = f"no sign of life for {LOST_MILLISECONDS / 1000:g} s"
                self._fail(lost, "worker_lost", detail)

    def _fail(self, workers: Collection[str] | None, code: str, detail: str) -> None:
        """Fail what these workers have taken (None: every request under way)."""
        for pending in self._pending.values():
            if workers is None or pending.worker in workers:
                pending.replies.put_nowait(ProviderError(STAGES[pending.kind], code, detail))
