"""One call: listen, recognise, decide, speak, over whatever line, each step on the journal before the next.

Whatever fails, the caller is given to a person. Where even that cannot be said on the line, the door leaves its
marker unset and the dialplan does it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog

from dialogue.conversation import OPERATOR_KEY, Conversation
from dialogue.errors import CallerHungUp, CallError, JournalError, ProviderError, Stage
from dialogue.events import (
    Assessed,
    CallEnded,
    CallStarted,
    CallStatus,
    Event,
    Listened,
    Recognised,
    Said,
    StageFailed,
    TransferRequested,
)
from dialogue.ports import Journal, Line, ListenLimits, SttRequest
from dialogue.resilience import Recogniser, Speaker
from dialogue.turns import Assessment, Key, NextStep, Reply, Silence, Transcript, TransferReason, Utterance

log = structlog.get_logger(__name__)

PARTING_SECONDS = 5.0
"""How long the last entries of a call that is being stopped may take."""

IGNORED_KEYS = 10
"""Keys without a meaning that one turn bears before it counts as not understood."""


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


def utterance_event(turn: int, heard: Utterance, seconds: float) -> Listened:
    """The journal's entry for recorded speech."""
    return Listened(turn, "utterance", seconds, audio=heard.source, cut=heard.cut)


class Call:
    """Leads one caller through one conversation.

    Args:
        facts: what is known of the call.
        line: the caller.
        conversation: what to say.
        recogniser: speech to text, behind time limits and fail-over.
        speaker: text to speech, likewise.
        journal: where each step is kept.
        limits: how long to listen.
    """

    def __init__(
        self,
        facts: CallFacts,
        line: Line,
        conversation: Conversation,
        recogniser: Recogniser,
        speaker: Speaker,
        journal: Journal,
        limits: ListenLimits,
    ) -> None:
        self._facts = facts
        self._line = line
        self._conversation = conversation
        self._recogniser = recogniser
        self._speaker = speaker
        self._journal = journal
        self._limits = limits
        self._turn = 0
        self._pressed: str | None = None
        self._log = log.bind(call_id=facts.call_id, scenario=facts.scenario, door=facts.door)

    async def run(self) -> CallStatus:
        """Lead the call to its end and return how it ended.

        Raises:
            CallError: neither the conversation nor the hand-over worked; the door must leave its marker unset.
        """
        facts = self._facts
        self._log.info("call_started", language=facts.language, **facts.engines)
        try:
            await self._note(
                CallStarted(facts.scenario, facts.language, facts.door, facts.caller, facts.dialled, facts.engines)
            )
            status = await self._talk()
        except CallerHungUp as gone:
            status = CallStatus.HUNG_UP
            await self._hear_last_words(gone.utterance)
            await self._note_at_last(CallEnded(status))
        except CallError as error:
            status = await self._rescue(error)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(PARTING_SECONDS):
                    await self._note_at_last(CallEnded(CallStatus.FAILED, "door_stopped"))
            raise
        except Exception:
            # A fault of ours, in a scenario or an engine, is no reason to leave the caller in silence.
            self._log.exception("call_broken", stage=Stage.SCENARIO.value)
            status = await self._rescue(CallError(Stage.SCENARIO, "unexpected"))
        self._log.info("call_ended", status=status.value)
        return status

    async def _talk(self) -> CallStatus:
        reply = self._conversation.greet()
        while True:
            await self._say(reply)
            match reply.then:
                case NextStep.CLOSE:
                    await self._note(CallEnded(CallStatus.COMPLETED))
                    with suppress(CallerHungUp):
                        await self._line.hang_up()
                    return CallStatus.COMPLETED
                case NextStep.TRANSFER:
                    return await self._transfer(reply.reason or TransferReason.FAILURE)
                case NextStep.LISTEN:
                    self._turn += 1
                    reply = await self._take_turn()

    async def _take_turn(self) -> Reply:
        """Hear the caller once and return the reply."""
        heard = await self._listen()
        match heard:
            case Key():
                operator = heard.digit == OPERATOR_KEY
                return self._conversation.hand_over(TransferReason.CALLER_ASKED) if operator else self._missed()
            case Silence():
                reply = self._conversation.silence()
                await self._note_assessment(self._conversation.assessment(), 0.0)
                return reply
            case Utterance():
                transcript = await self._recognise(heard)
        if transcript is None:
            return self._conversation.hand_over(TransferReason.FAILURE)
        if not transcript.text:
            return self._missed()
        exchange = await self._conversation.hear(transcript)
        for failure in (*exchange.passed_over, *([exchange.failure] if exchange.failure else [])):
            await self._note_failure(failure)
        await self._note_assessment(exchange.assessment, exchange.seconds)
        return exchange.turn.reply

    def _missed(self) -> Reply:
        return self._conversation.not_understood()

    async def _listen(self) -> Utterance | Key | Silence:
        for _ in range(IGNORED_KEYS):
            started = time.monotonic()
            if self._pressed is not None:
                heard: Utterance | Key | Silence = Key(self._pressed)
                self._pressed = None
            else:
                heard = await self._line.listen(self._limits)
            seconds = time.monotonic() - started
            match heard:
                case Utterance():
                    event = utterance_event(self._turn, heard, seconds)
                case Key():
                    event = Listened(self._turn, "key", seconds, key=heard.digit)
                case Silence():
                    event = Listened(self._turn, "silence", heard.seconds)
            await self._note(event)
            if not isinstance(heard, Key) or heard.digit == OPERATOR_KEY:
                return heard
        return Key("#")

    async def _recognise(self, heard: Utterance) -> Transcript | None:
        """Return the words, or None where every engine failed."""
        request = SttRequest(self._conversation.language, self._conversation.hints)
        try:
            recognition = await self._recogniser.recognise(heard.audio, request)
        except ProviderError as error:
            await self._note_failure(error)
            return None
        for failure in recognition.failures:
            await self._note_failure(failure)
        found = recognition.transcript
        await self._note(
            Recognised(
                self._turn, found.text, found.language, found.confidence, recognition.engine, recognition.seconds
            )
        )
        return found

    async def _hear_last_words(self, utterance: Utterance | None) -> None:
        """Understand what the caller said before hanging up: it may be all that is ever known of an incident."""
        if utterance is None or not utterance.audio.pcm:
            return
        try:
            await self._note(utterance_event(self._turn, utterance, utterance.audio.seconds))
            transcript = await self._recognise(utterance)
            if transcript is not None and transcript.text:
                exchange = await self._conversation.hear(transcript)
                await self._note_assessment(exchange.assessment, exchange.seconds)
        except CallError as error:
            self._log_failure(error)

    async def _say(self, reply: Reply) -> None:
        speech = await self._speaker.prepare(reply.text, reply.language)
        for failure in speech.failures:
            await self._note_failure(failure)
        spoken = await self._line.say(speech)
        self._pressed = spoken.key
        await self._note(
            Said(
                self._turn,
                reply.text,
                reply.language,
                reply.purpose,
                speech.engine,
                speech.seconds,
                spoken.seconds,
                spoken.whole,
            )
        )

    async def _transfer(self, reason: TransferReason) -> CallStatus:
        briefing = self._conversation.briefing()
        await self._note(TransferRequested(reason.value, briefing.summary))
        await self._note(CallEnded(CallStatus.TRANSFERRED, reason.value))
        await self._line.transfer(reason, briefing)
        return CallStatus.TRANSFERRED

    async def _rescue(self, error: CallError) -> CallStatus:
        """Something broke: give the caller to a person, without the part that broke."""
        self._log_failure(error)
        if not isinstance(error, JournalError):
            await self._note_at_last(StageFailed(self._turn, error.stage.value, error.code, error.detail))
        await self._note_at_last(CallEnded(CallStatus.FAILED, error.code))
        if error.stage is Stage.LINE:
            raise error
        try:
            await self._line.transfer(TransferReason.FAILURE, None)
        except CallerHungUp:
            self._log.info("caller_gone_before_transfer")
        return CallStatus.FAILED

    async def _note_assessment(self, found: Assessment, seconds: float) -> None:
        await self._note(
            Assessed(
                self._turn,
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

    async def _note_failure(self, error: CallError) -> None:
        self._log_failure(error)
        await self._note(StageFailed(self._turn, error.stage.value, error.code, error.detail))

    def _log_failure(self, error: CallError) -> None:
        self._log.error("stage_failed", stage=error.stage.value, code=error.code, detail=error.detail, turn=self._turn)

    async def _note(self, event: Event) -> None:
        await self._journal.record(self._facts.call_id, event)

    async def _note_at_last(self, event: Event) -> None:
        """Record where nothing more can be done about a failure to record."""
        try:
            await self._note(event)
        except JournalError as error:
            self._log_failure(error)
