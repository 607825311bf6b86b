"""What every door as a process needs: a journal that reaches the database, the spool, and an orderly stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import structlog

from webadmin.calls.journal import DiskJournal
from webadmin.calls.keeper import keep_records
from webadmin.calls.shipping import OUTAGE, DatabaseThread, ship_closed
from webadmin.config import Config
from webadmin.operations.record_keeper import LAST_SHIPMENT_SECONDS, RecordKeeper

log = structlog.get_logger(__name__)

SPOOL_FOLDERS = ("speech", "utterances", "recordings", "ended")


@asynccontextmanager
async def open_journal(chosen: Config) -> AsyncIterator[DiskJournal]:
    """A journal that a process of its own carries into the database while it is open, and to its end afterwards."""
    journal = DiskJournal(chosen.journal_dir)
    keeper = RecordKeeper(journal, chosen.spool_dir)
    keeping = asyncio.create_task(keeper.run())
    try:
        yield journal
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await asyncio.to_thread(journal.close)
        if not await keeper.finish():
            await _ship_the_rest(journal)


@asynccontextmanager
async def open_journal_here(chosen: Config) -> AsyncIterator[DiskJournal]:
    """The same within this process, for a single call whose answers nobody waits for."""
    journal = DiskJournal(chosen.journal_dir)
    keeping = asyncio.create_task(keep_records(journal, chosen.spool_dir))
    try:
        yield journal
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await asyncio.to_thread(journal.close)
        await _ship_the_rest(journal)


def prepare_spool(spool: Path) -> None:
    """Make the folders shared with Asterisk, writable for its group."""
    for name in SPOOL_FOLDERS:
        folder = spool / name
        if not folder.exists():
            folder.mkdir(parents=True)
            # Files made in it belong to the folder's group, which Asterisk's user and ours share.
            folder.chmod(0o2770)


async def _ship_the_rest(journal: DiskJournal) -> None:
    thread = DatabaseThread("last-shipment")
    try:
        async with asyncio.timeout(LAST_SHIPMENT_SECONDS):
            await thread.run(ship_closed, journal)
    except (TimeoutError, *OUTAGE) as error:
        log.warning("journal_left_for_next_start", stage="journal", error=type(error).__name__)
    finally:
        await thread.close()


@contextmanager
def stopped_by_signal(stop: asyncio.Event) -> Iterator[None]:
    """While the block runs, SIGTERM and SIGINT set ``stop``."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
