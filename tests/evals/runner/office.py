"""What the office has on record of a call: through Django's models, in the database the door writes to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class SaidOnRecord:
    """One reply. ``words``: as far as they were heard. Times are Unix time, seconds."""

    words: str
    whole: bool
    began: float
    ended: float
    purpose: str = "answer"


@dataclass(frozen=True, slots=True)
class CallOnRecord:
    """A finished call."""

    call_id: str
    status: str
    end_reason: str
    transcript: str
    incident: Mapping[str, Any]
    said: Sequence[SaidOnRecord]
    interruptions: Sequence[str]


class Office(Protocol):
    """Where calls are looked up."""

    async def call_of(self, number: str, since: float, seconds: float) -> CallOnRecord:
        """Return the finished call of a caller.

        Args:
            number: of the caller.
            since: Unix time before which the call did not begin.
            seconds: how long to wait for its end to be on record.

        Raises:
            LookupError: there is none, or it is not finished. The text says which.
        """
        ...


class DjangoOffice:
    """The real one. Django must be set up before."""

    async def call_of(self, number: str, since: float, seconds: float) -> CallOnRecord:
        from webadmin.calls.models import Call

        # The PBX gives whole seconds.
        began = datetime.fromtimestamp(since, tz=UTC) - timedelta(seconds=2)
        calls = Call.objects.filter(caller_number=number, started_at__gte=began)
        end = asyncio.get_running_loop().time() + seconds
        while True:
            call = await calls.afirst()
            if call is not None and call.post_processed_at is not None:
                return await _on_record(call)
            if asyncio.get_running_loop().time() > end:
                raise LookupError(
                    "the call is not on record" if call is None else f"call {call.pk} stays {call.status}, not closed"
                )
            await asyncio.sleep(POLL_SECONDS)


async def _on_record(call: Any) -> CallOnRecord:
    from django.forms.models import model_to_dict

    from webadmin.incidents.models import Incident

    incident = await Incident.objects.filter(call=call).afirst()
    events = [event async for event in call.events.order_by("number")]
    return CallOnRecord(
        str(call.pk),
        call.status,
        call.end_reason,
        call.transcript,
        model_to_dict(incident) if incident else {},
        [_said(event.at.timestamp(), event.data) for event in events if event.kind == "said"],
        [event.data["outcome"] for event in events if event.kind == "interrupted"],
    )


def _said(at: float, data: Mapping[str, Any]) -> SaidOnRecord:
    words = data["text"] if data.get("whole", True) else data.get("heard_text", "")
    return SaidOnRecord(words, data.get("whole", True), at - data["played_seconds"], at, data["purpose"])
