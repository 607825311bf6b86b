"""From the journal to the database: exactly once, whatever stops in between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection, connections
from structlog.testing import capture_logs

from dialogue.events import CallEnded, CallStatus
from tests.services import PostgreSQL
from tests.webadmin.calls.steps import entries, said, started, whole_call
from webadmin.calls import shipping
from webadmin.calls.journal import DiskJournal
from webadmin.calls.models import Call, CallEvent
from webadmin.calls.projection import Applied, apply_batch
from webadmin.calls.segments import Entry, Folder, folders
from webadmin.calls.shipping import FolderReader, JournalShipper, adopt_dead_folders, ship_closed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[DiskJournal]:
    journal = DiskJournal(tmp_path / "journal", segment_bytes=1500)
    yield journal
    journal.close()


def dead_folder(root: Path, lines: bytes) -> Folder:
    folder = Folder.create(root, f"dead.{uuid4()}")
    folder.segment(1).write_bytes(lines)
    folder.release()
    return folder


def lines_of(call_id: UUID, events: list) -> bytes:
    return b"".join(entry.to_line() for entry in entries(call_id, events))


async def until(check: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what the database is to show, asked in a thread of its own connection."""

    def asked() -> bool:
        try:
            return check()
        finally:
            connections.close_all()

    end = time.monotonic() + seconds
    while not await asyncio.to_thread(asked):
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.02)


def is_final(call_id: UUID) -> Callable[[], bool]:
    return lambda: Call.objects.filter(pk=call_id).exclude(status="active").exists()


def test_a_call_reaches_the_database_while_it_goes_on(journal: DiskJournal):
    call_id, ended = uuid4(), []

    async def lead() -> None:
        shipper = asyncio.create_task(JournalShipper(journal, on_end=ended.append).run())
        events = whole_call()
        for event in events[:-1]:
            await journal.record(str(call_id), event)
        await until(lambda: CallEvent.objects.filter(call=call_id).count() == len(events) - 1)
        await journal.record(str(call_id), events[-1])
        await until(is_final(call_id))
        shipper.cancel()
        await asyncio.gather(shipper, return_exceptions=True)

    asyncio.run(lead())
    assert ended == [{call_id}]
    assert Call.objects.get(pk=call_id).incident.urgency == "high"
    assert len(journal.folder.segments()) == 1, "segments that are in the database are deleted"


def test_lines_that_come_within_a_moment_are_brought_in_together(journal: DiskJournal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shipping, "GATHER_SECONDS", 1.0)
    call_id, events = uuid4(), whole_call()
    batches: list[int] = []

    def apply(found: Sequence[Entry]) -> Applied:
        batches.append(len(found))
        return apply_batch(found)

    monkeypatch.setattr(shipping, "apply_batch", apply)

    async def lead() -> None:
        shipper = asyncio.create_task(JournalShipper(journal).run())
        for event in events:
            await journal.record(str(call_id), event)
        await until(is_final(call_id))
        shipper.cancel()
        await asyncio.gather(shipper, return_exceptions=True)

    asyncio.run(lead())
    assert sum(batches) == len(events)
    assert len(batches) < len(events) / 2


def test_the_database_goes_away_in_mid_call_and_nothing_is_lost(
    journal: DiskJournal, postgresql_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shipping, "LONGEST_WAIT", 0.5)
    # Without it the database may be back before the next line is brought in.
    monkeypatch.setattr(shipping, "GATHER_SECONDS", 0.0)
    call_id, events = uuid4(), whole_call()

    def said_about_it() -> list[str]:
        return [line["event"] for line in logs if line.get("stage") == "database"]

    async def lead() -> None:
        shipper = asyncio.create_task(JournalShipper(journal).run())
        await journal.record(str(call_id), events[0])
        await until(lambda: Call.objects.filter(pk=call_id).exists())
        postgresql_server.stop()
        for event in events[1:]:
            await journal.record(str(call_id), event)
        postgresql_server.start()
        await until(is_final(call_id))
        # The call is final before the shipper has come back from writing it.
        await until(lambda: "database_back" in said_about_it())
        shipper.cancel()
        await asyncio.gather(shipper, return_exceptions=True)

    connection.close()
    with capture_logs() as logs:
        asyncio.run(lead())
    connection.close()
    assert said_about_it() == ["database_lost", "database_back"]
    call = Call.objects.get(pk=call_id)
    assert call.status == "completed"
    assert list(call.events.values_list("number", flat=True)) == list(range(1, len(events) + 1))
    assert call.turns.get(number=1).reply_text == "Наряд выехал."


