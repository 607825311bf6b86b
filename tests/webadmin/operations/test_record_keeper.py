"""The record keeper as a process of its own: what a door writes down is in the database, whoever of the two dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from dialogue.events import CallEnded, CallStatus
from tests.webadmin.calls.steps import started
from webadmin.calls.following import FollowedJournal
from webadmin.calls.journal import DiskJournal
from webadmin.calls.models import Call
from webadmin.calls.segments import Place
from webadmin.operations import record_keeper
from webadmin.operations.record_keeper import RecordKeeper

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]

RECORD_SECONDS = 30.0


@pytest.fixture
async def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiskJournal]:
    database = connection.settings_dict
    monkeypatch.setenv("DATABASE_URL", "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "webadmin.settings")
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("ENV_FILE", os.devnull)
    monkeypatch.setattr(record_keeper, "START_AGAIN_SECONDS", 0.05)
    (tmp_path / "spool" / "ended").mkdir(parents=True)
    journal = DiskJournal(tmp_path / "journal")
    yield journal
    await asyncio.to_thread(journal.close)
    await sync_to_async(connections.close_all)()


async def until(ready: Callable[[Call], bool]) -> Call:
    async with asyncio.timeout(RECORD_SECONDS):
        while True:
            call = await Call.objects.afirst()
            if call is not None and ready(call):
                return call
            await asyncio.sleep(0.1)


async def test_a_call_is_in_the_database_while_it_lasts_and_its_end_too(journal: DiskJournal, tmp_path: Path) -> None:
    keeper = RecordKeeper(journal, tmp_path / "spool")
    keeping = asyncio.create_task(keeper.run())
    call_id = str(uuid4())
    await journal.record(call_id, started())
    await until(lambda call: call.status == "active")
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await journal.record(call_id, CallEnded(CallStatus.COMPLETED))
    await asyncio.to_thread(journal.close)
    assert await keeper.finish()
    assert (await Call.objects.aget()).status == "completed"
    assert not journal.folder.path.exists(), "nothing is left for the next start"


async def test_a_keeper_that_dies_is_started_again_and_goes_on(journal: DiskJournal, tmp_path: Path) -> None:
    keeper = RecordKeeper(journal, tmp_path / "spool")
    keeping = asyncio.create_task(keeper.run())
    call_id = str(uuid4())
    await journal.record(call_id, started())
    await until(lambda call: call.status == "active")
    assert keeper._process is not None
    keeper._process.send_signal(signal.SIGKILL)
    await keeper._process.wait()
    await journal.record(call_id, CallEnded(CallStatus.HUNG_UP))
    await until(lambda call: call.status == "hung_up")
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await asyncio.to_thread(journal.close)
    await keeper.finish()


async def test_a_keeper_that_cannot_be_started_is_tried_again(
    journal: DiskJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = RecordKeeper(journal, tmp_path / "spool")
    tries = asyncio.Queue[int]()

    async def refuses() -> None:
        tries.put_nowait(1)
        raise OSError("no process left")

    monkeypatch.setattr(keeper, "_start", refuses)
    keeping = asyncio.create_task(keeper.run())
    async with asyncio.timeout(5):
        await tries.get()
        await tries.get()
    assert not keeping.done()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_a_line_that_was_being_written_when_the_door_died_is_no_place(tmp_path: Path) -> None:
    lines = asyncio.StreamReader()
    lines.feed_data(b"1 500\n1 7")
    lines.feed_eof()
    followed = FollowedJournal(tmp_path, "door")
    assert not await followed.follow(lines)
    assert followed.synced == Place(1, 500)


async def test_the_calls_of_a_door_that_dies_are_closed_at_once(journal: DiskJournal, tmp_path: Path) -> None:
    keeper = RecordKeeper(journal, tmp_path / "spool")
    keeping = asyncio.create_task(keeper.run())
    await journal.record(str(uuid4()), started())
    await until(lambda call: call.status == "active")
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    # As the kernel does it for a process that is killed: the lock goes, and the pipe ends without a word.
    await asyncio.to_thread(journal.close)
    assert keeper._process is not None
    assert keeper._process.stdin is not None
    keeper._process.stdin.close()
    await asyncio.wait_for(keeper._process.wait(), RECORD_SECONDS)
    call = await Call.objects.aget()
    assert (call.status, call.end_reason) == ("failed", "door_died")
