"""The steps of a call as the journal keeps them.

An event is a frozen dataclass; `to_record` and `from_record` carry it through JSON. Kinds and field names are
stored on disk and in the database, so they are only ever added to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class CallStatus(StrEnum):
    """How a call stands. All but ACTIVE are final."""

    ACTIVE = "active"
    COMPLETED = "completed"
    """The assistant finished and said good-bye."""
    TRANSFERRED = "transferred"
    """The assistant gave the caller to a person."""
    HUNG_UP = "hung_up"
    """The caller left first."""
    FAILED = "failed"
    """The assistant broke; the dialplan took the caller to the operators."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A caller is on the line.

    Args:
        scenario: its name.
        language: ISO 639-1 code the call begins in.
        door: ``agi``, ``ari``, ``simulate`` or ``chat``.
        caller: caller's number as the PBX gave it.
        dialled: extension that was called.
        engines: which engine serves each stage, e.g. ``{"stt": "pocketsphinx", "llm": "rules"}``.
    """

    scenario: str
    language: str
    door: str
    caller: str = ""
    dialled: str = ""
    engines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listened:
    """The caller was listened to.

    Args:
        turn: number of the exchange.
        heard: ``utterance``, ``key`` or ``silence``.
        seconds: how long it took.
        key: the key.
        audio: file of the utterance, relative to the spool.
        cut: it was ended by the longest time an utterance may have.
        end_silence: seconds of silence after which the utterance counted as ended; None at a door that is not live.
    """

    turn: int
    heard: str
    seconds: float
    key: str = ""
    audio: str = ""
    cut: bool = False
    end_silence: float | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """Speech became text.

    Args:
        turn: number of the exchange.
        text: the words, empty where nothing was understood.
        language: ISO 639-1 code, or None where the engine does not tell.
        confidence: 0 to 1, or None where the engine gives none.
        engine: which engine served.
        seconds: how long the engine took.
        doubtful: as `dialogue.turns.Transcript` has it.
        invented: as `dialogue.turns.Transcript` has it.
    """

    turn: int
    text: str
    language: str | None
    confidence: float | None
    engine: str
    seconds: float
    doubtful: tuple[str, ...] = ()
    invented: str = ""


@dataclass(frozen=True, slots=True)
class Assessed:
    """The scenario came to a structured outcome; the fields of `dialogue.turns.Assessment`."""

    turn: int
    fields: Mapping[str, Any]
    source: str
    engine: str
    evidence: Mapping[str, Any]
    notes: tuple[str, ...]
    model_answer: str | None
    prompt_version: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Said:
    """The assistant spoke.

    Args:
        turn: number of the exchange.
        text: what it set out to say.
        language: ISO 639-1 code of the words.
        purpose: of the reply; ``filler`` for words that only bridge a wait.
        engine: which voice served.
        synthesis_seconds: until the first sound was ready.
        played_seconds: how much of it the caller heard.
        whole: False where the caller cut in.
        heard_text: the words that were heard, where they are not the whole text.
        delay_seconds: from the caller's last voice to the first sound given to the line; None where nobody spoke
            before.
    """

    turn: int
    text: str
    language: str
    purpose: str
    engine: str
    synthesis_seconds: float
    played_seconds: float
    whole: bool = True
    heard_text: str = ""
    delay_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The caller was heard while the assistant spoke, which fell silent.

    Args:
        turn: number of the exchange the assistant was in.
        outcome: ``resumed`` (a cough, an "mm-hm") or ``dropped`` (the caller had something to say).
        heard_seconds: how much of the reply had been heard.
        decided_seconds: from falling silent to the decision.
        held_back: the caller began in words that are spoken to their end, so it fell silent only after them.
    """

    turn: int
    outcome: str
    heard_seconds: float
    decided_seconds: float
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class StageFailed:
    """A part of the call failed; the call may have gone on without it."""

    turn: int
    stage: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """The caller is about to be given to a person. Written before the line is told."""

    reason: str
    summary: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The assistant's part is over. ``reason``: a transfer reason, an error code, or empty."""

    status: CallStatus
    reason: str = ""


Event = (
    CallStarted | Listened | Recognised | Assessed | Said | Interrupted | StageFailed | TransferRequested | CallEnded
)

KINDS: dict[str, type[Event]] = {
    "call_started": CallStarted,
    "listened": Listened,
    "recognised": Recognised,
    "assessed": Assessed,
    "said": Said,
    "interrupted": Interrupted,
    "stage_failed": StageFailed,
    "transfer_requested": TransferRequested,
    "call_ended": CallEnded,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


def kind_of(event: Event) -> str:
    """Name under which an event is stored."""
    return _NAMES[type(event)]


def to_record(event: Event) -> dict[str, Any]:
    """JSON-compatible fields of an event, without its kind."""
    return dataclasses.asdict(event)


def from_record(kind: str, data: Mapping[str, Any]) -> Event:
    """Rebuild an event. Fields that a later version added to the record are ignored.

    Raises:
        KeyError: the kind is unknown.
        TypeError: a required field is missing.
    """
    cls = KINDS[kind]
    known = {f.name for f in dataclasses.fields(cls)}
    values = {name: value for name, value in data.items() if name in known}
    for name in ("notes", "doubtful"):
        if name in values:
            values[name] = tuple(values[name])
    if cls is CallEnded and "status" in values:
        values["status"] = CallStatus(values["status"])
    return cls(**values)
