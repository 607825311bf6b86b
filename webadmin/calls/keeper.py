"""Keeps the records of a door's process: its journal and the PBX's reports into the database, the rest to the tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

from webadmin.calls import end_reports, services, tasks
from webadmin.calls.following import Growing
from webadmin.calls.reconcile import close_abandoned_calls
from webadmin.calls.shipping import DatabaseThread, JournalShipper, Outage, adopt_dead_folders
from webadmin.incidents import review

REPORT_SECONDS = 2.0
ADOPT_SECONDS = 5.0
ABANDONED_SECONDS = 60.0
SWEEP_SECONDS = 60.0
CLAIMS_SECONDS = 60.0
RETENTION_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class _Chore:
    """Something done again and again: a blocking function, and the seconds between two of its runs."""

    name: str
    work: Callable[[], object]
    every: float


async def keep_records(journal: Growing, spool: Path) -> None:
    """Run until cancelled. Times without a database are waited out; nothing is lost in them.

    Args:
        journal: of the door, which its writer closes afterwards (see `shipping.ship_closed`).
        spool: folder the PBX writes to; its ``ended`` has the end reports.
    """
    chores = [
        _Chore("adoption", lambda: _ask(adopt_dead_folders(journal.root)), ADOPT_SECONDS),
        _Chore("end_reports", lambda: _ask(end_reports.read_folder(spool / "ended")), REPORT_SECONDS),
        _Chore("abandoned_calls", lambda: _ask(close_abandoned_calls()), ABANDONED_SECONDS),
    ]
    if settings.CELERY_TASK_ALWAYS_EAGER:
        # No broker, so no beat either.
        chores += [
            _Chore("sweep", lambda: tasks.ask_to_finish(services.overdue()), SWEEP_SECONDS),
            _Chore("claims", review.release_lapsed, CLAIMS_SECONDS),
            _Chore("retention", lambda: tasks.in_background(services.apply_retention), RETENTION_SECONDS),
        ]
    thread = DatabaseThread("record-keeper")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(JournalShipper(journal, on_end=_ask).run())
            for chore in chores:
                group.create_task(_repeat(chore, thread))
    finally:
        await thread.close()


async def _repeat(chore: _Chore, thread: DatabaseThread) -> None:
    outage = Outage(chore.name)
    while True:
        try:
            await thread.run(chore.work)
        except Exception as error:
            await asyncio.sleep(outage.lost(error))
            continue
        outage.back()
        await asyncio.sleep(chore.every)


def _ask(call_ids: set[UUID]) -> None:
    """Have those of the calls finished that are ready for it."""
    if call_ids:
        tasks.ask_to_finish(services.ready_to_finish(call_ids))
