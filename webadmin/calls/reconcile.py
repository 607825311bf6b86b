"""Gives each call a final status, whatever died on the way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from dialogue.events import CallEnded, CallStatus, kind_of, to_record
from webadmin.calls.models import Call, CallEvent, Status
from webadmin.calls.projection import append_event

log = structlog.get_logger(__name__)

END_REPORT = "end_report"
"""Kind under which the PBX's report is kept among a call's events."""

DOOR_DIED = "door_died"
DOOR_UNREACHABLE = "door_unreachable"
TAKEN_BY_PBX = "taken_by_pbx"
LOST = "lost"

REPORTED_GRACE = timedelta(minutes=5)
"""How long after the PBX reported a call's end its own end may still arrive from the journal."""

LONGEST_CALL = timedelta(hours=6)


def close_calls_of_dead_door(call_ids: Iterable[UUID]) -> set[UUID]:
    """End the calls that a dead process left open. Returns those that were; the others had ended.

    The caller has applied every entry the process left. A call that another process took up again meanwhile is
    taken for ended too, and that process's next end corrects it.
    """
    return {call_id for call_id in call_ids if _end(call_id, DOOR_DIED)}


def close_abandoned_calls(now: datetime | None = None) -> set[UUID]:
    """End the calls of which nothing more will be heard: their journal is gone with its disk, or was never written."""
    now = now or timezone.now()
    active = Call.objects.filter(status=Status.ACTIVE)
    reported = active.filter(ended_at__lt=now - REPORTED_GRACE).values_list("id", flat=True)
    endless = active.filter(started_at__lt=now - LONGEST_CALL).values_list("id", flat=True)
    return {call_id for call_id in {*reported, *endless} if _end(call_id, LOST)}


def hung_up_before_queue(report: dict[str, Any]) -> bool:
    """Whether the PBX says that the caller left while the assistant, or nobody, had the call."""
    return not report.get("queue_result") and not report.get("operator")


def correct_after_report(call: Call, report: dict[str, Any]) -> None:
    """Correct what a door could not know: where the caller went when its line ended.

    A call counted as broken by its door's death was left by its caller, where the PBX saw no queue. A call whose line
    ended under the door was taken from it by the PBX's time limit, where the PBX saw the queue. The caller of this
    function holds the call's row locked, in a transaction.
    """
    if call.status == Status.HUNG_UP and not hung_up_before_queue(report):
        _append_end(call, CallEnded(CallStatus.FAILED, TAKEN_BY_PBX))
    if call.status == Status.FAILED and call.end_reason in (DOOR_DIED, LOST) and hung_up_before_queue(report):
        _append_end(call, CallEnded(CallStatus.HUNG_UP, call.end_reason))


def _end(call_id: UUID, reason: str) -> bool:
    with transaction.atomic():
        call = Call.objects.select_for_update().filter(pk=call_id, status=Status.ACTIVE).first()
        if call is None:
            return False
        report = CallEvent.objects.filter(call=call, kind=END_REPORT).order_by("-number").first()
        left = report is not None and hung_up_before_queue(report.data)
        _append_end(call, CallEnded(CallStatus.HUNG_UP if left else CallStatus.FAILED, reason))
    log.warning("call_closed", call_id=str(call_id), stage="journal", reason=reason, status=call.status)
    return True


def _append_end(call: Call, event: CallEnded) -> None:
    append_event(call, timezone.now(), kind_of(event), to_record(event), event)
