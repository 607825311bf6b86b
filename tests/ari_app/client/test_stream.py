"""The events of an application: nothing is missed silently, whatever the network and the consumer do."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from ari_app.client import (
    ApplicationReplaced,
    AriClient,
    ChannelDtmfReceived,
    Connected,
    Disconnected,
    Event,
    EventStream,
    Refused,
    StasisStart,
    Unknown,
)
from ari_app.client import stream as stream_module
from tests.ari_app.client.conftest import PASSWORD, USER, FakeAri, stay
from tests.services import free_port

QUICK = (0.01, 0.05)


def message(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "application": "hotline", "timestamp": "2026-11-01T10:00:00.000+0000", **fields})


def start(channel_id: str) -> str:
    return message("StasisStart", args=["one"], channel={"id": channel_id, "state": "Up"})


async def take(stream: EventStream, count: int) -> list[Event]:
    async with asyncio.timeout(5):
        return [await anext(stream) for _ in range(count)]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_events_come_typed_and_what_is_unknown_comes_too(ari: FakeAri) -> None:
    async def send(socket: web.WebSocketResponse) -> None:
        await socket.send_str(start("1"))
        await socket.send_str(message("ChannelDtmfReceived", digit="5", duration_ms=80, channel={"id": "1"}))
        await socket.send_str(message("SomethingNew", colour="blue"))
        await socket.send_str(message("StasisStart", args="none", channel=7))
        await stay(socket)

    ari.on_events = send
    async with AriClient(ari.url, USER, PASSWORD) as client, EventStream(client, "hotline") as stream:
        connected, started, key, new, odd = await take(stream, 5)
    assert connected == Connected(application="hotline", first=True)
    assert isinstance(started, StasisStart)
    assert (started.channel.id, started.channel.state, started.args) == ("1", "Up", ("one",))
    assert isinstance(key, ChannelDtmfReceived)
    assert (key.digit, key.duration_ms) == ("5", 80)
    assert isinstance(new, Unknown)
    assert (new.type, new.fields["colour"], new.application) == ("SomethingNew", "blue", "hotline")
    assert isinstance(odd, Unknown)
    assert odd.type == "StasisStart"


@pytest.mark.parametrize("garbage", ["", "{", "[]", "null", '{"type": 5}', "\x00", '{"type": "StasisStart"'])
async def test_garbage_between_events_is_logged_and_passed_over(ari: FakeAri, garbage: str) -> None:
    async def send(socket: web.WebSocketResponse) -> None:
        await socket.send_str(garbage)
        await socket.send_bytes(b"\xff\x00")
        await socket.send_str(start("1"))
        await stay(socket)

    ari.on_events = send
    with capture_logs() as logs:
        async with AriClient(ari.url, USER, PASSWORD) as client, EventStream(client, "hotline") as stream:
            _, started = await take(stream, 2)
    assert isinstance(started, StasisStart)
    assert [each["event"] for each in logs].count("ari_event_unreadable") == 1


@pytest.mark.parametrize("abruptly", [False, True])
async def test_a_lost_connection_is_told_and_comes_back(ari: FakeAri, abruptly: bool) -> None:
    async def once(socket: web.WebSocketResponse) -> None:
        await socket.send_str(start(str(ari.connections)))
        if ari.connections > 1:
            return await stay(socket)
        if abruptly:
            assert socket._req is not None
            assert socket._req.transport is not None
            await asyncio.sleep(0.05)
            socket._req.transport.abort()
        return None

    ari.on_events = once
    async with (
        AriClient(ari.url, USER, PASSWORD) as client,
        EventStream(client, "hotline", backoff=QUICK) as stream,
    ):
        events = await take(stream, 5)
        assert stream.connected
    assert [type(each) for each in events] == [Connected, StasisStart, Disconnected, Connected, StasisStart]
    assert [each.first for each in events if isinstance(each, Connected)] == [True, False]


async def test_an_unanswered_ping_is_a_lost_connection(ari: FakeAri) -> None:
    ari.autoping = False
    async with (
        AriClient(ari.url, USER, PASSWORD) as client,
        EventStream(client, "hotline", heartbeat=0.1, backoff=QUICK) as stream,
    ):
        events = await take(stream, 3)
    assert [type(each) for each in events] == [Connected, Disconnected, Connected]


async def test_answered_pings_keep_a_quiet_connection(ari: FakeAri) -> None:
    async with (
        AriClient(ari.url, USER, PASSWORD) as client,
        EventStream(client, "hotline", heartbeat=0.05, backoff=QUICK) as stream,
    ):
        await take(stream, 1)
        await asyncio.sleep(0.5)
        assert (ari.connections, stream.waiting, stream.connected) == (1, 0, True)


def test_a_dead_network_is_noticed_within_three_seconds() -> None:
    heartbeat = inspect.signature(EventStream).parameters["heartbeat"].default
    assert heartbeat * 1.5 <= 3


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_an_asterisk_that_is_not_ready_is_asked_again_more_and_more_slowly(
    ari: FakeAri, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[tuple[float, float]] = []

    def uniform(shortest: float, longest: float) -> float:
        pauses.append((shortest, longest))
        if len(pauses) == 5:
            ari.refuse_with = 0
        return longest

    monkeypatch.setattr(stream_module.random, "uniform", uniform)
    ari.refuse_with = status
    async with (
        AriClient(ari.url, USER, PASSWORD) as client,
        EventStream(client, "hotline", backoff=(0.01, 0.05)) as stream,
    ):
        loop = asyncio.get_running_loop()
        began = loop.time()
        (connected,) = await take(stream, 1)
        assert loop.time() - began >= 0.02 + 0.04 + 3 * 0.05
    assert isinstance(connected, Connected)
    assert connected.first
    assert pauses == [(0.01, 0.02), (0.01, 0.04), (0.01, 0.05), (0.01, 0.05), (0.01, 0.05)]


async def test_nobody_there_and_then_there() -> None:
    port = free_port()
    async with (
        AriClient(f"http://127.0.0.1:{port}", USER, PASSWORD) as client,
        EventStream(client, "hotline", backoff=QUICK) as stream,
    ):
        waiting = asyncio.create_task(take(stream, 1))
        with capture_logs() as logs:
            await until(lambda: len(logs) >= 3)
        assert not waiting.done()
        fake = FakeAri(stay, stay)  # type: ignore[arg-type]
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", fake.serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            assert [type(each) for each in await waiting] == [Connected]
        finally:
            await stream.close()
            await runner.cleanup()


async def test_a_wrong_password_ends_the_stream_at_once(ari: FakeAri) -> None:
    ari.password = "another"
    async with AriClient(ari.url, USER, PASSWORD) as client, EventStream(client, "hotline", backoff=QUICK) as stream:
        with pytest.raises(Refused, match="ARI_PASSWORD"):
            await take(stream, 1)
        with pytest.raises(Refused):
            await take(stream, 1)
        await asyncio.sleep(0.1)
    assert ari.connections == 0, "the fake counts those it let in"
    assert ari.requests == []


async def test_a_name_that_was_taken_ends_the_stream_and_is_not_fought_for(ari: FakeAri) -> None:
    async def replaced(socket: web.WebSocketResponse) -> None:
        await socket.send_str(message("ApplicationReplaced"))
        await socket.send_str(start("1"))
        await stay(socket)

    ari.on_events = replaced
    async with AriClient(ari.url, USER, PASSWORD) as client, EventStream(client, "hotline", backoff=QUICK) as stream:
        async with asyncio.timeout(5):
            events = [each async for each in stream]
        await asyncio.sleep(0.1)
    assert [type(each) for each in events] == [Connected, ApplicationReplaced]
    assert ari.connections == 1


def flood(count: int, go: asyncio.Event) -> Callable[[web.WebSocketResponse], Any]:
    async def send(socket: web.WebSocketResponse) -> None:
        await go.wait()
        for number in range(count):
            await socket.send_str(start(str(number)))
        await stay(socket)

    return send


async def test_a_slow_consumer_is_told_of_the_gap_and_blocks_nobody(ari: FakeAri) -> None:
    go = asyncio.Event()
    ari.on_events = flood(25, go)
    with capture_logs() as logs:
        async with AriClient(ari.url, USER, PASSWORD) as client, EventStream(client, "hotline", limit=10) as stream:
            first = await take(stream, 1)
            go.set()
            await until(lambda: stream.dropped + stream.waiting >= 29)
            assert stream.waiting <= 10
            events = await take(stream, stream.waiting)
    # Two overflows of 10 each, the second with the two events that told of the first.
    assert stream.dropped == 20
    assert first == [Connected(application="hotline", first=True)]
    assert isinstance(events[0], Disconnected)
    assert events[1] == Connected(application="hotline", first=False)
    numbers = [int(each.channel.id) for each in events[2:] if isinstance(each, StasisStart)]
    assert numbers == list(range(numbers[0], 25)), "what came after the gap is whole"
    assert {"ari_events_pile_up", "ari_events_dropped"} <= {each["event"] for each in logs}


async def test_a_consumer_that_began_too_late_begins_with_connected(ari: FakeAri) -> None:
    go = asyncio.Event()
    go.set()
    ari.on_events = flood(12, go)
    async with AriClient(ari.url, USER, PASSWORD) as client, EventStream(client, "hotline", limit=10) as stream:
        await until(lambda: stream.dropped > 0)
        assert await take(stream, 1) == [Connected(application="hotline", first=True)]


async def test_closing_ends_a_consumer_that_waits_and_the_connection(ari: FakeAri) -> None:
    gone = asyncio.Event()

    async def watch(socket: web.WebSocketResponse) -> None:
        await stay(socket)
        gone.set()

    ari.on_events = watch
    async with AriClient(ari.url, USER, PASSWORD) as client:
        stream = EventStream(client, "hotline")
        async with stream:
            await take(stream, 1)

            async def consume() -> list[Event]:
                return [each async for each in stream]

            consumer = asyncio.create_task(consume())
            await asyncio.sleep(0)
        async with asyncio.timeout(2):
            assert await consumer == []
            await gone.wait()
        assert not stream.connected


async def test_a_cancelled_consumer_loses_no_event(ari: FakeAri) -> None:
    go = asyncio.Event()

    async def later(socket: web.WebSocketResponse) -> None:
        await go.wait()
        await socket.send_str(start("1"))
        await stay(socket)

    ari.on_events = later
    async with AriClient(ari.url, USER, PASSWORD) as client, EventStream(client, "hotline") as stream:
        await take(stream, 1)
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        go.set()
        (event,) = await take(stream, 1)
    assert isinstance(event, StasisStart)
