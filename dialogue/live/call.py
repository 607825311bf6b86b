"""One live call: the caller is heard all the time, may cut in, and is answered as soon as they have finished.

Reading, recognising, thinking and speaking are separate tasks: `Listener` reads, `Guess` recognises and thinks, `Mouth`
speaks, and this loop decides. Whatever fails, the caller is given to a person.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from dialogue.audio import Audio
from dialogue.conversation import OPERATOR_KEY, Conversation, Exchange
from dialogue.errors import CallerHungUp, CallError, ProviderError, Stage
from dialogue.events import CallEnded, CallStatus, Listened, TransferRequested
from dialogue.live.ear import Ear
from dialogue.live.guess import Keep
from dialogue.live.line import LiveLine
from dialogue.live.listener import Listener
from dialogue.live.settings import LiveSettings
from dialogue.live.talker import Outcome, Talker
from dialogue.live.turn import Finished, Pressed, Silent, TurnTaker
from dialogue.ports import Journal, VoiceActivity
from dialogue.record import CallFacts, CallRecord, utterance_event
from dialogue.resilience import Recogniser, Speaker
from dialogue.turns import NextStep, Reply, TransferReason, Utterance

__all__ = ["CallFacts", "LiveCall", "LiveSettings"]


class LiveCall:
    """Leads one caller through one live conversation.

    Args:
        facts: what is known of the call.
        line: the caller.
        conversation: what to say.
        recogniser: speech to text, behind time limits and fail-over.
        speaker: text to speech, likewise.
        journal: where each step is kept.
        voice: finds where the caller begins and stops to speak.
        settings: how turns are taken.
        keep: writes an utterance away and returns the name it is kept under; empty where nothing is to be kept.
    """

    def __init__(
        self,
        facts: CallFacts,
        line: LiveLine,
        conversation: Conversation,
        recogniser: Recogniser,
        speaker: Speaker,
        journal: Journal,
        voice: VoiceActivity,
        settings: LiveSettings,
        keep: Keep | None = None,
    ) -> None:
        self._record = CallRecord(facts, journal)
        self._line = line
        self._talk = conversation
        self._settings = settings
        self._leaving = False
        self._heard_turn = 0
        self._ear = ear = Ear(voice, line.rate, settings.pace)
        self._listener = Listener(line, ear, settings.pace.usual)
        self._turns = TurnTaker(ear, self._listener, recogniser, speaker, keep or _nowhere, settings, line.rate)
        self._talker = Talker(line, speaker, self._listener, ear, self._turns, self._record, settings)

    async def run(self) -> CallStatus:
        """Lead the call to its end and return how it ended.

        Raises:
            CallError: the line itself failed; the door must leave its marker unset.
        """
        try:
            return await self._record.lead(self._converse, self._hear_last_words, self._rescue)
        finally:
            await self._turns.close()

    async def _converse(self) -> CallStatus:
        """Hear and talk side by side until either ends."""
        hearing = asyncio.create_task(self._listener.run())
        talking = asyncio.create_task(self._take_turns())
        try:
            await asyncio.wait({hearing, talking}, return_when=asyncio.FIRST_COMPLETED)
            if self._leaving or talking.done():
                return await talking
            talking.cancel()
            await asyncio.wait({talking})
            if not talking.cancelled() and talking.exception() is None:
                return talking.result()
            hearing.result()
            raise CallError(Stage.LINE, "media_closed")
        finally:
            for task in (hearing, talking):
                task.cancel()
            await asyncio.gather(hearing, talking, return_exceptions=True)

    async def _take_turns(self) -> CallStatus:
        reply = self._talk.greet()
        outcome = await self._say(reply)
        while True:
            if outcome is Outcome.OPERATOR_KEY:
                await self._note_key(OPERATOR_KEY)
                reply, outcome = await self._hand_over(TransferReason.CALLER_ASKED)
            if reply.then is NextStep.TRANSFER:
                return await self._transfer(reply.reason or TransferReason.FAILURE)
            if reply.then is NextStep.CLOSE and outcome is Outcome.SAID:
                return await self._close()
            self._record.turn += 1
            self._turns.expects_place = reply.expects == "address"
            reply, outcome = await self._take_turn()

    async def _take_turn(self) -> tuple[Reply, Outcome]:
        """Hear the caller out and answer."""
        started = time.monotonic()
        heard = await self._turns.hear(self._talk, self._note_key)
        seconds = time.monotonic() - started
        match heard:
            case Finished():
                try:
                    return await self._answer(heard, seconds)
                finally:
                    await heard.guess.drop()
            case Pressed(operator=True):
                await self._note_key(OPERATOR_KEY)
                return await self._hand_over(TransferReason.CALLER_ASKED)
            case Pressed():
                reply = self._talk.not_understood()
            case Silent():
                await self._record.note(Listened(self._record.turn, "silence", seconds))
                reply = self._talk.silence()
                await self._record.note_assessment(self._talk.assessment(), 0.0)
        return reply, await self._say(reply)

    async def _answer(self, heard: Finished, seconds: float) -> tuple[Reply, Outcome]:
        """Answer what the caller said; while that takes long, say so, and in the end give up."""
        guess = heard.guess
        self._talker.voice_ended = heard.voice_ended
        over_at = time.monotonic()
        noted = False
        while not guess.ready:
            if guess.recognised and not noted:
                await self._note_heard(heard, seconds)
                noted = True
            if time.monotonic() - over_at >= self._settings.hard_timeout:
                return await self._give_up(heard, seconds, noted=noted)
            outcome = await self._talker.bridge(self._talk, self._talk.holding(), guess)
            if outcome is Outcome.OPERATOR_KEY:
                await self._note_key(OPERATOR_KEY)
                return await self._hand_over(TransferReason.CALLER_ASKED)
        if not noted:
            await self._note_heard(heard, seconds)
        if guess.failure is not None:
            return await self._hand_over(TransferReason.FAILURE)
        if not guess.transcript.text:
            reply = self._talk.not_understood()
            return reply, await self._say(reply)
        return await self._give(heard)

    async def _give(self, heard: Finished) -> tuple[Reply, Outcome]:
        """Speak the answer that was worked out, which now becomes the conversation."""
        guess = heard.guess
        await guess.begun()
        assert guess.talk is not None
        assert guess.response is not None
        self._talk = guess.talk
        exchange = guess.response.exchange
        if exchange is not None:
            await self._note_exchange(exchange)
        reply = exchange.turn.reply if exchange else Reply(guess.first or "", self._talk.language)
        leaving = reply.then is NextStep.TRANSFER
        if self._ear.in_utterance and not leaving and not heard.cut:
            # They went on while we were thinking: what they say now is answered together with it.
            if exchange is None:
                exchange = await guess.response.settle()
                await self._note_exchange(exchange)
            self._talk.heard_only("")
            return exchange.turn.reply, Outcome.CUT_IN
        protected = reply.protected or leaving or heard.cut
        outcome, uttered = await self._talker.give(guess, reply, protected=protected)
        if exchange is None:
            exchange = await guess.response.settle()
            await self._note_exchange(exchange)
            reply = exchange.turn.reply
        if not uttered.whole:
            self._talk.heard_only(uttered.heard_text)
        await self._talker.note_said(reply, uttered)
        return reply, outcome

    async def _note_heard(self, heard: Finished, seconds: float) -> None:
        guess = heard.guess
        self._heard_turn = self._record.turn
        await guess.settled()
        utterance = Utterance(guess.audio, guess.source, heard.cut)
        event = utterance_event(self._record.turn, utterance, seconds, heard.silence)
        steps = [self._record.note(event)]
        if guess.recognition is not None:
            steps.append(self._record.note_recognition(guess.recognition))
        elif guess.failure is not None:
            steps.append(self._record.note_failure(guess.failure))
        # Written together: one wait for the disk, before anything is said.
        await asyncio.gather(*steps)

    async def _note_exchange(self, exchange: Exchange) -> None:
        for failure in (*exchange.passed_over, *([exchange.failure] if exchange.failure else [])):
            await self._record.note_failure(failure)
        await self._record.note_assessment(exchange.assessment, exchange.seconds)

    async def _note_key(self, digit: str) -> None:
        await self._record.note(Listened(self._record.turn, "key", 0.0, key=digit))

    async def _say(self, reply: Reply) -> Outcome:
        protected = reply.protected or reply.then is NextStep.TRANSFER
        return await self._talker.say(self._talk, reply, protected=protected)

    async def _hand_over(self, reason: TransferReason) -> tuple[Reply, Outcome]:
        reply = self._talk.hand_over(reason)
        await self._say(reply)
        return reply, Outcome.SAID

    async def _give_up(self, heard: Finished, seconds: float, *, noted: bool) -> tuple[Reply, Outcome]:
        """No engine has answered for so long that a person is the better answer."""
        stage = Stage.LANGUAGE_MODEL if noted else Stage.SPEECH_TO_TEXT
        if not noted:
            utterance = Utterance(heard.guess.audio, heard.guess.source, heard.cut)
            await self._record.note(utterance_event(self._record.turn, utterance, seconds, heard.silence))
        limit = self._settings.hard_timeout
        await self._record.note_failure(ProviderError(stage, "timeout", f"no answer within {limit:g} s"))
        return await self._hand_over(TransferReason.FAILURE)

    async def _close(self) -> CallStatus:
        await self._record.note(CallEnded(CallStatus.COMPLETED))
        self._leaving = True
        with suppress(CallerHungUp):
            await self._line.drained()
            await self._line.hang_up()
        return CallStatus.COMPLETED

    async def _transfer(self, reason: TransferReason) -> CallStatus:
        briefing = self._talk.briefing()
        await self._record.note(TransferRequested(reason.value, briefing.summary))
        await self._record.note(CallEnded(CallStatus.TRANSFERRED, reason.value))
        self._leaving = True
        await self._line.drained()
        await self._line.transfer(reason, briefing)
        return CallStatus.TRANSFERRED

    async def _rescue(self, error: CallError) -> None:
        await self._line.transfer(TransferReason.FAILURE, None)

    async def _hear_last_words(self, _: Utterance | None) -> None:
        """Understand what the caller said before hanging up: it may be all that is ever known of an incident."""
        await self._talker.note_unfinished()
        audio = self._turns.last_words()
        if audio is None:
            return
        if self._record.turn <= self._heard_turn:
            # They cut into the answer: what this turn has heard already stays.
            self._record.turn += 1
        try:
            utterance = Utterance(audio, await self._turns.keep(audio))
            await self._record.note(utterance_event(self._record.turn, utterance, audio.seconds))
            found = await self._turns.recognise(self._talk, audio)
            await self._record.note_recognition(found)
            if found.transcript.text:
                await self._note_exchange(await self._talk.hear(found.transcript))
        except CallError as error:
            self._record.log_failure(error)


async def _nowhere(_: Audio) -> str:
    """Keep no utterance."""
    return ""
