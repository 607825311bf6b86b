"""``manage.py keep_records``: a door's helper, which brings the door's journal into the database as it grows."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from django.core.management.base import CommandParser

from webadmin.calls.following import FollowedJournal
from webadmin.calls.keeper import keep_records
from webadmin.calls.shipping import OUTAGE, DatabaseThread, ship_closed
from webadmin.operations.command import HotlineCommand

log = structlog.get_logger(__name__)


class Command(HotlineCommand):
    help = "Keep the records of the door that starts this; it says on standard input how far its journal has come."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--journals", type=Path, required=True, help="folder of all journals")
        parser.add_argument("--name", required=True, help="of the door's own folder in it")
        parser.add_argument("--spool", type=Path, required=True, help="folder shared with the PBX")

    def handle(self, *args: Any, **options: Any) -> None:
        # Records can wait, a caller cannot. Niceness is not enough: a process of the least still ends its slice of time
        # before one that wakes up gets the processor.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        # The door decides when this ends, by closing its end of the pipe; so does its death.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.run_async(self._keep(FollowedJournal(options["journals"], options["name"]), options["spool"]))

    async def _keep(self, journal: FollowedJournal, spool: Path) -> None:
        lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        keeping = asyncio.create_task(keep_records(journal, spool))
        try:
            if not await journal.follow(lines):
                log.warning("door_gone", stage="journal")
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
        await self._ship_the_rest(journal)

    async def _ship_the_rest(self, journal: FollowedJournal) -> None:
        thread = DatabaseThread("last-shipment")
        try:
            await thread.run(ship_closed, journal)
        except OUTAGE as error:
            log.warning("journal_left_for_next_start", stage="journal", error=type(error).__name__)
        finally:
            await thread.close()
