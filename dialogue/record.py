"""A call's own record: each step on the journal before the next, and an end whatever happens."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from dialogue.errors import CallerHungUp, CallError, JournalError, Stage
from dialogue.events import (
    Assessed,
    CallEnded,
    CallStarted,
    CallStatus,
    Event,
    Listened,
    Recognised,
    StageFailed,
)
from dialogue.ports import Journal
from dialogue.resilience import Recognition
from dialogue.turns import Assessment, Utterance

log = structlog.get_logger(__name__)

PARTING_SECONDS = 5.0
"""How long the last entries of a call that is being stopped may take."""

LastWords = Callable[[Utterance | None], Awaitable[None]]
Rescue = Callable[[CallError], Awaitable[None]]
Talk = Callable[[], Awaitable[CallStatus]]


LineT = TypeVar("LineT", covariant=True)


@dataclass(frozen=True, slots=True)
class Incoming(Generic[LineT]):
    """A call as the dialplan hands it over to a door.

    Args:
        call_id: UUID that names the call everywhere.
        language: ISO 639-1 code the call begins in; empty for the scenario's own.
        scenario: its name.
        caller: caller's number, only characters a number or SIP user has; empty where unknown.
        dialled: extension that was called.
        line: the caller.
    """

    call_id: str
    language: str
    scenario: str
    caller: str
    dialled: str
    line: LineT


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call before a word is said.

    Args:
        call_id: UUID that names the call everywhere.
        scenario: its name.
        language: ISO 639-1 code the call begins in.
        door: ``agi``, ``ari``, ``simulate`` or ``chat``.
        caller: caller's number as the PBX gave it.
        dialled: extension that was called.
        engines: which engine serves each stage.
    """

    call_id: str
    scenario: str
    language: str
    door: str
    caller: str
    dialled: str
    engines: Mapping[str, str]


_NOT_A_NUMBER = re.compile(r"[^0-9A-Za-z+*#@._-]")
_NUMBER_LENGTH = 64
_NO_NUMBER = frozenset({"unknown", "anonymous", "Anonymous"})


def valid_call_id(text: str) -> str | None:
    """Return the UUID in ``text`` in its usual form, or None where there is none."""
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None


def phone_number(text: str) -> str:
    """Return a number as a PBX gave it, without what no number contains; empty where it stands for none."""
    return "" if text in _NO_NUMBER else _NOT_A_NUMBER.sub("", text)[:_NUMBER_LENGTH]


def utterance_event(turn: int, heard: Utterance, seconds: float, end_silence: float | None = None) -> Listened:
    """The journal's entry for recorded speech."""
    return Listened(turn, "utterance", seconds, audio=heard.source, cut=heard.cut, end_silence=end_silence)


class CallRecord:
    """What is written down of one call.

    Args:
        facts: what is known of the call.
        journal: where each step is kept.

    Attributes:
        turn: number of the exchange the call is in.
        log: with the call's id.
    """

    def __init__(self, facts: CallFacts, journal: Journal) -> None:
        self.turn = 0
        self.log = log.bind(call_id=facts.call_id, scenario=facts.scenario, door=facts.door)
        self._facts = facts
        self._journal = journal
        self._ended = False

    async def lead(
        self, talk: Callable[[], Awaitable[CallStatus]], last_words: LastWords, rescue: Rescue
    ) -> CallStatus:
        """Begin the record, run the conversation, and write down how it ended.

        Args:
            talk: the conversation; it records its own end where it comes to one.
            last_words: takes in what the caller said before hanging up.
            rescue: gives the caller to a person after a failure that is on record already. Raises `CallerHungUp`
                where nobody is there any more.

        Raises:
            CallError: the line itself failed; the door must leave its marker unset.
        """
        facts = self._facts
        self.log.info("call_started", language=facts.language, **facts.engines)
        try:
            await self.note(
                CallStarted(facts.scenario, facts.language, facts.door, facts.caller, facts.dialled, facts.engines)
            )
            try:
                status = await talk()
            except CallerHungUp as gone:
                status = CallStatus.HUNG_UP
                await last_words(gone.utterance)
                await self.note_at_last(CallEnded(status))
        except CallError as error:
            status = await self._fail(error, rescue)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(PARTING_SECONDS):
                    await self.note_at_last(CallEnded(CallStatus.FAILED, "door_stopped"))
            raise
        except Exception:
            # A fault of ours, in a scenario or an engine, is no reason to leave the caller in silence.
            self.log.exception("call_broken", stage=Stage.SCENARIO.value)
            status = await self._fail(CallError(Stage.SCENARIO, "unexpected"), rescue)
        self.log.info("call_ended", status=status.value)
        return status

    async def note(self, event: Event) -> None:
        """Return once a step is on disk; a call ends once, however many reasons it has. Raises JournalError."""
        if isinstance(event, CallEnded):
            if self._ended:
                return
            self._ended = True
        await self._journal.record(self._facts.call_id, event)

    async def note_at_last(self, event: Event) -> None:
        """Record where nothing more can be done about a failure to record."""
        try:
            await self.note(event)
        except JournalError as error:
            self.log_failure(error)

    async def note_failure(self, error: CallError) -> None:
        """Record that a part failed. Raises JournalError."""
        self.log_failure(error)
        await self.note(StageFailed(self.turn, error.stage.value, error.code, error.detail))

    async def note_recognition(self, found: Recognition) -> None:
        """Record recognised words, and what failed before they came. Raises JournalError."""
        for failure in found.failures:
            await self.note_failure(failure)
        words = found.transcript
        await self.note(
            Recognised(
                self.turn,
                words.text,
                words.language,
                words.confidence,
                found.engine,
                found.seconds,
                words.doubtful,
                words.invented,
            )
        )

    async def note_assessment(self, found: Assessment, seconds: float) -> None:
        """Record an outcome that took ``seconds`` to come to. Raises JournalError."""
        await self.note(
            Assessed(
                self.turn,
                dict(found.fields),
                found.source,
                found.engine,
                dict(found.evidence),
                found.notes,
                found.model_answer,
                found.prompt_version,
                seconds,
            )
        )

    def log_failure(self, error: CallError) -> None:
        """Say in the log that a part failed."""
        self.log.error("stage_failed", stage=error.stage.value, code=error.code, detail=error.detail, turn=self.turn)

    async def _fail(self, error: CallError, rescue: Rescue) -> CallStatus:
        """Something broke: give the caller to a person, without the part that broke."""
        self.log_failure(error)
        if not isinstance(error, JournalError):
            await self.note_at_last(StageFailed(self.turn, error.stage.value, error.code, error.detail))
        await self.note_at_last(CallEnded(CallStatus.FAILED, error.code))
        if error.stage is Stage.LINE:
            raise error
        try:
            await rescue(error)
        except CallerHungUp:
            self.log.info("caller_gone_before_transfer")
        return CallStatus.FAILED
