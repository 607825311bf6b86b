"""Speaks piece by piece: the next one becomes sound while this one is heard, and what was heard is always known."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import CallError, ProviderError
from dialogue.live.line import LiveLine
from dialogue.resilience import Speaker
from dialogue.resilience.streams import ending

AHEAD = 2
"""Pieces that are made while another is being given to the line."""

IN_HAND = 1.5
"""Seconds of sound the line holds when the next piece is begun: enough for no gap, little to throw away."""

SLOWEST = 10.0
"""Characters a second: how long a piece whose sound is not complete will take at most."""

LINE_GRACE = 2.0
"""Seconds beyond the sound it holds within which a line must have played it."""

SHORTEST_WAIT = 0.02

HEARD_GRACE = 0.03
"""Seconds short of a piece's end at which it counts as heard to its end."""


@dataclass(frozen=True, slots=True)
class Uttered:
    """What was said and how much of it was heard.

    Args:
        text: the pieces that were to be spoken, as far as they had come.
        heard_text: the words of it the caller has heard.
        seconds: how much sound they have heard.
        whole: it was spoken to its end.
        engine: which voice spoke first; empty where no sound was made.
        first_sound_seconds: from the start until the first sound was given to the line; 0 where none was.
        failures: voices that failed before another served, or in mid-sentence.
    """

    text: str
    heard_text: str
    seconds: float
    whole: bool
    engine: str
    first_sound_seconds: float
    failures: tuple[CallError, ...] = ()


@dataclass(slots=True)
class _Piece:
    """One piece on its way.

    Args:
        text: its words.
        chunks: its sound as far as it is made, until it is given to the line.
        begun: there has been sound of it.
        made: there will be no more sound.
        complete: all of its sound was given to the line.
        begins: seconds of the utterance before it.
        given: seconds of it the line was given.
    """

    text: str
    chunks: deque[bytes] = field(default_factory=deque)
    begun: bool = False
    made: bool = False
    complete: bool = False
    begins: float = 0.0
    given: float = 0.0


