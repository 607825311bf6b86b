"""The caller's turn: guesses are made at their pauses, until one of them turns out to be the end of the turn."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dialogue.audio import Audio
from dialogue.conversation import OPERATOR_KEY, Conversation
from dialogue.live.ear import Ear, Edge
from dialogue.live.endpointing import end_silence
from dialogue.live.guess import Guess, Keep
from dialogue.live.listener import Listener
from dialogue.live.recognition import LiveRecognition
from dialogue.live.settings import LiveSettings
from dialogue.ports import SttRequest
from dialogue.resilience import Recogniser, Recognition, Speaker

IGNORED_KEYS = 10
"""Keys without a meaning that one turn bears before it counts as not understood."""

NOISES = 5
"""Sounds without words that one turn bears before it counts as not understood."""

LOOK_AGAIN = 0.5
"""Longest wait for news, in seconds: silence is counted by the clock too, where no sound comes at all."""

NoteKey = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Finished:
    """The caller has finished speaking.

    Args:
        guess: their words, and the answer, as far as they are known.
        silence: seconds of silence that ended the turn.
        cut: they spoke too long and may have wanted to go on.
        voice_ended: when their last voice was, by `time.monotonic`.
    """

    guess: Guess
    silence: float
    cut: bool
    voice_ended: float


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
        keep: writes an utterance away.
        settings: how turns are taken.
        rate: Hz of the line.

    Attributes:
        guess: the pause that is being worked on; None where there is none.
        expects_place: the caller was asked for an address, in which people pause.
    """

    def __init__(
        self,
        ear: Ear,
        listener: Listener,
        recogniser: Recogniser,
        speaker: Speaker,
        keep: Keep,
        settings: LiveSettings,
        rate: int,
    ) -> None:
        self.guess: Guess | None = None
        self.expects_place = False
        self._ear = ear
        self._listener = listener
        self._recogniser = recogniser
        self._speaker = speaker
        self._keep = keep
        self._settings = settings
        self._rate = rate
        self._guesses = 0
        self._weighed: str | None = None
        self._adopted = self._cut = False
        self._stream: LiveRecognition | None = None
        self._abandoned: list[LiveRecognition] = []
        self._request = SttRequest(None)
        listener.on_begin = self._begin_stream

    @property
    def text(self) -> str | None:
        """What was understood of the utterance so far; None where that is not known."""
        guess = self.guess
        if guess is not None and guess.recognised:
            return guess.transcript.text if guess.failure is None else None
        partial = self._stream.partial if self._stream is not None else None
        return partial.text if partial is not None else None

    async def hear(self, talk: Conversation, note_key: NoteKey) -> Finished | Silent | Pressed:
        """Return once the caller's turn is over and the answer is ready, or has become worth bridging.

        Args:
            talk: the conversation; guesses work on copies of it.
            note_key: records a key that means nothing.
        """
        listener, ear, settings = self._listener, self._ear, self._settings
        quiet_since = time.monotonic()
        over_since: float | None = None
        keys = noises = 0
        while True:
            await self.follow(talk, answering=True)
            while listener.keys:
                digit = listener.keys.popleft()
                keys += 1
                if digit == OPERATOR_KEY or keys > IGNORED_KEYS:
                    await self.forget()
                    return Pressed(digit == OPERATOR_KEY)
                await note_key(digit)
                quiet_since = time.monotonic()
            now = time.monotonic()
            if self.guess is not None and (listener.turn_over or self._adopted):
                over_since = over_since or now
                if self.guess.ready and not self.guess.transcript.text and self._is_noise(self.guess):
                    await self.forget()
                    noises += 1
                    over_since = None
                    if noises >= NOISES:
                        return Pressed(operator=False)
                    continue
                if self.guess.ready or now - over_since >= settings.soft_timeout:
                    return self._finish(talk)
            else:
                over_since = None
            if ear.in_utterance:
                quiet_since = now
            elif now - quiet_since >= settings.initial_silence:
                return Silent()
            await listener.wait(LOOK_AGAIN)

    async def follow(self, talk: Conversation, *, answering: bool) -> None:
        """Look at what the ear found: begin, refine or forget the guess.

        Args:
            talk: the conversation.
            answering: an answer may be worked out; False while the assistant itself still speaks.
        """
        listener = self._listener
        self._request = SttRequest(talk.language, talk.hints)
        while listener.edges:
            edge = listener.edges.popleft()
            while self._abandoned:
                await self._abandoned.pop().cancel()
            if edge in (Edge.BEGAN, Edge.WENT_ON):
                if not self._adopted:
                    await self._drop_guess()
                if edge is Edge.BEGAN:
                    self._guesses = 0
            elif edge is Edge.PAUSED and self._stream is None and self._may_guess():
                # Not of an engine that hears along: it gives its words unasked, and its last ones only once.
                self._begin_guess()
            elif edge is Edge.CUT:
                self._cut_short()
        if listener.turn_over and self.guess is None and self._ear.in_utterance:
            self._begin_guess()
        text = self.text
        if text is not None and text != self._weighed:
            self._weighed = text
            pace = self._settings.pace
            listener.end_after(end_silence(pace, text or None, talk.language, expects_place=self.expects_place))
        guess = self.guess
        if answering and guess is not None and guess.recognised and guess.transcript.text and not guess.thinking:
            guess.think(talk, self._speaker, self._rate)

    def _cut_short(self) -> None:
        """Take the utterance that has become too long; what the caller goes on to say is the next."""
        if self.guess is None:
            self._begin_guess()
        self._ear.drop()
        self._adopted = self._cut = True

    def release(self) -> Guess | None:
        """Hand over the guess and forget the utterance; the next voice is a new one."""
        if self._stream is not None and self.guess is None and self._ear.in_utterance:
            self._begin_guess()
        guess, self.guess = self.guess, None
        self._adopted = self._cut = False
        self._ear.drop()
        self._listener.start_over()
        self._guesses = 0
        return guess

    def adopt(self, guess: Guess) -> None:
        """Take a guess back whose utterance was forgotten too early: it is the caller's turn, and it is over."""
        self.guess = guess
        self._adopted = True

    async def forget(self) -> None:
        """Forget the utterance and the guess."""
        guess = self.release()
        if guess is not None:
            await guess.drop()

    def last_words(self) -> Audio | None:
        """What the caller was saying when the line ended; None where nothing."""
        return self._ear.take() if self._ear.in_utterance else None

    async def recognise(self, talk: Conversation, audio: Audio) -> Recognition:
        """Make words of an utterance. Raises ProviderError."""
        return await self._recogniser.recognise(audio, SttRequest(talk.language, talk.hints))

    async def keep(self, audio: Audio) -> str:
        """Write an utterance away and return its name."""
        return await self._keep(audio)

    async def close(self) -> None:
        """End what is under way."""
        await self._drop_guess()
        for stream in (*self._abandoned, self._end_stream()):
            if stream is not None:
                await stream.cancel()

    def _begin_stream(self) -> None:
        """An utterance begins: let an engine that can hear along do so."""
        abandoned = self._end_stream()
        if abandoned is not None:
            self._abandoned.append(abandoned)
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

        self.guess = Guess(self._ear.so_far(), recognise, self._keep, self._listener.news.set)

    def _finish(self, talk: Conversation) -> Finished:
        silence, cut = self._listener.end_silence, self._cut
        voice_ended = time.monotonic() - self._ear.silent_for
        if self._adopted:
            # Whatever the caller says by now is their next turn.
            guess, self.guess = self.guess, None
            self._adopted = self._cut = False
        else:
            guess = self.release()
        assert guess is not None
        if not guess.thinking:
            guess.think(talk, self._speaker, self._rate)
        return Finished(guess, silence, cut, voice_ended)

    def _may_guess(self) -> bool:
        return self.guess is None and self._guesses < self._settings.guesses

    def _is_noise(self, guess: Guess) -> bool:
        return guess.failure is None and self._ear.in_utterance and self._ear.voiced_for < self._settings.noise

    async def _drop_guess(self) -> None:
        guess, self.guess = self.guess, None
        if guess is not None:
            await guess.drop()
