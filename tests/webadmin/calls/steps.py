"""The steps of made-up calls, as a door records them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from dialogue.events import Assessed, CallEnded, CallStarted, CallStatus, Event, Listened, Recognised, Said
from dialogue.events import kind_of as kind
from dialogue.events import to_record as record
from webadmin.calls.segments import Entry

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def started(**changes: Any) -> CallStarted:
    return CallStarted(
        **{"scenario": "intake_102", "language": "ru", "door": "agi", "caller": "+77010000001", **changes}
    )


def assessed(fields: dict[str, Any], turn: int = 1, **changes: Any) -> Assessed:
    values: dict[str, Any] = {
        "source": "rules",
        "engine": "rules",
        "evidence": {},
        "notes": (),
        "model_answer": None,
        "prompt_version": "",
        "seconds": 0.01,
    }
    return Assessed(turn, fields, **{**values, **changes})


def said(turn: int, text: str, **changes: Any) -> Said:
    values: dict[str, Any] = {"language": "ru", "purpose": "answer", "engine": "espeak", "played_seconds": 1.5}
    return Said(turn, text, synthesis_seconds=0.02, **{**values, **changes})


def recognised(turn: int, text: str, **changes: Any) -> Recognised:
    return Recognised(turn, text, **{"language": "ru", "confidence": 0.8, "engine": "fake", "seconds": 0.3, **changes})


def whole_call(words: str = "на улице драка", urgency: str = "high") -> list[Event]:
    """Greeting, one exchange, farewell."""
    return [
        started(),
        said(0, "Здравствуйте, это автоматический помощник.", purpose="greeting"),
        Listened(1, "utterance", 3.2, audio="utterances/1.wav"),
        recognised(1, words),
        assessed({"urgency": urgency, "category": "assault", "address": "Абая 10", "weapons": None, "summary": words}),
        said(1, "Наряд выехал.", purpose="farewell"),
        CallEnded(CallStatus.COMPLETED),
    ]


def entries(call_id: UUID, events: Sequence[Event], start: datetime = START, first: int = 1) -> list[Entry]:
    """The events as journal entries of one process, a second apart."""
    return [
        Entry(call_id, first + index, start + timedelta(seconds=index), kind(event), record(event))
        for index, event in enumerate(events)
    ]
