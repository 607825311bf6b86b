"""How long a call waits for its journal, with 300 calls at once, against one fsync per record.

python -m tests.benchmarks.bench_journal [--calls 300] [--steps 20]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from dialogue.events import Recognised
from webadmin.calls.journal import DiskJournal
from webadmin.calls.segments import Entry, Place

STEP = Recognised(1, "на улице драка, приезжайте быстрее", "ru", 0.83, "made-up", 0.4)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def grouped(folder: Path, calls: int, steps: int) -> tuple[list[float], float]:
    """Return how long each record took, and all of them together, in seconds."""
    journal = DiskJournal(folder)
    waits: list[float] = []

    async def lead() -> None:
        call_id = str(uuid4())
        for _ in range(steps):
            began = time.perf_counter()
            await journal.record(call_id, STEP)
            waits.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(calls):
            group.create_task(lead())
    whole = time.perf_counter() - began
    journal.close()
    written = len(journal.folder.read(Place(), most=10**9).lines)
    assert written == calls * steps, f"{written} of {calls * steps} records are on disk"
    return waits, whole


def one_by_one(folder: Path, line: bytes, records: int) -> float:
    """Return the seconds that ``records`` take with an fsync each."""
    handle = os.open(folder / "single", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    began = time.perf_counter()
    for _ in range(records):
        os.write(handle, line)
        os.fdatasync(handle)
    os.close(handle)
    return time.perf_counter() - began


def measure(folder: Path, calls: int = 300, steps: int = 20) -> dict[str, float]:
    """Run both and return the figures: milliseconds, records per second, and their ratio."""
    waits, whole = asyncio.run(grouped(folder, calls, steps))
    sample = min(calls * steps, 1000)
    journal_line = next(iter((folder).glob("*/000001.jsonl"))).open("rb").readline()
    Entry.from_line(journal_line)
    single = one_by_one(folder, journal_line, sample) / sample
    return {
        "calls": calls,
        "records": calls * steps,
        "p50_ms": round(1000 * percentile(waits, 0.5), 2),
        "p95_ms": round(1000 * percentile(waits, 0.95), 2),
        "max_ms": round(1000 * max(waits), 2),
        "records_per_second": round(calls * steps / whole),
        "fsync_each_records_per_second": round(1 / single),
        "ratio": round(single * calls * steps / whole, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder by default")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        found = measure(Path(folder), asked.calls, asked.steps)
    print(
        f"- {found['calls']} calls at once, {found['records']} records, each awaited: p50 {found['p50_ms']} ms, "
        f"p95 {found['p95_ms']} ms; {found['records_per_second']:,} records a second, "
        f"{found['ratio']} times as many as with an fsync each"
    )


if __name__ == "__main__":
    main()
