"""Reads what the PBX says about a call's end: one small text file per call, written by the hang-up handler.

The files come from a folder that another program writes to: names, sizes and contents are checked, links not followed.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from dialogue.events import CallEnded, CallStatus, kind_of, to_record
from webadmin.calls import cleaning
from webadmin.calls.models import Call, CallEvent
from webadmin.calls.projection import append_event
from webadmin.calls.reconcile import DOOR_UNREACHABLE, END_REPORT, correct_after_report, hung_up_before_queue

log = structlog.get_logger(__name__)

MOST_BYTES = 16_384
VALUE_CHARS = 200
LAST_LINE = "end=yes"
SETTLED_SECONDS = 5.0
"""Age at which a file without its last line is read as it is."""

UNKNOWN_SECONDS = 15.0
"""How long the report of a call that no journal mentions waits: the journal may be a moment behind."""

MOST_FILES = 500
CLOCK_TOLERANCE = timedelta(days=1)

KEYS = frozenset(
    {
        *{"call_id", "started", "ended", "scenario", "language", "caller", "dialled"},
        *{"outcome", "reason", "queue_result", "operator", "hangupcause", "agistatus"},
    }
)


@dataclass(frozen=True, slots=True)
class EndReport:
    """What the PBX says about one call.

    Args:
        call_id: the call.
        values: texts by key, only keys of `KEYS`.
        written_at: when the file was written, UTC; stands in for a missing or senseless end.
    """

    call_id: UUID
    values: dict[str, str]
    written_at: datetime

    @property
    def started(self) -> datetime:
        return min(self._time("started") or self.ended, self.ended)

    @property
    def ended(self) -> datetime:
        return self._time("ended") or self.written_at

    def _time(self, key: str) -> datetime | None:
        """Seconds since the epoch as a time, or None where that is not near the time of writing."""
        try:
            at = datetime.fromtimestamp(float(self.values.get(key, "")), UTC)
        except (ValueError, OverflowError, OSError):
            return None
        return at if abs(at - self.written_at) < CLOCK_TOLERANCE else None


def parse(call_id: UUID, text: str, written_at: datetime) -> EndReport:
    """Read ``key=value`` lines. Unknown keys and lines without ``=`` are left out, repeated keys too but the first."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, sign, value = line.partition("=")
        key = key.strip().lower()
        if sign and key in KEYS:
            values.setdefault(key, cleaning.text(value.strip(), VALUE_CHARS))
    return EndReport(call_id, values, written_at)


def apply(report: EndReport) -> bool:
    """Bring a report into the database. Applied again, it changes nothing.

    Returns:
        Whether it is new.

    Raises:
        django.db.DatabaseError: the database is away; nothing is stored.
    """
    with transaction.atomic():
        Call.objects.bulk_create([Call(id=report.call_id, started_at=report.started)], ignore_conflicts=True)
        call = Call.objects.select_for_update().get(pk=report.call_id)
        if CallEvent.objects.filter(call=call, kind=END_REPORT).exists():
            return False
        unheard_of = not call.events.exists()
        values = report.values
        call.ended_at = max(report.ended, call.started_at)
        call.queue_result = values.get("queue_result", "")[:32]
        call.operator = values.get("operator", "")[:64]
        if unheard_of:
            call.scenario = values.get("scenario", "")[:64]
            call.language = cleaning.language(values.get("language"))
            call.caller_number = values.get("caller", "")[:64]
            call.dialled_number = values.get("dialled", "")[:64]
        call.save()
        append_event(call, report.ended, END_REPORT, values)
        if unheard_of:
            end = _end_of_unheard(report)
            append_event(call, report.ended, kind_of(end), to_record(end), end)
            log.error("call_never_answered", call_id=str(call.pk), stage="line", status=end.status.value)
        else:
            correct_after_report(call, values)
    return True


def read_folder(folder: Path, now: float | None = None) -> set[UUID]:
    """Apply the reports in a folder and delete their files.

    Args:
        folder: where the PBX writes them.
        now: seconds since the epoch; None asks the clock.

    Returns:
        The calls that have a new report.

    Raises:
        django.db.DatabaseError, OSError: the file in question stays; call again later.
    """
    now = time.time() if now is None else now
    applied: set[UUID] = set()
    if not folder.is_dir():
        return applied
    for path in sorted(folder.iterdir())[:MOST_FILES]:
        if path.is_dir() and not path.is_symlink():
            continue
        report = _load(path, now)
        if report is None:
            continue
        age = now - report.written_at.timestamp()
        if age < UNKNOWN_SECONDS and not CallEvent.objects.filter(call_id=report.call_id).exists():
            continue
        if apply(report):
            applied.add(report.call_id)
        path.unlink(missing_ok=True)
    return applied


def _end_of_unheard(report: EndReport) -> CallEnded:
    """How a call ended that no door journalled: its caller left at once, or no door took it."""
    failed = report.values.get("agistatus", "").upper() not in ("", "HANGUP")
    if failed or not hung_up_before_queue(report.values):
        return CallEnded(CallStatus.FAILED, DOOR_UNREACHABLE)
    return CallEnded(CallStatus.HUNG_UP)


def _load(path: Path, now: float) -> EndReport | None:
    """Return a report, or None where the file is not ready; a file that never will be one is set aside."""
    try:
        call_id = UUID(path.stem)
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except (ValueError, OSError):
        _set_aside(path, now)
        return None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            _set_aside(path, now)
            return None
        text = file.read(MOST_BYTES).decode("utf-8", "replace")
    if LAST_LINE not in text.splitlines()[-1:] and now - about.st_mtime < SETTLED_SECONDS:
        return None
    written = datetime.fromtimestamp(min(about.st_mtime, now), timezone.get_default_timezone()).astimezone(UTC)
    return parse(call_id, text, written)


def _set_aside(path: Path, now: float) -> None:
    """Move what is no report out of the way. A file just made may be a draft that is renamed in a moment."""
    if now - path.lstat().st_mtime < UNKNOWN_SECONDS:
        return
    rejected = path.parent / "rejected"
    rejected.mkdir(exist_ok=True)
    path.replace(rejected / path.name)
    log.error("end_report_rejected", stage="line")
