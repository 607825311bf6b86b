"""What the PBX says about a call's end."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from dialogue.events import CallEnded, CallStatus
from tests.factories import CallFactory
from tests.webadmin.calls.steps import START, entries, started, whole_call
from webadmin.calls.end_reports import read_folder
from webadmin.calls.models import Call
from webadmin.calls.projection import apply_batch
from webadmin.calls.reconcile import close_abandoned_calls, close_calls_of_dead_door

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended(tmp_path: Path) -> Path:
    folder = tmp_path / "ended"
    folder.mkdir()
    return folder


def report(folder: Path, call_id: UUID | str, at: datetime = START, age: float = 3600, **values: object) -> Path:
    lines = {"call_id": call_id, "started": at.timestamp(), "ended": (at + timedelta(seconds=70)).timestamp(), **values}
    path = folder / f"{call_id}.txt"
    path.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
    when = max(at.timestamp() + 70, 0) if age == 3600 else time.time() - age
    os.utime(path, (when, when))
    return path


def test_a_report_completes_the_call_and_its_file_goes(ended: Path):
    call_id = uuid4()
    steps = [*whole_call()[:-1], CallEnded(CallStatus.TRANSFERRED, "danger")]
    apply_batch(entries(call_id, steps))
    path = report(ended, call_id, queue_result="COMPLETEAGENT", operator="PJSIP/201")
    assert read_folder(ended) == {call_id}
    call = Call.objects.get(pk=call_id)
    assert (call.status, call.end_reason, call.queue_result, call.operator) == (
        "transferred",
        "danger",
        "COMPLETEAGENT",
        "PJSIP/201",
    )
    assert call.ended_at == START + timedelta(seconds=70)
    assert not path.exists()


def test_a_report_read_twice_changes_nothing(ended: Path):
    call_id = uuid4()
    apply_batch(entries(call_id, whole_call()))
    for _ in range(2):
        report(ended, call_id)
        read_folder(ended)
    assert Call.objects.get(pk=call_id).events.filter(kind="end_report").count() == 1


def test_a_call_that_no_door_took_is_not_lost(ended: Path):
    call_id = uuid4()
    report(ended, call_id, agistatus="FAILURE", queue_result="COMPLETEAGENT", caller="+77012223344", language="kk")
    read_folder(ended)
    call = Call.objects.get(pk=call_id)
    assert (call.status, call.end_reason, call.caller_number) == ("failed", "door_unreachable", "+77012223344")
    assert (call.language, call.started_at) == ("kk", START)


def test_a_report_ahead_of_the_journal_waits_for_it(ended: Path):
    call_id = uuid4()
    path = report(ended, call_id, at=timezone.now() - timedelta(minutes=1), age=8)
    assert read_folder(ended) == set()
    apply_batch(entries(call_id, whole_call(), start=timezone.now() - timedelta(minutes=1)))
    assert read_folder(ended) == {call_id}
    assert Call.objects.get(pk=call_id).status == "completed"
    assert not path.exists()


def test_a_caller_who_left_before_the_queue_has_hung_up_though_the_door_died(ended: Path):
    first, second = uuid4(), uuid4()
    for call_id in (first, second):
        apply_batch(entries(call_id, [started()]))
    report(ended, first, agistatus="SUCCESS", queue_result="")
    read_folder(ended)
    close_calls_of_dead_door([first, second])
    assert Call.objects.get(pk=first).status == "hung_up"
    assert Call.objects.get(pk=second).status == "failed"
    report(ended, second, queue_result="")
    read_folder(ended)
    assert (Call.objects.get(pk=second).status, Call.objects.get(pk=second).end_reason) == ("hung_up", "door_died")


def test_a_call_whose_door_died_and_who_reached_the_queue_stays_failed(ended: Path):
    call_id = uuid4()
    apply_batch(entries(call_id, [started()]))
    close_calls_of_dead_door([call_id])
    report(ended, call_id, queue_result="COMPLETEAGENT")
    read_folder(ended)
    assert (Call.objects.get(pk=call_id).status, Call.objects.get(pk=call_id).end_reason) == ("failed", "door_died")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe\0\0garbage",
        b"started=yesterday\nended=1e400\nqueue_result=" + b"Q" * 100_000,
        b"ended=-9999999999999\nstarted=nan\ncaller=\0\n",
        b"operator='; DROP TABLE calls_call; --\n\r\n====\n=x\n",
        b"call_id=another\nstarted=9999999999\nended=1\n",
    ],
)
def test_a_report_of_garbage_still_ends_the_call(ended: Path, text: bytes):
    call_id = uuid4()
    apply_batch(entries(call_id, whole_call()))
    path = ended / f"{call_id}.txt"
    path.write_bytes(text)
    os.utime(path, (START.timestamp() + 90, START.timestamp() + 90))
    assert read_folder(ended) == {call_id}
    assert Call.objects.get(pk=call_id).ended_at == START + timedelta(seconds=90)


def test_what_is_no_report_is_set_aside_and_links_are_not_followed(ended: Path, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("operator=stolen\n")
    old = time.time() - 3600
    (ended / "notes.txt").write_text("hello")
    os.utime(ended / "notes.txt", (old, old))
    link = ended / f"{uuid4()}.txt"
    link.symlink_to(secret)
    os.utime(link, (old, old), follow_symlinks=False)
    pipe = ended / f"{uuid4()}.txt"
    os.mkfifo(pipe)
    os.utime(pipe, (old, old))
    call_id = uuid4()
    report(ended, call_id)
    assert read_folder(ended) == {call_id}
    assert sorted(path.name for path in (ended / "rejected").iterdir()) == sorted(["notes.txt", link.name, pipe.name])
    assert secret.exists()
    assert Call.objects.count() == 1


def test_a_file_still_being_written_is_left(ended: Path):
    path = report(ended, uuid4(), age=0)
    assert read_folder(ended) == set()
    assert path.exists()


def test_a_file_with_its_last_line_is_read_at_once(ended: Path):
    call_id = uuid4()
    apply_batch(entries(call_id, whole_call()))
    with report(ended, call_id, age=0).open("a") as file:
        file.write("end=yes\n")
    assert read_folder(ended) == {call_id}


def test_calls_nobody_will_end_are_ended():
    now = timezone.now()
    endless = CallFactory(status="active", started_at=now - timedelta(hours=7), assistant_ended_at=None)
    reported = CallFactory(status="active", started_at=now - timedelta(hours=1), ended_at=now - timedelta(minutes=20))
    going_on = CallFactory(status="active", started_at=now - timedelta(minutes=20), assistant_ended_at=None)
    assert close_abandoned_calls() == {endless.pk, reported.pk}
    going_on.refresh_from_db()
    assert going_on.status == "active"
    endless.refresh_from_db()
    assert (endless.status, endless.end_reason) == ("failed", "lost")
    assert endless.assistant_ended_at.tzinfo in (UTC, endless.assistant_ended_at.tzinfo)
