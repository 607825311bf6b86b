"""The assistant's turn: it speaks, falls silent where the caller begins to, and knows what was heard of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum

from dialogue.conversation import OPERATOR_KEY, Conversation
from dialogue.errors import LineError, ProviderError, Stage
from dialogue.events import Interrupted, Said
from dialogue.live.ear import Ear
from dialogue.live.guess import Guess
from dialogue.live.interruption import Interruption, Verdict
from dialogue.live.line import LiveLine
from dialogue.live.listener import Listener
from dialogue.live.mouth import Mouth, Uttered
from dialogue.live.settings import LiveSettings
from dialogue.live.turn import LOOK_AGAIN, TurnTaker
from dialogue.record import CallRecord
from dialogue.resilience import Speaker
from dialogue.sentences import Sentences
from dialogue.turns import Reply

FILLER = "filler"

ASKED_SHARE = 0.7
"""Share of a question after which an "mm-hm" may be its answer."""

JUDGED_EVERY = 0.03
"""Seconds between two looks at a caller who may be cutting in."""

LONGEST_QUIET = 4.9
"""Seconds for which a caller who waits hears nothing at most."""

SOUND_WITHIN = 1.5
"""Seconds a voice has to begin, also where the caller has waited long before it was asked."""


class Outcome(Enum):
    """How speaking ended."""

    SAID = "said"
    CUT_IN = "cut_in"
    """The caller has something to say."""
    OPERATOR_KEY = "operator_key"


@dataclass(slots=True)
class _Speaking:
    """What is being said, and when its first sound was given to the line."""

    reply: Reply
    mouth: Mouth
    first_at: float | None = None


class _Watch:
    """Notices that a line which ought to sound does not.

    Args:
        line: the caller.
        seconds: until the first sound; `SOUND_WITHIN` at least.
    """

    def __init__(self, line: LiveLine, seconds: float) -> None:
        self._line = line
        self._limit = max(seconds, SOUND_WITHIN)
        self._since = time.monotonic()
        self._played = line.played

    def left(self) -> float:
        """Seconds until it is too late."""
        return max(self._since + self._limit - time.monotonic(), 0.0)

    def look(self, limit: float) -> None:
        """See whether there was sound since the last look; from the first on there must be some within ``limit``.

        Raises:
            ProviderError: there is nothing to play.
            LineError: what there is, is not played.
        """
        now = time.monotonic()
        if self._line.played > self._played:
            self._played, self._limit = self._line.played, limit
            self._since = now
        elif now - self._since >= self._limit:
            if self._line.queued > 0:
                raise LineError("media_stalled", "the line plays nothing any more")
            raise ProviderError(Stage.TEXT_TO_SPEECH, "timeout", f"no sound within {self._limit:.1f} s")

    def start_over(self) -> None:
        """There was no sound on purpose."""
        self._since = time.monotonic()


class Talker:
    """Speaks to the caller.

    Args:
        line: the caller.
        speaker: text to speech.
        listener: hears the caller meanwhile.
        ear: what the listener feeds.
        turns: follows the caller's utterances.
        record: where what was said is kept.
        settings: how turns are taken.

    Attributes:
        voice_ended: when the caller last fell silent, by `time.monotonic`, while an answer is due; None else.
    """

    def __init__(
        self,
        line: LiveLine,
        speaker: Speaker,
        listener: Listener,
        ear: Ear,
        turns: TurnTaker,
        record: CallRecord,
        settings: LiveSettings,
    ) -> None:
        self.voice_ended: float | None = None
        self._line = line
        self._speaker = speaker
        self._listener = listener
        self._ear = ear
        self._turns = turns
        self._record = record
        self._settings = settings
        self._now_speaking: _Speaking | None = None
        self._sound_at = time.monotonic()
        self._paused = False

    @property
    def quiet_for(self) -> float:
        """Seconds for which neither has said anything."""
        return min(self._turns.quiet_for, time.monotonic() - self._sound_at)

    async def say(self, talk: Conversation, reply: Reply, *, protected: bool = False) -> tuple[Outcome, float]:
        """Speak a reply that is known whole.

        Returns:
            How it ended, and how many seconds of it were heard.

        Args:
            talk: the conversation; it learns what was heard.
            reply: what to say.
            protected: whatever the caller does, it is spoken to its end.

        Raises:
            ProviderError: no voice could speak.
            LineError, CallerHungUp, JournalError: as they say.
        """
        outcome, uttered = await self._speak(_sentences(reply.text), talk, reply, protected=protected)
        if not uttered.whole:
            talk.heard_only(uttered.heard_text)
        await self.note_said(reply, uttered)
        return outcome, uttered.seconds

    async def give(self, guess: Guess, reply: Reply, *, protected: bool) -> tuple[Outcome, Uttered]:
        """Speak the answer of a guess, piece by piece as it is worked out.

        Args:
            guess: ready, with an answer.
            reply: the answer as far as it is known.
            protected: whatever the caller does, it is spoken to its end.
        """
        assert guess.talk is not None
        return await self._speak(guess.pieces(), guess.talk, reply, protected=protected)

    async def bridge(self, talk: Conversation, phrase: Reply | None, guess: Guess, until: float) -> Outcome:
        """Say a short phrase while the answer is being worked out, and wait for the answer a while.

        Args:
            talk: the conversation.
            phrase: what to say to a caller who waits; to one who has gone on speaking nothing is said.
            guess: whose answer is waited for.
            until: when to stop waiting at the latest, by `time.monotonic`.
        """
        if phrase is not None and not self._ear.voiced:
            outcome, uttered = await self._speak(_sentences(phrase.text), talk, phrase, protected=True)
            await self.note_said(phrase, uttered)
            if outcome is Outcome.OPERATOR_KEY:
                return outcome
        every = self._settings.bridge_every
        while not guess.ready and (left := min(every - self.quiet_for, until - time.monotonic())) > 0:
            if self._operator_key():
                return Outcome.OPERATOR_KEY
            await self._listener.wait(left)
        return Outcome.SAID

    async def note_said(self, reply: Reply, uttered: Uttered) -> None:
        """Record what was said and heard; nothing where the caller heard nothing of it. Raises JournalError."""
        speaking, self._now_speaking = self._now_speaking, None
        for failure in uttered.failures:
            await self._record.note_failure(failure)
        first_at = speaking.first_at if speaking else None
        if first_at is None and not uttered.whole:
            return
        await self._record.note(self._said(reply, uttered, first_at))
        if reply.purpose != FILLER:
            self.voice_ended = None

    async def note_unfinished(self) -> None:
        """Record what the caller had heard of the reply in which the line ended, or the voice broke."""
        speaking, self._now_speaking = self._now_speaking, None
        if speaking is not None and speaking.first_at is not None:
            uttered = speaking.mouth.uttered(whole=False)
            await self._record.note_at_last(self._said(speaking.reply, uttered, speaking.first_at))

    def _said(self, reply: Reply, uttered: Uttered, first_at: float | None) -> Said:
        delay = first_at - self.voice_ended if first_at is not None and self.voice_ended is not None else None
        return Said(
            self._record.turn,
            uttered.text or reply.text,
            reply.language,
            reply.purpose,
            uttered.engine,
            uttered.first_sound_seconds,
            uttered.seconds,
            uttered.whole,
            "" if uttered.whole else uttered.heard_text,
            delay,
        )

    async def _speak(
        self, pieces: AsyncIterator[str], talk: Conversation, reply: Reply, *, protected: bool
    ) -> tuple[Outcome, Uttered]:
        """Speak until the end, the operator's key, or what turns out to be the caller's turn."""
        mouth = Mouth(self._speaker, self._line)
        now = self._now_speaking = _Speaking(reply, mouth)
        first_come = not protected and not reply.notice and self._ear.in_utterance
        if first_come and await self._judge(mouth, talk, reply, speaking=False) is Verdict.DROP:
            # They were first, and nothing is said.
            return Outcome.CUT_IN, mouth.uttered(whole=False)

        def first() -> None:
            now.first_at = time.monotonic()

        watch = _Watch(self._line, min(self._settings.voice_timeout, LONGEST_QUIET - self.quiet_for))
        work = asyncio.create_task(mouth.speak(pieces, reply.language, on_first=first))
        work.add_done_callback(lambda _: self._listener.news.set())
        held_back = False
        try:
            while not work.done():
                await self._listener.wait(min(JUDGED_EVERY if held_back else LOOK_AGAIN, watch.left()))
                if self._operator_key():
                    return Outcome.OPERATOR_KEY, await self._stop(work, mouth)
                if work.done():
                    break
                watch.look(self._settings.voice_timeout)
                if protected:
                    continue
                if reply.notice and len(mouth.heard()) < len(reply.notice):
                    held_back = self._ear.in_utterance
                    if held_back:
                        # What they say meanwhile is understood by the time the notice is over.
                        self._turns.follow(talk, answering=False)
                    continue
                if self._turns.spoke_up(talk.language):
                    return Outcome.CUT_IN, await self._stop(work, mouth)
                if (self._listener.edges or held_back) and self._ear.in_utterance:
                    if await self._judge(mouth, talk, reply, held_back=held_back) is Verdict.DROP:
                        return Outcome.CUT_IN, await self._stop(work, mouth)
                    watch.start_over()
                held_back = False
            uttered = await work
            self._sound_at = time.monotonic()
            return Outcome.SAID, uttered
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _judge(
        self, mouth: Mouth, talk: Conversation, reply: Reply, *, speaking: bool = True, held_back: bool = False
    ) -> Verdict:
        """Fall silent and find out whether the caller has something to say.

        Args:
            mouth: what speaks.
            talk: the conversation.
            reply: what is being said.
            speaking: the caller was heard in it; False where it has not begun.
            held_back: they began in its notice.

        Returns:
            `Verdict.DROP`, the utterance being the caller's turn; or `Verdict.RESUME`, with the utterance passed over
            until it is known to have been words.
        """
        if speaking:
            await self._pause()
        paused_at = time.monotonic()
        heard = mouth.uttered(whole=False).seconds
        interruption = Interruption()
        asked = _asked(reply, mouth.heard())
        while True:
            self._turns.follow(talk, answering=False)
            verdict = interruption.judge(
                paused_for=time.monotonic() - paused_at,
                voiced_for=self._ear.voiced_for,
                voiced=self._ear.voiced,
                text=self._turns.text,
                language=talk.language,
                asked=asked,
            )
            if verdict is not Verdict.WAIT:
                break
            await self._listener.wait(JUDGED_EVERY)
        decided = time.monotonic() - paused_at
        if verdict is Verdict.RESUME:
            self._turns.pass_over(asked=asked)
        if speaking:
            if verdict is Verdict.RESUME:
                await self._line.resume()
                self._paused = False
            if heard > 0:
                outcome = "dropped" if verdict is Verdict.DROP else "resumed"
                await self._record.note(Interrupted(self._record.turn, outcome, heard, decided, held_back))
        return verdict

    async def _stop(self, work: asyncio.Task[Uttered], mouth: Mouth) -> Uttered:
        """Fall silent for good and return what was heard."""
        await self._pause()
        uttered = mouth.uttered(whole=False)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await self._line.flush()
        self._paused = False
        return uttered

    async def _pause(self) -> None:
        if self._line.queued > 0 and not self._paused:
            self._sound_at = time.monotonic()
        self._paused = True
        await self._line.pause()

    def _operator_key(self) -> bool:
        """Whether the operator's key was pressed; takes it."""
        keys = self._listener.keys
        if OPERATOR_KEY not in keys:
            return False
        keys.clear()
        return True


def _asked(reply: Reply, heard: str) -> bool:
    """Whether the caller has heard enough of a question to answer it."""
    question = reply.text.rfind("?")
    return question >= 0 and len(heard) >= question * ASKED_SHARE


async def _sentences(text: str) -> AsyncIterator[str]:
    """A known text, sentence by sentence, so that its first words are spoken before its last are synthesised."""
    splitter = Sentences()
    for sentence in splitter.feed(text):
        yield sentence
    rest = splitter.rest()
    if rest:
        yield rest
