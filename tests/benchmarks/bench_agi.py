"""The AGI door alone: commands per second against bare panoramisk, and 300 calls at once.

python -m tests.benchmarks.bench_agi [--calls 300] [--rounds 7] [--connections 20] [--commands 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path, PurePosixPath

import structlog
from panoramisk.fast_agi import Application, Request

from agi.routes import AgiCall, routes
from agi.server import FastAgiServer
from agi.session import AgiSession
from dialogue.ports import ListenLimits
from dialogue.turns import TransferReason, Utterance
from tests.benchmarks.agi_load import Load, place_calls
from tests.fakes.agi_peer import header_block
from tests.fakes.loudness import Loudness, tone

ANSWER = b"200 result=1\n"
P95_LIMIT = 0.050
"""Seconds."""


class Answering(asyncio.Protocol):
    """The cheapest PBX there is, so that the server is what is measured."""

    def __init__(self, done: asyncio.Future[None]) -> None:
        self._done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(header_block("try", ("", "ru")))

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * data.count(b"\n"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._done.set_result(None)


async def _round(port: int, connections: int) -> float:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    ends = [loop.create_future() for _ in range(connections)]
    for done in ends:
        await loop.create_connection(lambda done=done: Answering(done), "127.0.0.1", port)
    await asyncio.gather(*ends)
    return time.perf_counter() - began


def peers(pipe: Connection) -> None:
    """In the other process: take ports, return how long a round took in seconds."""
    while order := pipe.recv():
        pipe.send(asyncio.run(_round(*order)))


async def throughput(rounds: int, connections: int, commands: int) -> tuple[float, float, float]:
    """Return commands per second of ours and of panoramisk, and the median of the ratios round by round."""

    async def ours(session: AgiSession) -> None:
        for _ in range(commands):
            await session.command("NOOP")

    async def theirs(request: Request) -> None:
        for _ in range(commands):
            await request.send_command("NOOP")

    bare = Application()
    bare.add_route("try", theirs)
    bare_server = await asyncio.start_server(bare.handler, "127.0.0.1", 0)
    stop = asyncio.Event()
    server = FastAgiServer("127.0.0.1", 0, {"try": ours})
    serving = asyncio.create_task(server.serve(stop))
    await server.started.wait()
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=peers, args=(there,), daemon=True)
    process.start()

    async def measure(port: int) -> float:
        here.send((port, connections))
        return connections * commands / await asyncio.to_thread(here.recv)

    bare_port = bare_server.sockets[0].getsockname()[1]
    for port in (server.port, bare_port):
        await measure(port)
    pairs = []
    for number in range(rounds):
        # Whoever comes second finds a warmer machine: they take turns.
        order = (server.port, bare_port) if number % 2 else (bare_port, server.port)
        rate = {port: await measure(port) for port in order}
        pairs.append((rate[server.port], rate[bare_port]))
    here.send(None)
    process.join(10)
    stop.set()
    await serving
    bare_server.close()
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


class Prompt:
    """A speech that is there at once."""

    text, rate, cache_key = "Слушаю вас", 16_000, "0" * 64

    async def chunks(self):  # type: ignore[no-untyped-def]
        yield tone(0.5, 16_000)


async def calls_at_once(count: int) -> tuple[int, int, float, float]:
    """Have calls greeted, heard and transferred; return lost, mixed, p50 and p95 of our share in seconds."""
    limits = ListenLimits(initial_silence=3.0, end_silence=0.5)

    async def handler(call: AgiCall) -> None:
        await call.line.say(Prompt())
        heard = await call.line.listen(limits)
        # Whose file it was shows in its name; the marker goes to the channel it came from.
        if isinstance(heard, Utterance) and call.call_id in heard.source:
            await call.line.transfer(TransferReason.CRITICAL, None)

    with tempfile.TemporaryDirectory() as folder:
        stop = asyncio.Event()
        served = routes({"try": handler}, Path(folder), PurePosixPath(folder), Loudness())
        server = FastAgiServer("127.0.0.1", 0, served, max_calls=count)
        serving = asyncio.create_task(server.serve(stop))
        await server.started.wait()
        results = await place_calls(Load(server.port, count, "try", spool=folder))
        stop.set()
        await serving
        kept = await asyncio.to_thread(lambda: {path.parent.name for path in Path(folder).glob("utterances/*/1.wav")})
    mixed = sum(call.call_id not in kept for call in results.seen)
    shares = results.latencies
    return len(results.lost), mixed, statistics.median(shares), shares[int(0.95 * len(shares))]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--commands", type=int, default=1000)
    given = parser.parse_args()
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    ours, theirs, ratio = asyncio.run(throughput(given.rounds, given.connections, given.commands))
    print(f"- AGI commands per second: {ours:,.0f}, bare panoramisk {theirs:,.0f}: ratio {ratio:.2f} (wanted ≥ 1)")
    lost, mixed, p50, p95 = asyncio.run(calls_at_once(given.calls))
    print(
        f"- {given.calls} calls at once, arriving within 3 s, greeted, heard, transferred: {lost} lost, {mixed} mixed; "
        f"our share of a step "
        f"p50 {p50 * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms (wanted ≤ {P95_LIMIT * 1000:.0f} ms)"
    )
    return 0 if ratio >= 1.0 and not lost and not mixed and p95 <= P95_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
