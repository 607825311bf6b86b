"""One clock for all streams that we pace: each gets its turn every 20 ms, by a schedule that does not drift."""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

FRAME_SECONDS = 0.02
SLOTS = 4
"""Turns begin at four points of time within 20 ms, so that a stream that begins to speak waits 5 ms at most."""
SLOT_SECONDS = FRAME_SECONDS / SLOTS


class Paced(Protocol):
    """A stream that speaks."""

    def send_frame(self) -> bool:
        """Send a frame, without waiting and without raising. False: there is nothing more to send."""
        ...


class Pacer:
    """Ticks only while somebody speaks, as a timer of the running loop, not as a task.

    A turn that comes late (the loop was busy) is made up for by one more frame, never by a burst.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()
        self._slots: tuple[dict[Paced, None], ...] = tuple({} for _ in range(SLOTS))
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, stream: Paced, at: float) -> None:
        """Give a stream turns from now on, the first not before ``at``, seconds of the loop's clock."""
        first = math.ceil((max(at, self._loop.time()) - self._origin) / SLOT_SECONDS - 1e-6)
        self._slots[first % SLOTS][stream] = None
        if self._timer is None or first < self._next:
            self._schedule(first)

    def stop(self, stream: Paced) -> None:
        """Give it no more turns."""
        for slot in self._slots:
            slot.pop(stream, None)

    def close(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, number: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = number
        self._timer = self._loop.call_at(self._origin + number * SLOT_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = int((self._loop.time() - self._origin) / SLOT_SECONDS + 1e-6)
        for number in range(self._next, self._next + SLOTS):
            missed = (now - number) // SLOTS
            if missed >= 0:
                self._serve(self._slots[number % SLOTS], 2 if missed else 1)
        for number in range(now + 1, now + 1 + SLOTS):
            if self._slots[number % SLOTS]:
                # A stream that was served may have started another one meanwhile.
                if self._timer is None or number < self._next:
                    self._schedule(number)
                return

    @staticmethod
    def _serve(slot: dict[Paced, None], frames: int) -> None:
        for stream in tuple(slot):
            for _ in range(frames):
                if not stream.send_frame():
                    slot.pop(stream, None)
                    break
