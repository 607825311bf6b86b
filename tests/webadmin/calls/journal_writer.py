"""A process that records calls without end and tells what was acknowledged; the tests kill it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from uuid import UUID, uuid4

from dialogue.events import CallStarted, StageFailed
from webadmin.calls.journal import DiskJournal


async def one_call(journal: DiskJournal, call_id: UUID) -> None:
    number = 0
    await journal.record(str(call_id), CallStarted("intake_102", "ru", "agi"))
    while True:
        number += 1
        sys.stdout.write(f"{call_id} {number}\n")
        sys.stdout.flush()
        await journal.record(str(call_id), StageFailed(number, "scenario", "made_up", "x" * (number % 700)))


async def main(root: Path) -> None:
    journal = DiskJournal(root, segment_bytes=20_000)
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(one_call(journal, uuid4()))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