class Mouth:
    """Says one thing over a live line.

    Cancelling `speak` stops the work at once and leaves what the line was given to whoever cancels, to be flushed;
    `heard` and `uttered` tell at any time, also then, how far the caller has heard it.

    Args:
        speaker: text to speech.
        line: the caller.
    """

    def __init__(self, speaker: Speaker, line: LiveLine) -> None:
        self._speaker = speaker
        self._line = line
        self._pieces: list[_Piece] = []
        self._giving = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._from = line.played + line.queued
        self._given = 0.0
        self._started = time.monotonic()
        self._first_after: float | None = None
        self._engine = ""
        self._failures: list[CallError] = []

    async def speak(
        self, pieces: AsyncIterator[str], language: str, *, on_first: Callable[[], None] | None = None
    ) -> Uttered:
        """Say the pieces one after another and return when the last has been heard. Once per `Mouth`.

        Args:
            pieces: what to say; the next are taken while one is heard. Closed at the end where they can be.
            language: ISO 639-1 code.
            on_first: called when the first sound has been given to the line.

        Raises:
            ProviderError: no voice could speak a piece, or it broke off twice. What was given before is heard first.
            LineError, CallerHungUp: as the line raises them. So does whatever ``pieces`` raise.
        """
        self._started = time.monotonic()
        self._from = self._line.played + self._line.queued
        making = asyncio.create_task(self._make(pieces, language))
        # An end, good or bad, is news as well.
        making.add_done_callback(lambda _: self._news.set())
        try:
            while await self._is_there(making):
                piece = self._pieces[self._giving]
                await self._give(piece, making, on_first)
                if not piece.complete:
                    break
                self._giving += 1
                self._room.set()
            await self._line.drained()
            await making
        finally:
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
        return self.uttered(whole=True)

    def heard(self) -> str:
        """The words the caller has heard so far; a word that was cut does not count."""
        position = self._position()
        words: list[str] = []
        for piece in self._pieces:
            into = position - piece.begins
            if piece.complete and into >= piece.given - HEARD_GRACE:
                words.append(piece.text)
                continue
            lasts = piece.given if piece.made and not piece.chunks else max(piece.given, len(piece.text) / SLOWEST)
            if piece.given:
                words.append(_words_within(piece.text, into / lasts))
            break
        return " ".join(word for word in words if word)

    def uttered(self, *, whole: bool) -> Uttered:
        """What was said and heard so far."""
        text = " ".join(piece.text for piece in self._pieces)
        return Uttered(
            text,
            text if whole else self.heard(),
            self._position(),
            whole,
            self._engine,
            self._first_after or 0.0,
            tuple(self._failures),
        )

    async def _make(self, pieces: AsyncIterator[str], language: str) -> None:
        """Turn pieces into sound, a few ahead of what is given to the line."""
        async with ending(pieces):
            async for text in pieces:
                piece = _Piece(text)
                self._pieces.append(piece)
                # A voice makes no sound of a dash or three dots, which would count as its failure.
                if any(char.isalnum() for char in text):
                    await self._make_one(piece, language)
                piece.made = True
                self._news.set()
                while len(self._pieces) - self._giving > AHEAD:
                    self._room.clear()
                    await self._room.wait()

    async def _make_one(self, piece: _Piece, language: str) -> None:
        """Make the sound of a piece; sound that breaks off is made once more from the start. Raises ProviderError."""
        try:
            await self._synthesise(piece, language)
        except ProviderError as failure:
            if not piece.begun:
                raise
            self._failures.append(failure)
        else:
            return
        # Half a sentence and then the whole of it is what a person says too; half a question asks nothing.
        await self._synthesise(piece, language)

    async def _synthesise(self, piece: _Piece, language: str) -> None:
        speech = self._speaker.stream(piece.text, language, self._line.rate)
        noted = False
        async with aclosing(speech):
            async for chunk in speech.chunks():
                if not noted:
                    noted = piece.begun = True
                    self._engine = self._engine or speech.engine
                    self._failures.extend(speech.failures)
                piece.chunks.append(chunk)
                self._news.set()

    async def _is_there(self, making: asyncio.Task[None]) -> bool:
        """Wait for the next piece; False where there is none."""
        while self._giving >= len(self._pieces):
            if making.done():
                return False
            self._news.clear()
            await self._news.wait()
        return True

    async def _give(self, piece: _Piece, making: asyncio.Task[None], on_first: Callable[[], None] | None) -> None:
        """Give the line the sound of a piece as it is made."""
        piece.begins = self._given
        await self._line_runs_low()
        while True:
            while piece.chunks:
                # All there is at once: each message to the line costs as much as a second of its sound.
                chunk = b"".join(piece.chunks)
                piece.chunks.clear()
                seconds = len(chunk) / (SAMPLE_BYTES * self._line.rate)
                # Counted before it is given: where the line makes it wait, its beginning is heard meanwhile.
                piece.given += seconds
                self._given += seconds
                await self._line.play(chunk)
                if self._first_after is None:
                    self._first_after = time.monotonic() - self._started
                    if on_first is not None:
                        on_first()
            if piece.made:
                piece.complete = True
                return
            if making.done():
                return
            self._news.clear()
            await self._news.wait()

    async def _line_runs_low(self) -> None:
        """Wait until little is left to be heard; a line that plays nothing any more says so when it is given more."""
        until = time.monotonic() + self._line.queued + LINE_GRACE
        while True:
            extra, left = self._line.queued - IN_HAND, until - time.monotonic()
            if extra <= 0 or left <= 0:
                return
            await asyncio.sleep(min(max(extra, SHORTEST_WAIT), left))

    def _position(self) -> float:
        return max(0.0, min(self._line.played - self._from, self._given))


def _words_within(text: str, share: float) -> str:
    """The words of a text that end within a share of its length (0 to 1)."""
    end = max(0, int(len(text) * share))
    if end >= len(text):
        return text
    if not text[end].isspace():
        end = max((i for i, char in enumerate(text[:end]) if char.isspace()), default=0)
    return text[:end].rstrip()
