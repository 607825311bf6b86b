"""The journal on disk: what it acknowledged is there, whatever happens."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from dialogue.errors import JournalError
from dialogue.events import CallEnded, CallStarted, CallStatus, StageFailed
from webadmin.calls.journal import DiskJournal
from webadmin.calls.segments import BadLine, Entry, Folder, Place, folders

KILLS = 20
STARTED = CallStarted("intake_102", "ru", "agi")


def read_all(folder: Folder) -> list[Entry]:
    return [Entry.from_line(line) for line in folder.read(Place(), most=10**6).lines]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[DiskJournal]:
    journal = DiskJournal(tmp_path / "journal", instance="test")
    yield journal
    journal.close()


async def test_a_recorded_step_is_on_disk_with_its_place_in_the_call(journal: DiskJournal):
    one, other = str(uuid4()), str(uuid4())
    await journal.record(one, STARTED)
    await journal.record(other, STARTED)
    await journal.record(one, CallEnded(CallStatus.COMPLETED))
    await journal.record(one, CallEnded(CallStatus.FAILED, "line"))
    entries = read_all(journal.folder)
    assert [(str(entry.call_id), entry.number, entry.kind) for entry in entries] == [
        (one, 1, "call_started"),
        (other, 1, "call_started"),
        (one, 2, "call_ended"),
        (one, 3, "call_ended"),
    ]
    assert len({entry.at for entry in entries}) == 4
    assert entries[0].data["scenario"] == "intake_102"


async def test_many_calls_at_once_share_an_fsync_and_lose_nothing(
    journal: DiskJournal, monkeypatch: pytest.MonkeyPatch
):
    syncs = 0
    real = os.fdatasync

    def counted(handle: int) -> None:
        nonlocal syncs
        syncs += 1
        real(handle)

    monkeypatch.setattr(os, "fdatasync", counted)
    calls = [str(uuid4()) for _ in range(300)]
    await asyncio.gather(*(journal.record(call, STARTED) for call in calls))
    assert {str(entry.call_id) for entry in read_all(journal.folder)} == set(calls)
    assert syncs < 30


async def test_a_cancelled_wait_neither_loses_nor_repeats_the_step(journal: DiskJournal):
    call = str(uuid4())
    waits = [asyncio.create_task(journal.record(call, StageFailed(n, "line", "x", ""))) for n in range(50)]
    await asyncio.sleep(0)
    for wait in waits[::2]:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    journal.close()
    assert [entry.data["turn"] for entry in read_all(journal.folder)] == list(range(50))


async def test_closing_writes_what_is_pending_and_refuses_more(journal: DiskJournal):
    call = str(uuid4())
    wait = asyncio.create_task(journal.record(call, STARTED))
    await asyncio.sleep(0)
    journal.close()
    await wait
    assert len(read_all(journal.folder)) == 1
    with pytest.raises(JournalError, match="closed"):
        await journal.record(call, STARTED)


async def test_segments_are_begun_anew_at_their_size_and_read_in_order(tmp_path: Path):
    journal = DiskJournal(tmp_path, segment_bytes=1000)
    call = str(uuid4())
    for number in range(40):
        await journal.record(call, StageFailed(number, "line", "x", "y" * 50))
    assert len(journal.folder.segments()) > 5
    middle = journal.folder.read(Place(), journal.synced, most=17)
    rest = journal.folder.read(middle.end, journal.synced)
    turns = [Entry.from_line(line).data["turn"] for line in middle.lines + rest.lines]
    assert turns == list(range(40))
    assert rest.end == journal.synced
    journal.close()


async def test_a_call_without_a_uuid_is_refused_before_anything_is_written(journal: DiskJournal):
    with pytest.raises(JournalError, match="UUID"):
        await journal.record("../../etc/passwd", STARTED)
    assert journal.folder.segments() == []


async def test_a_slow_disk_is_an_error_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    free = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda handle: free.wait(10))
    journal = DiskJournal(tmp_path, record_seconds=0.1)
    began = time.monotonic()
    with pytest.raises(JournalError, match="timeout"):
        await journal.record(str(uuid4()), STARTED)
    assert time.monotonic() - began < 2
    free.set()
    journal.close()
    assert len(read_all(journal.folder)) == 1


async def test_a_full_disk_tells_every_call_and_leaves_no_torn_line(
    journal: DiskJournal, monkeypatch: pytest.MonkeyPatch
):
    """The write succeeds in part, as on a real disk that fills up."""
    call, lost = str(uuid4()), str(uuid4())
    await journal.record(call, STARTED)
    real = os.write
    with monkeypatch.context() as patch:

        def nearly_full(handle: int, data: bytes) -> int:
            if len(data) <= 100:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(handle, data[:100])

        patch.setattr(os, "write", nearly_full)
        refused = await asyncio.gather(
            *(journal.record(lost, StageFailed(n, "line", "x", "")) for n in range(10)), return_exceptions=True
        )
    assert all(isinstance(error, JournalError) and error.code == "disk" for error in refused)
    await journal.record(call, CallEnded(CallStatus.COMPLETED))
    kinds = [(str(entry.call_id), entry.kind) for entry in read_all(journal.folder)]
    assert kinds == [(call, "call_started"), (call, "call_ended")]


LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from uuid import uuid4
from dialogue.errors import JournalError
from dialogue.events import StageFailed
from webadmin.calls.journal import DiskJournal

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = DiskJournal(Path(sys.argv[1]))
    call, written, refused = str(uuid4()), 0, 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
    for number in range(40):
        try:
            await journal.record(call, StageFailed(number, "line", "x", "y" * (6000 if number % 10 == 5 else 100)))
            written += 1
        except JournalError as error:
            assert error.code == "disk", error
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.record(call, StageFailed(99, "line", "x", "y" * 6000))
    journal.close()
    print(written + 1, refused)

asyncio.run(main())
"""


