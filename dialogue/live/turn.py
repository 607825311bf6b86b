"""The caller's turn: guesses are made at their pauses, until one of them turns out to be the end of the turn."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from dialogue.audio import Audio
from dialogue.conversation import OPERATOR_KEY, Conversation
from dialogue.errors import Stage
from dialogue.live.ear import Ear, Edge
from dialogue.live.endpointing import end_silence
from dialogue.live.guess import Guess
from dialogue.live.interruption import is_backchannel
from dialogue.live.listener import Listener
from dialogue.live.settings import LiveSettings
from dialogue.ports import SttRequest
from dialogue.resilience import Recogniser, Recognition, Speaker
from dialogue.resilience.hearing_along import LiveRecognition

log = structlog.get_logger(__name__)

IGNORED_KEYS = 10
"""Keys without a meaning that one turn bears before it counts as not understood."""

NOISES = 5
"""Sounds without words that one turn bears before it counts as not understood."""

LOOK_AGAIN = 0.5
"""Longest wait for news, in seconds: silence is counted by the clock too, where no sound comes at all."""

ENDING_SECONDS = 5.0
"""How long forgotten work of engines may take to end after a call."""

NoteKey = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Finished:
    """The caller has finished speaking.

    Args:
        guess: their words, and the answer, as far as they are known.
        silence: seconds of silence that ended the turn.
        cut: they spoke too long and may have wanted to go on.
        voice_ended: when their last voice was, by `time.monotonic`.
        asked: None for what is their turn for certain. Else it was passed over while the assistant spoke and counts
            only if there were words in it; True where the assistant had just asked something.
    """

    guess: Guess
    silence: float
    cut: bool
    voice_ended: float
    asked: bool | None = None


@dataclass(frozen=True, slots=True)
class Silent:
    """The caller said nothing."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """The caller pressed the operator's key, or (``operator`` False) others until it made no sense to wait on."""

    operator: bool