def test_a_crash_between_commit_and_position_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    call_id, events = uuid4(), [started(), said(1, "Понял."), said(1, "Адрес?"), CallEnded(CallStatus.COMPLETED)]
    folder = dead_folder(tmp_path, lines_of(call_id, events))

    def full(self: Folder, position: object) -> None:
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "save_position", full)
        with pytest.raises(OSError, match="no space"):
            FolderReader(tmp_path, folder).ship()
    assert adopt_dead_folders(tmp_path) == set()
    assert Call.objects.get(pk=call_id).turns.get().reply_text == "Понял.\nАдрес?"
    assert CallEvent.objects.count() == len(events)


def test_a_failed_batch_is_tried_again_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    call_id = uuid4()
    folder = dead_folder(tmp_path, lines_of(call_id, whole_call()))

    def broken(entries: list[Entry]) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(shipping, "apply_batch", broken)
        with pytest.raises(OperationalError):
            adopt_dead_folders(tmp_path)
    assert folder.segments() == [1]
    assert adopt_dead_folders(tmp_path) == {call_id}
    assert folders(tmp_path) == []


def test_calls_of_a_dead_door_get_a_final_status(tmp_path: Path):
    broken, whole = uuid4(), uuid4()
    torn = b'{"v":1,"call_id":"'
    dead_folder(tmp_path, lines_of(whole, whole_call()) + lines_of(broken, whole_call()[:-1]) + torn)
    assert adopt_dead_folders(tmp_path) == {broken, whole}
    call = Call.objects.get(pk=broken)
    assert (call.status, call.end_reason) == ("failed", "door_died")
    assert call.incident.urgency == "high", "what was understood before is kept"
    assert call.events.last().kind == "call_ended"
    assert Call.objects.get(pk=whole).status == "completed"
    assert folders(tmp_path) == []


def test_a_living_process_is_left_alone(journal: DiskJournal):
    asyncio.run(journal.record(str(uuid4()), started()))
    assert adopt_dead_folders(journal.root) == set()
    assert Call.objects.count() == 0


def test_lines_no_database_takes_are_kept_for_a_person(tmp_path: Path):
    call_id = uuid4()
    dead_folder(tmp_path, b"garbage\n" + lines_of(call_id, whole_call()))
    adopt_dead_folders(tmp_path)
    assert Call.objects.get(pk=call_id).status == "completed"
    assert (tmp_path / "rejected.jsonl").read_bytes() == b"garbage\n"


def test_a_process_that_ends_clears_its_journal_away(journal: DiskJournal):
    call_id = uuid4()

    async def lead() -> None:
        for event in whole_call():
            await journal.record(str(call_id), event)

    asyncio.run(lead())
    journal.close()
    assert ship_closed(journal) == {call_id}
    assert folders(journal.root) == []


@pytest.mark.timeout(90)
def test_a_killed_process_is_replayed_exactly_once(tmp_path: Path):
    for attempt in range(3):
        root = tmp_path / str(attempt)
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.webadmin.calls.journal_writer", str(root)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.03 * attempt)
        writer.kill()
        writer.communicate()
        [folder] = folders(root)
        wanted = [Entry.from_line(line) for line in folder.read(shipping.Place(), most=10**6).lines]
        ended = adopt_dead_folders(root)
        adopt_dead_folders(root)
        found = CallEvent.objects.filter(call__in=ended).exclude(kind="call_ended").values_list("call_id", "number")
        assert sorted(found) == sorted((entry.call_id, entry.number) for entry in wanted)
        assert not Call.objects.filter(status="active").exists()


def test_the_tests_run_on_postgresql():
    assert connection.vendor == "postgresql"
