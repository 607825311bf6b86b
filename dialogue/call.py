"""One call: listen, recognise, decide, speak, over whatever line, each step on the journal before the next.

Whatever fails, the caller is given to a person. Where even that cannot be said on the line, the door leaves its
marker unset and the dialplan does it.
"""

from __future__ import annotations

import time
from contextlib import suppress

from dialogue.conversation import OPERATOR_KEY, Conversation
from dialogue.errors import CallerHungUp, CallError, ProviderError
from dialogue.events import CallEnded, CallStatus, Listened, Said, TransferRequested
from dialogue.ports import Journal, Line, ListenLimits
from dialogue.record import CallFacts, CallRecord, utterance_event
from dialogue.resilience import Recogniser, Speaker
from dialogue.turns import Key, NextStep, Reply, Silence, Transcript, TransferReason, Utterance

__all__ = ["Call", "CallFacts"]

IGNORED_KEYS = 10
"""Keys without a meaning that one turn bears before it counts as not understood."""


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
        self._record = CallRecord(facts, journal)
        self._line = line
        self._conversation = conversation
        self._recogniser = recogniser
        self._speaker = speaker
        self._limits = limits
        self._pressed: str | None = None

    async def run(self) -> CallStatus:
        """Lead the call to its end and return how it ended.

        Raises:
            CallError: neither the conversation nor the hand-over worked; the door must leave its marker unset.
        """
        return await self._record.lead(self._talk, self._hear_last_words, self._rescue)

    async def _talk(self) -> CallStatus:
        reply = self._conversation.greet()
        while True:
            await self._say(reply)
            match reply.then:
                case NextStep.CLOSE:
                    await self._record.note(CallEnded(CallStatus.COMPLETED))
                    with suppress(CallerHungUp):
                        await self._line.hang_up()
                    return CallStatus.COMPLETED
                case NextStep.TRANSFER:
                    return await self._transfer(reply.reason or TransferReason.FAILURE)
                case NextStep.LISTEN:
                    self._record.turn += 1
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
                await self._record.note_assessment(self._conversation.assessment(), 0.0)
                return reply
            case Utterance():
                transcript = await self._recognise(heard)
        if transcript is None:
            return self._conversation.hand_over(TransferReason.FAILURE)
        if not transcript.words:
            return self._missed()
        exchange = await self._conversation.hear(transcript)
        for failure in (*exchange.passed_over, *([exchange.failure] if exchange.failure else [])):
            await self._record.note_failure(failure)
        await self._record.note_assessment(exchange.assessment, exchange.seconds)
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
                    event = utterance_event(self._record.turn, heard, seconds)
                case Key():
                    event = Listened(self._record.turn, "key", seconds, key=heard.digit)
                case Silence():
                    event = Listened(self._record.turn, "silence", heard.seconds)
            await self._record.note(event)
            if not isinstance(heard, Key) or heard.digit == OPERATOR_KEY:
                return heard
        return Key("#")

    async def _recognise(self, heard: Utterance) -> Transcript | None:
        """Return the words, or None where every engine failed."""
        request = self._conversation.hearing
        try:
            recognition = await self._recogniser.recognise(heard.audio, request)
        except ProviderError as error:
            await self._record.note_failure(error)
            return None
        await self._record.note_recognition(recognition)
        return recognition.transcript

    async def _hear_last_words(self, utterance: Utterance | None) -> None:
        """Understand what the caller said before hanging up: it may be all that is ever known of an incident."""
        if utterance is None or not utterance.audio.pcm:
            return
        try:
            await self._record.note(utterance_event(self._record.turn, utterance, utterance.audio.seconds))
            transcript = await self._recognise(utterance)
            if transcript is not None and transcript.words:
                exchange = await self._conversation.hear(transcript)
                await self._record.note_assessment(exchange.assessment, exchange.seconds)
        except CallError as error:
            self._record.log_failure(error)

    async def _say(self, reply: Reply) -> None:
        speech = await self._speaker.prepare(reply.text, reply.language)
        for failure in speech.failures:
            await self._record.note_failure(failure)
        spoken = await self._line.say(speech)
        self._pressed = spoken.key
        await self._record.note(
            Said(
                self._record.turn,
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
        await self._record.note(TransferRequested(reason.value, briefing.summary))
        await self._record.note(CallEnded(CallStatus.TRANSFERRED, reason.value))
        await self._line.transfer(reason, briefing)
        return CallStatus.TRANSFERRED

    async def _rescue(self, error: CallError) -> None:
        await self._line.transfer(TransferReason.FAILURE, None)
