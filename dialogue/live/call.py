"""One live call: the caller is heard all the time, may cut in, and is answered as soon as they have finished.

Reading, recognising, thinking and speaking are separate tasks: `Listener` reads, `Guess` recognises and thinks, `Mouth`
speaks, and this loop decides. Whatever fails, the caller is given to a person.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dialogue.audio import Audio
from dialogue.conversation import OPERATOR_KEY, Conversation, Exchange
from dialogue.errors import CallerHungUp, CallError, JournalError, ProviderError, Stage
from dialogue.events import CallEnded, CallStatus, Listened, TransferRequested
from dialogue.live.ear import Ear
from dialogue.live.guess import Keep
from dialogue.live.line import LiveLine
from dialogue.live.listener import Listener
from dialogue.live.settings import LiveSettings
from dialogue.live.talker import Outcome, Talker
from dialogue.live.turn import Finished, Pressed, Silent, TurnTaker
from dialogue.ports import Journal, VoiceActivity
from dialogue.record import PARTING_SECONDS, CallFacts, CallRecord, utterance_event
from dialogue.resilience import Recogniser, Speaker
from dialogue.turns import NextStep, Reply, TransferReason, Utterance

NOTHING_HEARD = 0.3
"""Seconds of a reply up to which the caller has heard nothing of it."""

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
        self._keep = keep or _nowhere
        self._leaving = False
        self._open: list[_Account] = []
        self._told_in = 0
        self._unheard: Reply | None = None
        self._ear = ear = Ear(voice, line.rate, settings.pace)
        self._listener = Listener(line, ear, settings.pace.usual)
        self._turns = TurnTaker(ear, self._listener, recogniser, speaker, settings, line.rate)
        self._talker = Talker(line, speaker, self._listener, ear, self._turns, self._record, settings)

    async def run(self) -> CallStatus:
        """Lead the call to its end and return how it ended.

        Raises:
            CallError: the line itself failed; the door must leave its marker unset.
        """
        try:
            return await self._record.lead(self._lead, self._hear_last_words, self._rescue)
        finally:
            await self._forget_open()
            await self._turns.close()

    async def _lead(self) -> CallStatus:
        try:
            return await self._converse()
        except (CallerHungUp, JournalError):
            raise
        except Exception:
            # What they said last is on record before whoever comes next has them.
            with suppress(CallError):
                await self._note_open()
            raise

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
        try:
            reply = self._talk.greet()
            outcome = await self._say(reply)
            while True:
                if outcome is Outcome.OPERATOR_KEY:
                    await self._note_key(OPERATOR_KEY)
                    if reply.then is not NextStep.TRANSFER:
                        reply, outcome = await self._hand_over(TransferReason.CALLER_ASKED)
                if reply.then is NextStep.TRANSFER:
                    return await self._transfer(reply.reason or TransferReason.FAILURE)
                closing = reply.then is NextStep.CLOSE and outcome is Outcome.SAID
                if closing and not self._turns.pending:
                    return await self._close()
                self._record.turn += 1
                self._turns.expects_place = reply.expects == "address"
                reply, outcome = await self._take_turn(reply if closing else None)
        except Exception:
            await self._talker.note_unfinished()
            raise

    async def _take_turn(self, farewell: Reply | None) -> tuple[Reply, Outcome]:
        """Hear the caller out and answer.

        Args:
            farewell: what was said last, where the call ends unless the caller has something to say after all.
        """
        started = time.monotonic()
        unheard, self._unheard = self._unheard, None
        hurried = unheard is not None or farewell is not None
        patience = 0.0 if hurried else self._settings.initial_silence
        heard = await self._turns.hear(self._talk, self._note_key, patience)
        seconds = time.monotonic() - started
        if isinstance(heard, Finished):
            account = _Account(heard, seconds)
            self._open.append(account)
            answered = await self._answer(account)
            await self._forget_open()
            if answered is not None:
                return answered
        elif isinstance(heard, Pressed) and heard.operator:
            await self._note_key(OPERATOR_KEY)
            return await self._hand_over(TransferReason.CALLER_ASKED)
        self._talker.voice_ended = None
        if farewell is not None:
            return farewell, Outcome.SAID
        if unheard is not None:
            # It was no words that kept them from hearing it.
            self._talk.heard_only(unheard.text)
            return unheard, (await self._talker.say(self._talk, unheard, protected=True))[0]
        if not isinstance(heard, Silent):
            cut = isinstance(heard, Finished) and heard.cut
            reply = self._talk.not_understood()
            return reply, await self._say(reply, protected=cut)
        await self._record.note(Listened(self._record.turn, "silence", seconds))
        reply = self._talk.silence()
        await self._record.note_assessment(self._talk.assessment(), 0.0)
        return reply, await self._say(reply)

    async def _answer(self, account: _Account) -> tuple[Reply, Outcome] | None:
        """Answer what the caller said; while that takes long, say so, and in the end give up. None: it was no words."""
        heard, guess = account.heard, account.heard.guess
        self._talker.voice_ended = heard.voice_ended
        hard = time.monotonic() + self._settings.hard_timeout - self._settings.soft_timeout
        await self._note_heard(account, answering=True)
        while not guess.ready:
            phrase = self._talk.holding()
            if time.monotonic() >= hard:
                return await self._give_up(account)
            outcome = await self._talker.bridge(self._talk, phrase, guess, hard)
            if outcome is Outcome.OPERATOR_KEY:
                await self._note_key(OPERATOR_KEY)
                return await self._hand_over(TransferReason.CALLER_ASKED)
            if phrase is None and not guess.ready:
                # Without a phrase of the scenario's there would be silence.
                return await self._give_up(account)
            if guess.recognised:
                await self._note_heard(account, answering=True)
        await self._note_heard(account, answering=True)
        if guess.failure is not None:
            return await self._hand_over(TransferReason.FAILURE)
        if not guess.transcript.words:
            return None
        return await self._give(account)

    async def _give(self, account: _Account) -> tuple[Reply, Outcome]:
        """Speak the answer that was worked out, which now becomes the conversation."""
        heard, guess = account.heard, account.heard.guess
        await guess.begun()
        assert guess.talk is not None
        assert guess.response is not None
        self._talk = guess.talk
        exchange = guess.response.exchange
        if exchange is not None and not account.answered:
            await self._note_answered(account, exchange)
        reply = exchange.turn.reply if exchange else Reply(guess.first or "", self._talk.language)
        protected = reply.protected or reply.then is NextStep.TRANSFER or heard.cut
        outcome, uttered = await self._talker.give(guess, reply, protected=protected)
        if exchange is None:
            exchange = await guess.response.settle()
            await self._note_answered(account, exchange)
            reply = exchange.turn.reply
        if not uttered.whole:
            self._talk.heard_only(uttered.heard_text)
        self._note_unheard(reply, outcome, uttered.seconds)
        await self._talker.note_said(reply, uttered)
        return reply, outcome

    async def _note_heard(self, account: _Account, *, answering: bool = False) -> None:
        """Put on record what is known of an utterance and was not there yet.

        Args:
            account: the utterance.
            answering: what the scenario makes of it counts, and is put there too where it is decided already.
        """
        heard, guess = account.heard, account.heard.guess
        steps: list[Coroutine[Any, Any, None]] = []
        if account.listened:
            self._record.turn = account.turn
        else:
            await guess.keep(self._keep)
            # Two utterances of one turn would hide one another.
            account.turn = self._told_in = max(self._record.turn, self._told_in + 1)
            self._record.turn = account.turn
            utterance = Utterance(guess.audio, guess.source, heard.cut)
            steps.append(
                self._record.note(utterance_event(self._record.turn, utterance, account.seconds, heard.silence))
            )
        if guess.recognised and not account.recognised:
            await guess.settled()
            if guess.recognition is not None:
                steps.append(self._record.note_recognition(guess.recognition))
            elif guess.failure is not None:
                steps.append(self._record.note_failure(guess.failure))
            account.recognised = True
        account.listened = True
        exchange = guess.decided if answering and not account.answered else None
        # Failures are written one by one, and nothing may come between them and the words.
        if exchange is not None and guess.recognition is not None and not guess.recognition.failures:
            assert guess.talk is not None
            self._talk = guess.talk
            steps.append(self._note_answered(account, exchange))
            account.answered = True
        if steps:
            # One wait for the disk, before anything is said. A hang-up meanwhile leaves nothing of it unwritten.
            for outcome in await asyncio.shield(asyncio.gather(*steps, return_exceptions=True)):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def _note_open(self) -> None:
        """Put everything on record that the caller has said and nobody has answered."""
        self._open += [_Account(heard) for heard in self._turns.unheard()]
        for account in self._open:
            await self._note_heard(account)

    async def _note_answered(self, account: _Account, exchange: Exchange) -> None:
        account.answered = True
        await self._note_exchange(exchange)

    async def _note_exchange(self, exchange: Exchange) -> None:
        for failure in (*exchange.passed_over, *([exchange.failure] if exchange.failure else [])):
            await self._record.note_failure(failure)
        await self._record.note_assessment(exchange.assessment, exchange.seconds)

    async def _note_key(self, digit: str) -> None:
        await self._record.note(Listened(self._record.turn, "key", 0.0, key=digit))

    async def _say(self, reply: Reply, *, protected: bool = False) -> Outcome:
        protected = protected or reply.protected or reply.then is NextStep.TRANSFER
        outcome, seconds = await self._talker.say(self._talk, reply, protected=protected)
        self._note_unheard(reply, outcome, seconds)
        return outcome

    def _note_unheard(self, reply: Reply, outcome: Outcome, seconds: float) -> None:
        """Remember a reply that is owed still, should what kept the caller from hearing it turn out to be no words."""
        if outcome is Outcome.CUT_IN and seconds < NOTHING_HEARD:
            self._unheard = reply

    async def _hand_over(self, reason: TransferReason) -> tuple[Reply, Outcome]:
        reply = self._talk.hand_over(reason)
        await self._say(reply)
        return reply, Outcome.SAID

    async def _give_up(self, account: _Account) -> tuple[Reply, Outcome]:
        """No engine has answered for so long that a person is the better answer."""
        stage = Stage.LANGUAGE_MODEL if account.recognised else Stage.SPEECH_TO_TEXT
        limit = self._settings.hard_timeout
        await self._record.note_failure(ProviderError(stage, "timeout", f"no answer within {limit:g} s"))
        return await self._hand_over(TransferReason.FAILURE)

    async def _close(self) -> CallStatus:
        self._leaving = True
        with suppress(CallerHungUp):
            await self._line.drained()
            await self._line.hang_up()
        await self._record.note_at_last(CallEnded(CallStatus.COMPLETED))
        return CallStatus.COMPLETED

    async def _transfer(self, reason: TransferReason) -> CallStatus:
        # What they said into the announcement, or while an engine failed, is kept though nobody answers it here.
        await self._note_open()
        briefing = self._talk.briefing()
        await self._record.note(TransferRequested(reason.value, briefing.summary))
        self._leaving = True
        await self._line.drained()
        await self._line.transfer(reason, briefing)
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING_SECONDS):
                for account in self._open:
                    await self._take_down(account)
        await self._record.note_at_last(CallEnded(CallStatus.TRANSFERRED, reason.value))
        return CallStatus.TRANSFERRED

    async def _rescue(self, error: CallError) -> None:
        await self._line.transfer(TransferReason.FAILURE, None)

    async def _hear_last_words(self, _: Utterance | None) -> None:
        """Understand what the caller said before hanging up: it may be all that is ever known of an incident."""
        await self._talker.note_unfinished()
        self._open += [_Account(heard) for heard in self._turns.unheard()]
        for account in self._open:
            await self._take_down(account)

    async def _take_down(self, account: _Account) -> None:
        """Understand and record an utterance that nobody answers any more."""
        guess = account.heard.guess
        try:
            await self._note_heard(account)
            await guess.settled()
            await self._note_heard(account)
            if guess.transcript.words and not account.answered:
                if guess.talk is not None and guess.response is not None:
                    self._talk = guess.talk
                    exchange = await guess.response.settle()
                else:
                    exchange = await self._talk.hear(guess.transcript)
                await self._note_answered(account, exchange)
        except CallError as error:
            self._record.log_failure(error)
        except Exception:
            # A fault of ours must not keep the call's end from being written.
            self._record.log.exception("last_words_lost", stage=Stage.SCENARIO.value)
        finally:
            await guess.drop()

    async def _forget_open(self) -> None:
        while self._open:
            await self._open.pop().heard.guess.drop()


@dataclass(slots=True)
class _Account:
    """How much of what the caller said is on record.

    Args:
        heard: their utterance.
        seconds: how long it took to listen to them.
        turn: number of the exchange it is, once `listened`.
        listened: that they spoke is on record.
        recognised: so are their words, or why there are none.
        answered: so is what the scenario made of them.
    """

    heard: Finished
    seconds: float = 0.0
    turn: int = 0
    listened: bool = False
    recognised: bool = False
    answered: bool = False


async def _nowhere(_: Audio) -> str:
    """Keep no utterance."""
    return ""