class TurnTaker:
    """Follows the caller's utterances.

    Args:
        ear: finds voice in what is heard.
        listener: feeds the ear.
        recogniser: speech to text.
        speaker: has the first words of an answer spoken in advance.
        settings: how turns are taken.
        rate: Hz of the line.

    Attributes:
        guess: the pause of the present utterance that is being worked on; None where there is none.
        waiting: utterances that are over and were not answered yet, oldest first.
        expects_place: the caller was asked for an address, in which people pause.
    """

    def __init__(
        self,
        ear: Ear,
        listener: Listener,
        recogniser: Recogniser,
        speaker: Speaker,
        settings: LiveSettings,
        rate: int,
    ) -> None:
        self.guess: Guess | None = None
        self.waiting: deque[Finished] = deque()
        self.expects_place = False
        self._ear = ear
        self._listener = listener
        self._recogniser = recogniser
        self._speaker = speaker
        self._settings = settings
        self._rate = rate
        self._guesses = 0
        self._weighed: str | None = None
        self._voice_ended = time.monotonic()
        self._stream: LiveRecognition | None = None
        self._ending: set[asyncio.Future[None]] = set()
        self._request = SttRequest(None)
        listener.on_begin = self._begin_stream
        listener.on_cut = self._cut_short

    @property
    def text(self) -> str | None:
        """What was understood of the present utterance so far; None where that is not known."""
        guess = self.guess
        if guess is not None and guess.recognised:
            return guess.transcript.words if guess.failure is None else None
        partial = self._stream.partial if self._stream is not None else None
        return partial.text if partial is not None else None

    @property
    def quiet_for(self) -> float:
        """Seconds since the caller's last voice in what was an utterance; 0 while they speak."""
        return self._ear.silent_for if self._ear.in_utterance else time.monotonic() - self._voice_ended

    @property
    def pending(self) -> bool:
        """Whether the caller has said something, or is about to, that was not answered."""
        return self._ear.in_utterance or bool(self.waiting)

    async def hear(self, talk: Conversation, note_key: NoteKey, patience: float) -> Finished | Silent | Pressed:
        """Return once the caller's turn is over and the answer is ready, or has become worth bridging.

        Args:
            talk: the conversation; guesses work on copies of it.
            note_key: records a key that means nothing.
            patience: seconds without an utterance after which the caller counts as silent.
        """
        listener, ear, settings = self._listener, self._ear, self._settings
        quiet_since = time.monotonic()
        over_since: float | None = None
        keys = noises = 0
        while True:
            self.follow(talk, answering=not self.waiting)
            while listener.keys:
                digit = listener.keys.popleft()
                keys += 1
                if digit == OPERATOR_KEY or keys > IGNORED_KEYS:
                    # An answer on the way does not know of this turn: it is worked out again.
                    self._drop_guess()
                    return Pressed(digit == OPERATOR_KEY)
                await note_key(digit)
                quiet_since = time.monotonic()
            due = now = time.monotonic()
            self.spoke_up(talk.language)
            over = self._over(talk)
            if over is not None:
                over_since = now if over_since is None else over_since
                due = over_since + settings.soft_timeout
                if over is self.guess and over.ready and not over.transcript.text and self._is_noise(over):
                    self._forget(self._take().guess)
                    noises += 1
                    over_since = None
                    if noises >= NOISES:
                        return Pressed(operator=False)
                    continue
                if over.ready or now >= due:
                    return self._finish(talk)
            else:
                over_since = None
                if not ear.in_utterance:
                    # A noise does not begin the wait anew, or one every few seconds would keep the assistant silent.
                    due = quiet_since + patience
                    if now >= due:
                        return Silent()
            await listener.wait(min(LOOK_AGAIN, due - now) if due > now else LOOK_AGAIN)

    def follow(self, talk: Conversation, *, answering: bool) -> None:
        """Look at what the ear found: begin, refine or forget the guess.

        Args:
            talk: the conversation.
            answering: an answer may be worked out; False while the assistant itself still speaks.
        """
        listener, ear = self._listener, self._ear
        self._request = talk.hearing
        if Edge.BEGAN in listener.edges:
            self._guesses = 0
        if Edge.BEGAN in listener.edges or Edge.WENT_ON in listener.edges:
            self._drop_guess()
        listener.edges.clear()
        if ear.in_utterance and not ear.voiced and self.guess is None and (listener.turn_over or self._may_guess()):
            self._begin_guess()
        text = self.text
        if text is not None and text != self._weighed:
            self._weighed = text
            pace = self._settings.pace
            listener.end_after(end_silence(pace, text or None, talk.language, expects_place=self.expects_place))
        guess = self.guess
        if answering and guess is not None and guess.recognised and guess.transcript.words and not guess.thinking:
            guess.think(talk, self._speaker, self._rate)

    def pass_over(self, *, asked: bool) -> None:
        """The utterance is nothing as far as is known; where it turns out to have been words, they are waiting."""
        self.waiting.append(self._take(asked=asked))

    def spoke_up(self, language: str) -> bool:
        """Whether something is waiting that is certain to want an answer; what certainly does not is forgotten."""
        wanted = False
        for heard in tuple(self.waiting):
            guess = heard.guess
            if heard.asked is None:
                wanted = True
            elif guess.recognised:
                text = guess.transcript.words
                # Where recognition failed, nobody knows that it was nothing.
                if guess.failure is not None or (text and not is_backchannel(text, language, asked=heard.asked)):
                    wanted = True
                else:
                    self.waiting.remove(heard)
                    self._forget(guess)
        return wanted

    def unheard(self) -> list[Finished]:
        """Take everything the caller has said that was not answered, what they are saying right now included."""
        if self._ear.in_utterance:
            if self._listener.edges or self._ear.voiced:
                # They have gone on since the guess was made.
                self._drop_guess()
            self.waiting.append(self._take())
        unheard = list(self.waiting)
        self.waiting.clear()
        return unheard

    async def close(self) -> None:
        """End what is under way."""
        self._drop_guess()
        while self.waiting:
            self._forget(self.waiting.popleft().guess)
        self._drop_stream()
        if self._ending:
            _, hanging = await asyncio.wait(self._ending, timeout=ENDING_SECONDS)
            if hanging:
                log.error("engine_does_not_end", stage=Stage.SPEECH_TO_TEXT.value, tasks=len(hanging))

    def _over(self, talk: Conversation) -> Guess | None:
        """The guess whose utterance is over, so that it is answered next."""
        if self.waiting:
            guess = self.waiting[0].guess
            if guess.recognised and guess.transcript.words and not guess.thinking:
                guess.think(talk, self._speaker, self._rate)
            return guess
        # While something is still to be followed, the guess may be of an earlier pause.
        return self.guess if self._listener.turn_over and not self._listener.edges else None

    def _cut_short(self) -> None:
        """Take the utterance that has become too long; what the caller goes on to say is the next."""
        self._drop_guess()
        self.waiting.append(self._take(cut=True))

    def _take(self, *, cut: bool = False, asked: bool | None = None) -> Finished:
        """End the present utterance: the next voice begins another."""
        if self.guess is None:
            self._begin_guess()
        guess, self.guess = self.guess, None
        assert guess is not None
        ear = self._ear
        self._voice_ended = time.monotonic() - ear.silent_for
        taken = Finished(guess, self._listener.end_silence, cut, self._voice_ended, asked)
        ear.drop()
        self._listener.start_over()
        self._guesses = 0
        return taken

    def _finish(self, talk: Conversation) -> Finished:
        finished = self.waiting.popleft() if self.waiting else self._take()
        if not finished.guess.thinking:
            finished.guess.think(talk, self._speaker, self._rate)
        return finished

    def _begin_stream(self) -> None:
        """An utterance begins: let an engine that can hear along do so."""
        self._drop_stream()
        stream = self._recogniser.listen(self._request, self._rate)
        if stream.streaming:
            self._stream = stream
            stream.feed(self._ear.so_far().pcm)
            self._listener.hears_along = stream.feed

    def _end_stream(self) -> LiveRecognition | None:
        stream, self._stream = self._stream, None
        self._listener.hears_along = None
        return stream

    def _begin_guess(self) -> None:
        self._guesses += 1
        self._weighed = None
        stream, request = self._end_stream(), self._request

        async def recognise(audio: Audio) -> Recognition:
            return await (stream.finish() if stream is not None else self._recogniser.recognise(audio, request))

        self.guess = Guess(self._ear.so_far(), recognise, self._listener.news.set)

    def _may_guess(self) -> bool:
        # Not of an engine that hears along: it gives its words unasked, and its last ones only once.
        return self._stream is None and self._guesses < self._settings.guesses

    def _is_noise(self, guess: Guess) -> bool:
        return guess.failure is None and self._ear.voiced_for < self._settings.noise

    def _drop_guess(self) -> None:
        guess, self.guess = self.guess, None
        if guess is not None:
            self._forget(guess)

    def _drop_stream(self) -> None:
        stream = self._end_stream()
        if stream is not None:
            self._end(stream.cancel())

    def _forget(self, guess: Guess) -> None:
        self._end(guess.drop())

    def _end(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something end beside the conversation, which does not wait for an engine that is slow to let go."""
        ending = asyncio.ensure_future(work)
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
