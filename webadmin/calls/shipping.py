"""Carries the journal into the database: this process's as it grows, and what dead processes left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection, connections

from webadmin.calls.following import Growing
from webadmin.calls.projection import apply_batch
from webadmin.calls.reconcile import close_calls_of_dead_door
from webadmin.calls.segments import BadLine, Entry, Folder, Place, Position, folders, keep_rejected

log = structlog.get_logger(__name__)

T = TypeVar("T")

ENDED = "call_ended"
BATCH = 500
GATHER_SECONDS = 0.25
"""How long further lines are waited for: they come one by one, and a commit costs as much as many of them."""

FIRST_WAIT = 0.2
LONGEST_WAIT = 10.0

OUTAGE = (DatabaseError, InterfaceError, OSError)
"""Errors of a database or a disk that is away. Others are faults of ours; after either the same is tried again."""


class FolderReader:
    """Brings one folder's lines into the database, from the place kept on. Blocking; for one thread at a time.

    Args:
        root: folder of all journals.
        folder: the one to read; its lock is held by this process.
    """

    def __init__(self, root: Path, folder: Folder) -> None:
        self._root = root
        self._folder = folder
        self._position: Position | None = None

    def ship(self, end: Place | None = None) -> tuple[int, set[UUID]]:
        """Apply the next lines, up to `BATCH`.

        Args:
            end: read no further than this; None reads to the end of what a dead process left.

        Returns:
            How many lines were read, and the calls that have a new end.

        Raises:
            django.db.DatabaseError, django.db.InterfaceError, OSError: nothing is lost; call again later.
        """
        position = self._position or self._folder.load_position()
        chunk = self._folder.read(position.place, end, most=BATCH)
        if not chunk.lines and chunk.end == position.place:
            self._position = position
            return 0, set()
        entries, bad = _parsed(chunk.lines)
        applied = apply_batch(entries)
        keep_rejected(self._root, [*bad, *(entry.to_line() for entry in applied.rejected)])
        if bad:
            log.error("journal_lines_rejected", stage="journal", lines=len(bad))
        open_calls = _still_open(position.open_calls, entries)
        self._position = Position(chunk.end, open_calls)
        self._folder.save_position(self._position)
        self._folder.drop_segments_before(chunk.end.segment)
        return len(chunk.lines), applied.ended

    @property
    def open_calls(self) -> set[UUID]:
        """Calls that have begun in this folder and not ended."""
        return set((self._position or self._folder.load_position()).open_calls)


def adopt_dead_folders(root: Path) -> set[UUID]:
    """Bring in what dead processes left, end their calls, and clear their folders away. Blocking.

    Returns:
        The calls that have a new end.

    Raises:
        django.db.DatabaseError, django.db.InterfaceError, OSError: what was done stays done; call again later.
    """
    ended: set[UUID] = set()
    for folder in folders(root):
        if not folder.acquire():
            continue
        try:
            ended |= ship_all(root, folder)
        finally:
            folder.release()
    return ended


def ship_all(root: Path, folder: Folder) -> set[UUID]:
    """Bring in everything a folder whose lock is held has, end the calls left open, and delete it.

    Returns and raises as `adopt_dead_folders`.
    """
    reader = FolderReader(root, folder)
    ended: set[UUID] = set()
    lines = 0
    while (step := reader.ship())[0]:
        lines += step[0]
        ended |= step[1]
    closed = close_calls_of_dead_door(reader.open_calls)
    folder.remove()
    log.info("journal_adopted", stage="journal", folder=folder.name, lines=lines, calls_closed=len(closed))
    return ended | closed


@dataclass(slots=True)
class Outage:
    """Whether the database is away, so that the log says it once, and how long to wait before the next attempt."""

    what: str
    wait: float = 0.0

    def lost(self, error: BaseException) -> float:
        """Note a failed attempt and return the seconds to wait."""
        if not self.wait:
            fault = None if isinstance(error, OUTAGE) else error
            log.error(f"{self.what}_lost", stage="database", error=type(error).__name__, exc_info=fault)
        self.wait = min(self.wait * 2 or FIRST_WAIT, LONGEST_WAIT)
        return self.wait

    def back(self) -> None:
        """Note an attempt that went well."""
        if self.wait:
            log.info(f"{self.what}_back", stage="database")
        self.wait = 0.0


class DatabaseThread:
    """The one thread in which an asyncio program uses Django's database: its connection is reused, and closed."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Call ``function`` there and return what it returns. Cancelled, the call still runs to its end."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._call, function, args)

    async def close(self) -> None:
        """Close the connection and end the thread, once its last call has returned."""
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._pool, connections.close_all))
        self._pool.shutdown(wait=False)

    @staticmethod
    def _call(function: Callable[..., T], args: tuple[object, ...]) -> T:
        close_old_connections()
        try:
            return function(*args)
        except (DatabaseError, InterfaceError):
            connection.close()
            raise


class JournalShipper:
    """Carries a journal into the database.

    Args:
        journal: the door's; this process is the only one that carries it.
        on_end: called from the database's thread with the ids of calls that have a new end, after the commit.
    """

    def __init__(self, journal: Growing, on_end: Callable[[set[UUID]], None] = lambda ids: None) -> None:
        self._journal = journal
        self._on_end = on_end
        self._reader = FolderReader(journal.root, journal.folder)

    async def run(self) -> None:
        """Carry on until cancelled, waiting out times without a database."""
        loop = asyncio.get_running_loop()
        more = asyncio.Event()
        thread = DatabaseThread("journal-shipper")
        outage = Outage("database")

        def grown() -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(more.set)

        self._journal.add_listener(grown)
        try:
            while True:
                more.clear()
                try:
                    lines = await thread.run(self._ship)
                except Exception as error:
                    await asyncio.sleep(outage.lost(error))
                    continue
                outage.back()
                if not lines:
                    await more.wait()
                    await asyncio.sleep(GATHER_SECONDS)
        finally:
            self._journal.remove_listener(grown)
            await thread.close()

    def _ship(self) -> int:
        lines, ended = self._reader.ship(self._journal.synced)
        if ended:
            self._on_end(ended)
        return lines


def ship_closed(journal: Growing) -> set[UUID]:
    """Bring in what a journal that was just closed still has, and clear its folder away. Blocking.

    Where the database is away the folder stays, and the next process adopts it. Returns and raises as
    `adopt_dead_folders`.
    """
    if not journal.folder.acquire():
        return set()
    try:
        return ship_all(journal.root, journal.folder)
    finally:
        journal.folder.release()


def _parsed(lines: Iterable[bytes]) -> tuple[list[Entry], list[bytes]]:
    entries: list[Entry] = []
    bad: list[bytes] = []
    for line in lines:
        try:
            entries.append(Entry.from_line(line))
        except BadLine:
            bad.append(line)
    return entries, bad


def _still_open(before: set[UUID], entries: Iterable[Entry]) -> set[UUID]:
    after = set(before)
    for entry in entries:
        if entry.kind == ENDED:
            after.discard(entry.call_id)
        else:
            after.add(entry.call_id)
    return after
