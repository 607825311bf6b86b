"""The same dialogue on our live door and on Pipecat, by turns in one run: cores per call, and delay of the answers.

python -m tests.benchmarks.bench_pipecat [--calls 10,20] [--seconds 15] [--rounds 2]

Callers, what they say, end silence and answers are the same, engines instant, and sound comes by WebSocket. Each of
the two serves all calls in one process: where that takes a whole core, its answers come late. Pipecat runs in a virtual
environment of its own, var/bench-venv; `make bench` makes it. PIPECAT_PYTHON names another.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.live_dialogue import END_SILENCE
from tests.benchmarks.live_engines import ANSWER_MS_SETTING
from tests.benchmarks.live_pbx import cpu_seconds
from tests.benchmarks.live_sockets import MediaPeer, Speaker, clients, spoken
from tests.benchmarks.live_sound import percentile

REPOSITORY = Path(__file__).resolve().parents[2]
PIPECAT_PYTHON = Path(os.environ.get("PIPECAT_PYTHON") or REPOSITORY / "var" / "bench-venv" / "bin" / "python")
FIRST_PORT = 40_700
OUR_PORT = 40_790
ANSWER_SECONDS = 1.2
SETTLE_SECONDS = 3.0
START_SECONDS = 120.0
SHARE_LIMIT = 0.25


@dataclass
class Measured:
    """One of the two: cores per call of each round, and seconds of delay of each answer."""

    cores: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    unanswered: int = 0


@asynccontextmanager
async def server(command: Sequence[str]) -> AsyncIterator[int]:
    """A server process that has said `ready`, and its id. Raises RuntimeError where it fails, TimeoutError."""
    environment = {**os.environ, ANSWER_MS_SETTING: str(round(ANSWER_SECONDS * 1000)), "HF_HUB_OFFLINE": "1"}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=REPOSITORY, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        if line.strip() != b"ready":
            raise RuntimeError(f"{command[1:3]} does not start")
        yield process.pid
        if process.returncode is not None:
            raise RuntimeError(f"{command[1:3]} has ended by itself")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def measure(ours: bool, calls: int, seconds: float, frames: list[bytes], measured: Measured) -> None:
    """Let the callers talk for a while and add what was found."""
    people = [Speaker(frames, ANSWER_SECONDS, 2.0 + number / calls) for number in range(calls)]
    async with AsyncExitStack() as stack:
        if ours:
            peer = await stack.enter_async_context(MediaPeer(people).listening(OUR_PORT))
            command = [sys.executable, "-m", "tests.benchmarks.live_dialogue", peer.url, str(calls)]
            process = await stack.enter_async_context(server(command))
        else:
            script = str(Path(__file__).with_name("pipecat_peer.py"))
            command = [str(PIPECAT_PYTHON), script, str(FIRST_PORT), str(calls), str(ANSWER_SECONDS)]
            process = await stack.enter_async_context(server(command))
            await stack.enter_async_context(clients(people, FIRST_PORT))
        await asyncio.sleep(SETTLE_SECONDS)
        before = [len(person.delays) for person in people], cpu_seconds(process)
        await asyncio.sleep(seconds)
        measured.cores.append((cpu_seconds(process) - before[1]) / seconds / calls)
        for person, skipped in zip(people, before[0], strict=True):
            measured.delays += person.delays[skipped:]
            measured.unanswered += person.unanswered


def report(calls: int, ours: Measured, theirs: Measured) -> bool:
    """Print the figures; return whether the limits were kept."""
    good = True
    cores = statistics.median(ours.cores), statistics.median(theirs.cores)
    share = cores[0] / cores[1] if cores[1] else float("inf")
    print(
        f"- {calls} calls at once in one process, cores a call: ours {cores[0]:.4f}, Pipecat's {cores[1]:.4f}: "
        f"ratio {share:.2f} (wanted ≤ {SHARE_LIMIT})"
    )
    good &= share <= SHARE_LIMIT
    words = []
    for name, one in (("ours", ours), ("Pipecat's", theirs)):
        words.append(
            f"{name} p50 {percentile(one.delays, 0.5) * 1000:.0f} ms, p95 {percentile(one.delays, 0.95) * 1000:.0f} ms "
            f"({len(one.delays)} answers, {one.unanswered} missing)"
        )
    print(
        f"- {calls} calls at once, caller's last word → first sound of the answer, end silence "
        f"{END_SILENCE * 1000:.0f} ms included: {'; '.join(words)} (wanted: ours not above)"
    )
    for part in (0.5, 0.95):
        good &= percentile(ours.delays, part) <= percentile(theirs.delays, part)
    return good and bool(ours.delays and theirs.delays) and not ours.unanswered


async def run(sizes: list[int], seconds: float, rounds: int) -> int:
    """Measure, and return the exit status."""
    frames = spoken()
    good = True
    for calls in sizes:
        ours, theirs = Measured(), Measured()
        for number in range(rounds):
            # Whoever comes second finds a warmer machine: they take turns.
            for which in (True, False) if number % 2 == 0 else (False, True):
                await measure(which, calls, seconds, frames, ours if which else theirs)
        good &= report(calls, ours, theirs)
        sys.stdout.flush()
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", default="10,20")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    if not PIPECAT_PYTHON.exists():
        sys.exit("Pipecat is not installed: run `make bench`, which puts it into var/bench-venv")
    sys.exit(asyncio.run(run([int(size) for size in given.calls.split(",")], given.seconds, given.rounds)))
