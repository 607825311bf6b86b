"""The worker's end of the speech queue: engines on an event loop of their own, beside Celery's threads."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dialogue.audio import Audio
from dialogue.errors import ProviderError
from dialogue.failover import CLOSING_SECONDS, STARTING_SECONDS, Startable
from dialogue.ports import SpeechToText, SttRequest, TextToSpeech
from dialogue.resilience.streams import ending, pieces
from dialogue.turns import Transcript
from webadmin.speech.exchange import REDIS_SECONDS, STAGES
from webadmin.speech.messages import (
    BEAT_SECONDS,
    LONGEST_SECONDS,
    LOST_MILLISECONDS,
    REPLIES_KEPT_SECONDS,
    TRANSCRIPT,
    Reply,
    Request,
    replies_key,
    request_key,
    serves_key,
    worker_key,
)

log = structlog.get_logger(__name__)


class SpeechWorker:
    """Serves requests with the engines of this process.

    Args:
        url: of the Redis that the doors use.
        listeners: recognisers.
        voices: voices.
    """

    def __init__(self, url: str, listeners: Sequence[SpeechToText], voices: Sequence[TextToSpeech]) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._url = url
        self._listeners = {engine.name: engine for engine in listeners}
        self._voices = {engine.name: engine for engine in voices}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="speech-engines", daemon=True)
        self._redis: Redis
        self._beating: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Load the engines and announce them. Blocking.

        Raises:
            ProviderError: an engine does not start.
        """
        self._thread.start()
        self._wait(self._open(), STARTING_SECONDS * (len(self._listeners) + len(self._voices)))

    def stop(self) -> None:
        """Say goodbye and close the engines. Blocking."""
        with suppress(TimeoutError):
            self._wait(self._end(), CLOSING_SECONDS * (1 + len(self._listeners) + len(self._voices)))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSING_SECONDS)

    def serve(self, request_id: str) -> None:
        """Do what a request asks and reply to its door. Blocking; a request that is gone is passed over."""
        try:
            self._wait(self._serve(request_id), LONGEST_SECONDS + CLOSING_SECONDS)
        except TimeoutError:
            log.error("speech_request_stuck", request=request_id)

    def _wait(self, coroutine: Any, seconds: float) -> None:
        waited = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            waited.result(seconds)
        except TimeoutError:
            waited.cancel()
            raise

    async def _open(self) -> None:
        self._redis = Redis.from_url(self._url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
        for engine in (*self._listeners.values(), *self._voices.values()):
            if isinstance(engine, Startable):
                async with asyncio.timeout(STARTING_SECONDS):
                    await engine.start()
        self._beating = asyncio.create_task(self._beat())

    async def _end(self) -> None:
        self._stopping = True
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating
        with suppress(RedisError, OSError):
            await self._redis.delete(worker_key(self.id))
            await self._redis.aclose()
        for engine in (*self._listeners.values(), *self._voices.values()):
            async with asyncio.timeout(CLOSING_SECONDS):
                await engine.close()

    async def _beat(self) -> None:
        """Say again and again that this worker lives, and what it serves."""
        keys = [worker_key(self.id)]
        keys += [serves_key("stt", name) for name in self._listeners]
        keys += [serves_key("tts", name) for name in self._voices]
        # The client may swallow a cancellation that comes just as a wait ends; the flag holds in any case.
        while not self._stopping:
            try:
                async with self._redis.pipeline(transaction=False) as pipe:
                    for key in keys:
                        pipe.set(key, self.id, px=LOST_MILLISECONDS)
                    await pipe.execute()
            except (RedisError, OSError) as error:
                log.warning("speech_beat_failed", error=type(error).__name__)
            await asyncio.sleep(BEAT_SECONDS)

    async def _serve(self, request_id: str) -> None:
        try:
            data = await self._redis.getdel(request_key(request_id))
            if data is None:
                return
            request, sound = Request.unpack(data)
        except ValidationError:
            log.warning("speech_request_unreadable")
            return
        await self._reply(request, Reply(id=request.id, what="taken", worker=self.id))
        log.info("speech_request_taken", stage=STAGES[request.kind].value, engine=request.engine, request=request.id)
        try:
            async with asyncio.timeout(request.seconds):
                if request.kind == "stt":
                    await self._recognise(request, sound)
                else:
                    await self._synthesise(request)
        except TimeoutError:
            # The door has stopped waiting: its own limit is no longer.
            log.warning("speech_request_too_late", stage=STAGES[request.kind].value, engine=request.engine)
        except ProviderError as error:
            await self._reply(request, _failure(request, error))
        except RedisError:
            raise
        except Exception as error:
            # A fault in an engine's code or package: the door must hear of it, its caller waits.
            await self._reply(
                request, Reply(id=request.id, what="failed", code="unexpected", detail=type(error).__name__)
            )

    async def _recognise(self, request: Request, sound: bytes) -> None:
        engine = self._listeners.get(request.engine)
        if engine is None:
            raise _not_served(request)
        asked = SttRequest(request.language, request.hints, request.languages)
        found = Transcript("")
        stream = engine.transcribe(pieces(Audio(sound, engine.capabilities.rate)), asked)
        async with ending(stream):
            async for transcript in stream:
                found = transcript
        fields = TRANSCRIPT.dump_python(found, mode="json")
        await self._reply(request, Reply(id=request.id, what="done", transcript=fields))

    async def _synthesise(self, request: Request) -> None:
        engine = self._voices.get(request.engine)
        if engine is None or request.language is None:
            raise _not_served(request)
        stream = engine.synthesise(request.text, request.language)
        async with ending(stream):
            async for chunk in stream:
                await self._reply(request, Reply(id=request.id, what="part"), chunk)
        await self._reply(request, Reply(id=request.id, what="done"))

    async def _reply(self, request: Request, reply: Reply, sound: bytes = b"") -> None:
        key = replies_key(request.door)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.rpush(key, reply.pack(sound))
            pipe.expire(key, REPLIES_KEPT_SECONDS)
            await pipe.execute()


def _failure(request: Request, error: ProviderError) -> Reply:
    return Reply(
        id=request.id, what="failed", code=error.code, detail=error.detail,
        retryable=error.retryable, retry_after=error.retry_after,
    )  # fmt: skip


def _not_served(request: Request) -> ProviderError:
    return ProviderError(STAGES[request.kind], "no_worker", f"this speech worker does not have {request.engine}")
