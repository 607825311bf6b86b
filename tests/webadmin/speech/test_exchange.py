"""The door's end of the speech queue on a real Redis; the worker's end is played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from dialogue.errors import ProviderError
from webadmin.speech import exchange as exchange_module
from webadmin.speech.exchange import SpeechExchange
from webadmin.speech.messages import Reply, Request, replies_key, request_key, serves_key, worker_key

pytestmark = pytest.mark.asyncio


class Worker:
    """Answers as it is told to."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(url)
        self.asked: asyncio.Queue[str] = asyncio.Queue()

    async def publish(self, request_id: str) -> None:
        self.asked.put_nowait(request_id)

    async def take(self) -> Request:
        data = await self.redis.getdel(request_key(await self.asked.get()))
        request, _ = Request.unpack(data)
        await self.say(request, Reply(id=request.id, what="taken", worker="w1"))
        return request

    async def say(self, request: Request, reply: Reply) -> None:
        await self.redis.rpush(replies_key(request.door), reply.pack())


@pytest.fixture
async def worker(redis_url: str) -> AsyncIterator[Worker]:
    worker = Worker(redis_url)
    await worker.redis.set(serves_key("stt", "whisper"), "w1")
    await worker.redis.set(worker_key("w1"), "w1")
    yield worker
    await worker.redis.flushdb()
    await worker.redis.aclose()


@pytest.fixture
async def exchange(redis_url: str, worker: Worker) -> AsyncIterator[SpeechExchange]:
    exchange = SpeechExchange(redis_url, worker.publish)
    await exchange.start()
    yield exchange
    await exchange.close()


async def ask(exchange: SpeechExchange, engine: str = "whisper") -> list[Reply]:
    return [reply async for reply, _ in exchange.ask("stt", engine, 10.0, language="en", sound=b"\0\0")]


async def failure(asking: asyncio.Task[list[Reply]]) -> str:
    with pytest.raises(ProviderError) as caught:
        async with asyncio.timeout(10):
            await asking
    return caught.value.code


async def test_what_a_worker_found_reaches_the_call_that_asked(exchange: SpeechExchange, worker: Worker) -> None:
    asking = asyncio.create_task(ask(exchange))
    request = await worker.take()
    await worker.say(request, Reply(id=request.id, what="done", transcript={"text": "yes"}))
    assert [reply.transcript for reply in await asking] == [{"text": "yes"}]


async def test_an_engine_that_nobody_serves_fails_at_once(exchange: SpeechExchange) -> None:
    assert await failure(asyncio.create_task(ask(exchange, "coqui"))) == "no_worker"


async def test_a_worker_that_gives_no_sign_of_life_is_not_waited_for(exchange: SpeechExchange, worker: Worker) -> None:
    asking = asyncio.create_task(ask(exchange))
    await worker.take()
    await worker.redis.delete(worker_key("w1"))
    assert await failure(asking) == "worker_lost"


async def test_a_request_that_nobody_takes_goes_elsewhere_and_is_taken_back(
    exchange: SpeechExchange, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_module, "TAKEN_SECONDS", 0.1)
    assert await failure(asyncio.create_task(ask(exchange))) == "not_taken"
    assert await worker.redis.get(request_key(await worker.asked.get())) is None


async def test_the_engines_own_failure_is_what_the_call_sees(exchange: SpeechExchange, worker: Worker) -> None:
    asking = asyncio.create_task(ask(exchange))
    request = await worker.take()
    await worker.say(request, Reply(id=request.id, what="failed", code="rate_limited", retryable=True, retry_after=3.0))
    with pytest.raises(ProviderError) as caught:
        await asking
    assert (caught.value.code, caught.value.retryable, caught.value.retry_after) == ("rate_limited", True, 3.0)


async def test_garbage_among_the_replies_harms_no_call(exchange: SpeechExchange, worker: Worker) -> None:
    asking = asyncio.create_task(ask(exchange))
    request = await worker.take()
    await worker.redis.rpush(replies_key(request.door), b"\xff garbage", b'{"id": 1}\n', b"")
    await worker.say(request, Reply(id=request.id, what="done", transcript={"text": "yes"}))
    assert len(await asking) == 1


async def test_a_door_whose_redis_is_away_is_told_so_and_closes(worker: Worker) -> None:
    exchange = SpeechExchange("redis://127.0.0.1:1/0", worker.publish)
    await exchange.start()
    assert await failure(asyncio.create_task(ask(exchange))) == "queue_lost"
    async with asyncio.timeout(5):
        await exchange.close()


async def test_a_door_closes_at_whatever_moment(redis_url: str, worker: Worker) -> None:
    async with asyncio.timeout(60):
        for _ in range(20):
            exchange = SpeechExchange(redis_url, worker.publish)
            await exchange.start()
            asking = asyncio.create_task(ask(exchange))
            request = await worker.take()
            await worker.say(request, Reply(id=request.id, what="done"))
            await asking
            await exchange.close()
