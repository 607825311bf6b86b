"""A line that says how far a command is, on a terminal; nothing where nobody watches."""

from __future__ import annotations

import time
from typing import Any

_WIDTH = 30
_EVERY = 0.1
"""Seconds between two drawings."""


class Progress:
    """Progress over a known number of steps.

    Args:
        title: what goes on.
        steps: how many there are, at least one.
        stream: a text stream; drawn on only where it is a terminal.
    """

    def __init__(self, title: str, steps: int, stream: Any) -> None:
        self._title = title
        self._steps = steps
        self._stream = stream
        self._shown = bool(stream.isatty())
        self._done = 0
        self._drawn = 0.0
        self._began = time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if self._shown and (now - self._drawn >= _EVERY or self._done == self._steps):
            self._drawn = now
            left = (now - self._began) / self._done * (self._steps - self._done)
            filled = _WIDTH * self._done // self._steps
            bar = "█" * filled + "·" * (_WIDTH - filled)
            self._stream.write(f"\r{self._title} {bar} {self._done}/{self._steps}, {left:.0f} s left ")
            self._stream.flush()

    def end(self) -> None:
        """Wipe the line."""
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()
