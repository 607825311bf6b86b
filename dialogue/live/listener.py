"""Hears the caller all through a call, in a task of its own that never waits for anything but sound."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from dialogue.errors import LineError
from dialogue.live.ear import Ear, Edge
from dialogue.live.line import LiveLine
from dialogue.resilience.streams import ending
from dialogue.turns import Key


class Listener:
    """Feeds the ear, keeps the keys that were pressed, and tells when the caller has finished.

    Time is the sound's own: how long a caller has been silent is counted in what was heard, not by the clock.

    Args:
        line: the caller.
        ear: finds voice in what is heard.
        usual: seconds of silence that end a turn of which nothing more is known.

    Attributes:
        news: set whenever there is something to look at; whoever waits for it clears it.
        edges: what the ear found, oldest first.
        keys: digits, oldest first.
        turn_over: the caller has been silent long enough.
        end_silence: seconds of silence that end the turn now.
        hears_along: is given the sound of an utterance as it comes; None where nobody wants it.
        on_begin: called when an utterance begins, before anything else looks at it.
        on_cut: called when an utterance has become too long, before more of the sound is heard; must take it.
    """

    def __init__(self, line: LiveLine, ear: Ear, usual: float) -> None:
        self.news = asyncio.Event()
        self.edges: deque[Edge] = deque()
        self.keys: deque[str] = deque()
        self.turn_over = False
        self.end_silence = usual
        self.hears_along: Callable[[bytes], None] | None = None
        self.on_begin: Callable[[], None] | None = None
        self.on_cut: Callable[[], None] | None = None
        self._line = line
        self._ear = ear
        self._usual = usual
        self._in_pause = False

    async def run(self) -> None:
        """Hear until the line ends.

        Raises:
            CallerHungUp: the caller is gone.
            LineError: nothing is heard any more.
        """
        ear = self._ear
        sound = self._line.hear()
        async with ending(sound):
            async for heard in sound:
                if isinstance(heard, Key):
                    self.keys.append(heard.digit)
                    self.news.set()
                    continue
                edges = ear.feed(heard)
                if self.hears_along is not None:
                    self.hears_along(heard)
                for edge in edges:
                    self._take(edge)
                if self._in_pause and not self.turn_over and ear.silent_for >= self.end_silence:
                    self.turn_over = True
                    self.news.set()
        raise LineError("media_closed", "the caller's sound ended")

    async def wait(self, seconds: float) -> None:
        """Return at the next news, or after ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.news.wait()
        self.news.clear()

    def end_after(self, silence: float) -> None:
        """End this turn after ``silence`` seconds instead of the usual; one that seemed over may go on."""
        self.end_silence = silence
        if self.turn_over and self._ear.silent_for < silence:
            self.turn_over = False

    def start_over(self) -> None:
        """The utterance was taken or dropped: nothing is under way."""
        self.turn_over = self._in_pause = False
        self.end_silence = self._usual
        self.edges.clear()

    def _take(self, edge: Edge) -> None:
        match edge:
            case Edge.BEGAN | Edge.WENT_ON:
                if edge is Edge.BEGAN and self.on_begin is not None:
                    self.on_begin()
                self.turn_over = self._in_pause = False
                self.end_silence = self._usual
            case Edge.PAUSED:
                self._in_pause = True
            case Edge.CUT:
                self._in_pause = False
                if self.on_cut is not None:
                    self.on_cut()
        self.edges.append(edge)
        self.news.set()
