"""The journal on disk: each step of a call is there before the next begins, whatever becomes of the database.

A call waits for its record, and 300 calls wait at once, so a thread writes whatever is pending with one write and one
fsync (group commit): the more calls, the more records share an fsync. Knows no Django.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from dialogue.errors import JournalError
from dialogue.events import CallEnded, Event, kind_of, to_record
from webadmin.calls.segments import Entry, Folder, Place, sync_folder

log = structlog.get_logger(__name__)

RECORD_SECONDS = 5.0
"""How long a call waits for the disk before it goes to a person."""

SEGMENT_BYTES = 16 << 20
ENDED_CALLS_KEPT = 1000
"""Calls that ended and whose count is kept: a step may still follow the end, such as a transfer that failed."""

MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class _Pending:
    line: bytes
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class DiskJournal:
    """Keeps the steps of calls in a folder of its own. Implements `dialogue.ports.Journal`.

    Args:
        root: folder of all journals.
        instance: name that people recognise the process by; the host's name where empty.
        segment_bytes: size at which a new file is begun.
        record_seconds: how long `record` waits for the disk.

    Raises:
        JournalError: the folder cannot be made.
    """

    def __init__(
        self,
        root: Path,
        *,
        instance: str = "",
        segment_bytes: int = SEGMENT_BYTES,
        record_seconds: float = RECORD_SECONDS,
    ) -> None:
        self.root = root
        self._segment_bytes = segment_bytes
        self._record_seconds = record_seconds
        # A folder of its own for each process: what an earlier one of that name left is adopted, never appended to.
        name = f"{instance or os.uname().nodename}.{time.time_ns():x}.{os.getpid()}"
        try:
            self.folder = Folder.create(root, name)
        except OSError as error:
            raise JournalError("folder", f"the journal's folder cannot be used: {error.strerror}") from error
        self._segment = 1
        self._file: int | None = None
        self._size = 0
        self._synced = Place(self._segment, 0)
        self._numbers: dict[UUID, int] = {}
        self._ended: deque[UUID] = deque()
        self._last_at = datetime.min.replace(tzinfo=UTC)
        self._pending: deque[_Pending] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._failing = False
        self._listeners: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._write_on, name="journal", daemon=True)
        self._thread.start()

    @property
    def synced(self) -> Place:
        """The place up to which everything is on disk."""
        return self._synced

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` from the writing thread each time more is on disk."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        self._listeners.remove(listener)

    async def record(self, call_id: str, event: Event) -> None:
        """Return once the event is on disk.

        Cancelled while it waits, the event is still written, once.

        Raises:
            JournalError: the disk refused or took too long, the call's id is no UUID, or the journal is closed.
        """
        try:
            call = UUID(call_id)
        except ValueError as error:
            raise JournalError("call_id", "the call's id is not a UUID") from error
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._wake:
            if self._closing:
                raise JournalError("closed", "the journal is closed")
            line = self._next_entry(call, event).to_line()
            self._pending.append(_Pending(line, loop, done))
            self._wake.notify()
        try:
            async with asyncio.timeout(self._record_seconds):
                await done
        except TimeoutError as error:
            raise JournalError("timeout", f"the disk took longer than {self._record_seconds:g} s") from error

    def close(self) -> None:
        """Write what is pending, then let go of the folder. Blocks until the disk has it."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._close_file()
        self.folder.release()

    def _next_entry(self, call: UUID, event: Event) -> Entry:
        number = self._numbers.get(call, 0) + 1
        self._numbers[call] = number
        if isinstance(event, CallEnded):
            self._ended.append(call)
            if len(self._ended) > ENDED_CALLS_KEPT:
                self._numbers.pop(self._ended.popleft(), None)
        # Time and kind identify an entry in the database, also where the clock is set back.
        self._last_at = max(datetime.now(UTC), self._last_at + MICROSECOND)
        return Entry(call, number, self._last_at, kind_of(event), to_record(event))

    def _write_on(self) -> None:
        while True:
            with self._wake:
                while not self._pending and not self._closing:
                    self._wake.wait()
                batch = list(self._pending)
                self._pending.clear()
            if not batch:
                return
            failure = self._write(b"".join(pending.line for pending in batch))
            _answer(batch, failure)
            if failure is None:
                self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            try:
                listener()
            except Exception:
                # This thread serves every call; whoever listens reads again later.
                log.exception("journal_listener_failed", stage="journal")

    def _write(self, data: bytes) -> OSError | None:
        """Put bytes on disk, or return why not; then none of them are there."""
        try:
            handle = self._open_file()
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fdatasync(handle)
        except OSError as error:
            self._undo()
            if not self._failing:
                log.error("journal_lost", stage="journal", error=error.strerror)
            self._failing = True
            return error
        if self._failing:
            log.info("journal_back", stage="journal")
        self._failing = False
        self._size += len(data)
        self._synced = Place(self._segment, self._size)
        return None

    def _open_file(self) -> int:
        """Return the file to write to, beginning the next one where this is full."""
        if self._file is not None and self._size >= self._segment_bytes:
            self._close_file()
        if self._file is None:
            if self._size:
                self._segment += 1
                self._size = 0
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self.folder.segment(self._segment), flags, 0o640)
            sync_folder(self.folder.path)
        return self._file

    def _undo(self) -> None:
        """Cut off what a failed write left.

        After a failed fsync the kernel may call later ones of the same file successful, so the file is left for good.
        """
        if self._file is None:
            return
        try:
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
        except OSError as error:
            log.error("journal_tail_left", stage="journal", error=error.strerror)
            # An empty file would be opened again, behind the tail that is in it.
            self._segment += 0 if self._size else 1
        self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _answer(batch: list[_Pending], failure: OSError | None) -> None:
    """Wake the calls that wait, each loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for pending in batch:
        by_loop.setdefault(pending.loop, []).append(pending.done)
    for loop, waiting in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, waiting, failure)
        except RuntimeError:
            # The loop is closed: nobody waits any more, and what could be written is written.
            continue


def _resolve(waiting: list[asyncio.Future[None]], failure: OSError | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if failure is None:
            done.set_result(None)
        else:
            error = JournalError("disk", f"the step could not be written: {failure.strerror}")
            error.__cause__ = failure
            done.set_exception(error)
