"""The media transports alone: what a call's sound costs us in CPU, and how even our AudioSocket clock is.

python -m tests.benchmarks.bench_media [--streams 100] [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import logging
import struct
import sys
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import structlog

from ari_app.media.audiosocket import AudioSocketServer
from ari_app.media.stream import MediaStream
from ari_app.media.websocket import WebSocketMedia

FRAME_SECONDS = 0.02
SECOND = bytes(range(256)) * 125
"""Of sound: 32,000 bytes, 16 kHz."""
BURST_SECONDS = 10
LIMIT = 0.1
"""Milliseconds of CPU for a frame in and a frame out: half of what all layers of a call may take."""
GAP_LIMIT = 0.060
"""Seconds between two frames of one AudioSocket, 99 of 100: what a caller may hear as a gap."""

MEDIA_START = b"MEDIA_START connection_id:x channel:x channel_id:x format:slin16 optimal_frame_size:640 ptime:20"
VOICE_BY_WEBSOCKET = b"\x82\x7e" + struct.pack("!H", 640) + SECOND[:640]
VOICE_BY_AUDIOSOCKET = struct.pack("!BH", 0x12, 640) + SECOND[:640]


class Talking(asyncio.Protocol):
    """The cheapest Asterisk there is, so that our end is what is measured: it talks, and only counts what it gets."""

    voice = b""

    def __init__(self, peers: set[Talking], gaps: list[float]) -> None:
        self.transport: asyncio.Transport | None = None
        self._peers, self._gaps = peers, gaps
        self._last = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        self._peers.discard(self)

    def _begin(self, first: bytes) -> None:
        assert self.transport is not None
        self.transport.write(first)
        self._peers.add(self)


class TalkingWebSocket(Talking):
    voice = VOICE_BY_WEBSOCKET
    _head: bytes | None = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            return
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return
        lines = self._head.decode("latin-1").split("\r\n")
        key = next(line.split(": ")[1] for line in lines if line.lower().startswith("sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        self._head = None
        self._begin(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: media\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            b"\x81" + bytes([len(MEDIA_START)]) + MEDIA_START
        )


class TalkingAudioSocket(Talking):
    voice = VOICE_BY_AUDIOSOCKET

    def __init__(self, peers: set[Talking], gaps: list[float], name: bytes) -> None:
        super().__init__(peers, gaps)
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._begin(struct.pack("!BH", 1, 16) + self._name)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._last:
            self._gaps.append(now - self._last)
        self._last = now


async def _talk(pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    peers: set[Talking] = set()
    gaps: list[float] = []
    server = await loop.create_server(lambda: TalkingWebSocket(peers, gaps), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    due = loop.time()
    while True:
        due += FRAME_SECONDS
        await asyncio.sleep(max(0.0, due - loop.time()))
        for peer in list(peers):
            assert peer.transport is not None
            peer.transport.write(peer.voice)
        if pipe.poll():
            match pipe.recv():
                case ("connect", port, names):
                    for name in names:
                        await loop.create_connection(
                            lambda name=name: TalkingAudioSocket(peers, gaps, name), "127.0.0.1", port
                        )
                case "gaps":
                    pipe.send(sorted(gaps))
                case _:
                    break
    server.close()


def peers(pipe: Connection) -> None:
    """In the other process."""
    asyncio.run(_talk(pipe))


async def load(streams: list[MediaStream], seconds: float) -> tuple[float, int]:
    """Have every stream hear and speak; return the CPU seconds taken, and how many frames of 20 ms were heard."""
    heard = [0]

    async def hear(stream: MediaStream) -> None:
        async for piece in stream.hear():
            assert isinstance(piece, bytes)
            heard[0] += len(piece)

    async def speak(stream: MediaStream) -> None:
        while True:
            await stream.play(SECOND * BURST_SECONDS)

    tasks = [asyncio.create_task(work(stream)) for stream in streams for work in (hear, speak)]
    # Connecting and the first burst are no part of a call's even load.
    await asyncio.sleep(1.0)
    before, heard_before = time.process_time(), heard[0]
    await asyncio.sleep(seconds)
    taken, frames = time.process_time() - before, (heard[0] - heard_before) // 640
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [end for end in ends if not isinstance(end, asyncio.CancelledError)]
    if failed:
        raise AssertionError(failed[0])
    return taken, frames


async def by_websocket(pipe: Connection, port: int, streams: int, seconds: float) -> bool:
    """Measure chan_websocket; return whether it is within the limit."""
    async with AsyncExitStack() as stack:
        media: list[MediaStream] = []
        for _ in range(streams):
            one = await WebSocketMedia.connect(f"ws://127.0.0.1:{port}/media/x")
            stack.push_async_callback(one.close)
            media.append(one)
        return report("chan_websocket", streams, seconds, *await load(media, seconds))


async def by_audiosocket(pipe: Connection, port: int, streams: int, seconds: float) -> bool:
    """Measure AudioSocket; return whether it is within the limits."""
    async with AudioSocketServer("127.0.0.1", 0) as server, AsyncExitStack() as stack:
        names = [uuid.uuid4() for _ in range(streams)]
        expected = [server.announce(name) for name in names]
        pipe.send(("connect", server.address[1], [name.bytes for name in names]))
        media: list[MediaStream] = []
        for announcement in expected:
            one = await announcement
            stack.push_async_callback(one.close)
            media.append(one)
        good = report("AudioSocket", streams, seconds, *await load(media, seconds))
        pipe.send("gaps")
        gaps: list[float] = await asyncio.to_thread(pipe.recv)
        p99 = gaps[int(0.99 * len(gaps))]
        print(
            f"- AudioSocket, {streams} streams, time between two frames as the peer sees it: "
            f"p50 {gaps[len(gaps) // 2] * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms (wanted ≤ {GAP_LIMIT * 1000:.0f} ms), "
            f"longest {gaps[-1] * 1000:.1f} ms"
        )
        return good and p99 <= GAP_LIMIT


def report(name: str, streams: int, seconds: float, taken: float, frames: int) -> bool:
    """Print the figures; return whether the CPU is within the limit and no frame was lost."""
    wanted = streams * seconds / FRAME_SECONDS
    each = taken * 1000 / wanted
    print(
        f"- {name}, {streams} streams of 16 kHz both ways: {each:.3f} ms of CPU a frame in and out "
        f"(wanted ≤ {LIMIT}), {taken / seconds / streams:.4f} cores a stream, {frames / wanted:.1%} of the frames heard"
    )
    return each <= LIMIT and frames >= 0.98 * wanted


async def main(streams: int, seconds: float) -> int:
    measures: list[Callable[[Connection, int, int, float], Coroutine[Any, Any, bool]]] = [by_websocket, by_audiosocket]
    good = True
    for measure in measures:
        context = get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=peers, args=(there,), daemon=True)
        process.start()
        try:
            port = await asyncio.to_thread(here.recv)
            good &= await measure(here, port, streams, seconds)
        finally:
            here.send("end")
            await asyncio.to_thread(process.join, 5)
            process.kill()
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sys.exit(asyncio.run(main(given.streams, given.seconds)))
