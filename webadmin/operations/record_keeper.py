"""A door's record keeper as a process of its own.

A thread beside the door's event loop would take the interpreter's lock from it a thousand times a second: measured,
answers come late by a second at 100 live calls (docs/decisions/0015-record-keeper.md).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog

from webadmin.calls.following import CLOSED, place_line
from webadmin.calls.journal import DiskJournal
from webadmin.operations.processes import python

log = structlog.get_logger(__name__)

REPOSITORY = Path(__file__).resolve().parents[2]
LAST_SHIPMENT_SECONDS = 20.0
START_AGAIN_SECONDS = 1.0
TELL_SECONDS = 0.1
"""Between two places that are said: more often would cost the calls time and bring nothing sooner to a person."""

UNREAD_BYTES = 65_536
"""What a keeper that hangs may leave unread; places are said again later."""


class RecordKeeper:
    """Runs ``manage.py keep_records`` for a journal, again where it dies.

    Args:
        journal: of this process.
        spool: folder shared with the PBX.
    """

    def __init__(self, journal: DiskJournal, spool: Path) -> None:
        self._journal = journal
        self._spool = spool
        self._more = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Keep a keeper going until cancelled."""
        loop = asyncio.get_running_loop()

        def grown() -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._more.set)

        self._journal.add_listener(grown)
        try:
            while True:
                try:
                    await self._start()
                except OSError as error:
                    # Out of memory or of processes: the journal has it all meanwhile.
                    log.error("record_keeper_not_started", stage="journal", error=type(error).__name__)
                else:
                    await self._tell_until_gone()
                    log.error("record_keeper_ended", stage="journal", status=self._process and self._process.returncode)
                await asyncio.sleep(START_AGAIN_SECONDS)
        finally:
            self._journal.remove_listener(grown)

    async def finish(self) -> bool:
        """The journal is closed: have the rest brought in, and end.

        Returns:
            False where there was no keeper to do it; what is left then waits for the next start.
        """
        process = self._process
        if process is None or process.returncode is not None:
            return False
        assert process.stdin is not None
        with suppress(ConnectionError):
            process.stdin.write(CLOSED + b"\n")
            process.stdin.close()
        try:
            async with asyncio.timeout(LAST_SHIPMENT_SECONDS):
                await process.wait()
        except TimeoutError:
            log.warning("journal_left_for_next_start", stage="journal", error="TimeoutError")
            process.kill()
            await process.wait()
        return True

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            python(),
            "manage.py",
            "keep_records",
            "--journals",
            str(self._journal.root),
            "--name",
            self._journal.folder.name,
            "--spool",
            str(self._spool),
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
        )
        self._more.set()

    async def _tell_until_gone(self) -> None:
        """Say how far the journal has come, each time it has."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        gone = asyncio.create_task(process.wait())
        try:
            while not gone.done():
                news = asyncio.create_task(self._more.wait())
                await asyncio.wait({gone, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                self._more.clear()
                if process.stdin.transport.get_write_buffer_size() < UNREAD_BYTES:
                    with suppress(ConnectionError):
                        process.stdin.write(place_line(self._journal.synced))
                await asyncio.sleep(TELL_SECONDS)
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