def test_a_disk_that_refuses_for_real_and_recovers(tmp_path: Path):
    """A file size limit of the kernel's, so that the real write fails after a real part."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=30
    )
    written, refused = map(int, done.stdout.splitlines()[-1].split())
    [folder] = folders(tmp_path)
    entries = read_all(folder)
    assert refused >= 4
    assert len(entries) == written
    assert entries[-1].data["turn"] == 99


@pytest.mark.timeout(180)
def test_killed_at_any_moment_it_has_what_it_acknowledged(tmp_path: Path):
    chance = random.Random(102)
    for attempt in range(KILLS):
        root = tmp_path / str(attempt)
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.webadmin.calls.journal_writer", str(root)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()
        assert first
        [folder] = folders(root)
        assert not folder.acquire(), "the owner lives"
        killer = threading.Timer(chance.uniform(0.005, 0.15), writer.send_signal, (signal.SIGKILL,))
        killer.start()
        told = first + writer.stdout.read()
        writer.wait()
        acknowledged: dict[UUID, int] = {}
        for line in told.splitlines(keepends=True):
            if line.endswith(b"\n"):
                call, number = line.split()
                acknowledged[UUID(call.decode())] = int(number)
        assert folder.acquire(), "the owner is dead"
        found: dict[UUID, list[int]] = defaultdict(list)
        for entry in read_all(folder):
            found[entry.call_id].append(entry.number)
        folder.release()
        for call, number in acknowledged.items():
            assert len(found[call]) >= number
        for numbers in found.values():
            assert numbers == list(range(1, len(numbers) + 1)), "each once, in order"


def test_a_torn_last_line_is_no_line(tmp_path: Path):
    folder = Folder.create(tmp_path, "dead")
    whole = Entry(uuid4(), 1, Entry.from_line(LINE).at, "said", {}).to_line()
    folder.segment(1).write_bytes(whole + b'{"v":1,"call_id":"')
    assert folder.read(Place()).lines == [whole]
    folder.segment(2).write_bytes(whole)
    assert folder.read(Place()).lines == [whole, whole], "and the next segment is read"


LINE = b'{"v":1,"call_id":"7f1c1c2e-9d3f-4b57-8a25-6d2f3f4ab001","number":1,"at":"2026-11-20T10:00:00+00:00",'
LINE += b'"kind":"said","data":{}}\n'


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"null\n",
        b"[1]\n",
        LINE.replace(b'"v":1', b'"v":2'),
        LINE.replace(b"7f1c", b"no"),
        LINE.replace(b"+00:00", b""),
        LINE.replace(b"{}}", b"7}"),
        LINE.replace(b'"number":1,', b""),
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_what_is_no_entry_is_said_to_be_none(line: bytes):
    with pytest.raises(BadLine):
        Entry.from_line(line)


async def test_text_no_encoding_takes_is_still_recorded(journal: DiskJournal):
    await journal.record(str(uuid4()), StageFailed(1, "line", "x", 'half \ud800 "quoted"\n\0'))
    [entry] = read_all(journal.folder)
    assert entry.data["detail"] == 'half ? "quoted"\n\0'


def test_two_processes_of_one_name_never_share_a_folder(tmp_path: Path):
    one, other = DiskJournal(tmp_path, instance="door"), DiskJournal(tmp_path, instance="door")
    assert one.folder.path != other.folder.path
    assert not any(folder.acquire() for folder in folders(tmp_path))
    one.close()
    assert sum(folder.acquire() for folder in folders(tmp_path)) == 1
    other.close()
