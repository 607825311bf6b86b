"""300 whole calls at once through door, dialogue and journal, with instant engines: lost, mixed, our share of a turn.

python -m tests.benchmarks.bench_calls [--calls 300]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Any

import structlog

from agi.routes import AgiCall, routes
from agi.server import FastAgiServer
from dialogue.call import Call, CallFacts
from dialogue.conversation import Conversation
from dialogue.ports import ListenLimits, SttRequest
from dialogue.resilience import Policy, Recogniser, Speaker, SpeechCache, Thinker
from dialogue.scenarios.registry import load
from dialogue.turns import Transcript
from tests.benchmarks.agi_load import Load, place_calls
from tests.fakes.dialogue import ScriptedStt, ScriptedTts
from tests.fakes.loudness import Loudness
from webadmin.calls.journal import DiskJournal

P95_LIMIT = 0.050
"""Seconds."""

POLICY = Policy(budget=10.0, attempt=10.0)
SAID = "a man with a knife is attacking my wife at twelve green street"


class InstantStt(ScriptedStt):
    """Hears the same sentence in any sound."""

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        async for _ in chunks:
            pass
        yield Transcript(SAID, "en", 0.9, self.name)


def steps_on_disk(folder: Path) -> list[dict[str, Any]]:
    """Every step that the journal kept."""
    return [json.loads(line) for segment in folder.rglob("*.jsonl") for line in segment.read_text().splitlines()]


async def measure(count: int, ramp: float) -> tuple[int, int, int, list[float]]:
    """Return calls lost, calls mixed, journalled steps, and our share of each step in seconds, ascending."""
    with tempfile.TemporaryDirectory() as folder:
        journal = DiskJournal(Path(folder, "journal"))
        recogniser = Recogniser([InstantStt()], POLICY)
        speaker = Speaker([ScriptedTts()], SpeechCache(), POLICY)
        limits = ListenLimits(initial_silence=5.0, end_silence=0.5)

        async def handler(call: AgiCall) -> None:
            facts = CallFacts(call.call_id, "intake_102", "en", "agi", call.caller, call.dialled, {"stt": "instant"})
            talk = Conversation(load("intake_102").open("en"), Thinker([], POLICY))
            await Call(facts, call.line, talk, recogniser, speaker, journal, limits).run()

        stop = asyncio.Event()
        spool = Path(folder, "spool")
        served = routes({"intake_102": handler}, spool, PurePosixPath(spool), Loudness())
        server = FastAgiServer("127.0.0.1", 0, served, max_calls=count)
        serving = asyncio.create_task(server.serve(stop))
        await server.started.wait()
        load_wanted = Load(server.port, count, "intake_102", language="en", spool=str(spool), ramp=ramp)
        results = await place_calls(load_wanted)
        stop.set()
        await serving
        journal.close()
        lines = steps_on_disk(Path(folder, "journal"))
    kinds: dict[str, list[str]] = {}
    for line in lines:
        kinds.setdefault(line["call_id"], []).append(line["kind"])
    whole = {call for call, steps in kinds.items() if steps.count("call_started") == steps.count("call_ended") == 1}
    mixed = sum(seen.call_id not in whole or seen.variables.get("CALL_REASON") != "critical" for seen in results.seen)
    return len(results.lost), mixed, len(lines), results.latencies


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=300)
    given = parser.parse_args()
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    kept = [report(given.calls, ramp) for ramp in (3.0, 0.0)]
    return 0 if all(kept) else 1


def report(calls: int, ramp: float) -> bool:
    """Measure, print a line, and return whether nothing was lost or mixed and the limit was kept."""
    lost, mixed, steps, shares = asyncio.run(measure(calls, ramp))
    p50, p95 = statistics.median(shares), shares[int(0.95 * len(shares))]
    arrival = f"arriving within {ramp:.0f} s" if ramp else "arriving in one instant"
    print(
        f"- {calls} whole calls at once, {arrival} (greeting, one utterance, transfer; rules, journal with fsync): "
        f"{lost} lost, {mixed} mixed, {steps} steps on disk; our share of a step p50 {p50 * 1000:.1f} ms, "
        f"p95 {p95 * 1000:.1f} ms (wanted ≤ {P95_LIMIT * 1000:.0f} ms), worst {shares[-1] * 1000:.0f} ms"
    )
    return not lost and not mixed and p95 <= P95_LIMIT


if __name__ == "__main__":
    sys.exit(main())
