"""Where playing stands, at a peer that paces by itself: its queue empties in real time, except while it is paused."""

from __future__ import annotations

from collections.abc import Callable


class Playout:
    """A model of the peer's queue, by the clock.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._given = 0.0
        self._empty_at = 0.0
        self._held: float | None = None

    @property
    def queued(self) -> float:
        """Seconds that are still to be played."""
        return max(0.0, self._empty_at - self._clock()) if self._held is None else self._held

    @property
    def played(self) -> float:
        """Seconds that have been played; what was dropped never counts."""
        return self._given - self.queued

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._held is not None

    def add(self, seconds: float) -> None:
        """More was given."""
        self._given += seconds
        if self._held is None:
            self._empty_at = max(self._empty_at, self._clock()) + seconds
        else:
            self._held += seconds

    def pause(self) -> None:
        """It stops where it is."""
        if self._held is None:
            self._held = self.queued

    def resume(self) -> None:
        """It goes on."""
        if self._held is not None:
            self._empty_at = self._clock() + self._held
            self._held = None

    def drop(self) -> None:
        """What is queued was thrown away, and a pause ended."""
        self._given -= self.queued
        self._held = None
        self._empty_at = self._clock()

    def ran_empty(self) -> None:
        """The peer says that its queue is empty. A pause goes on."""
        if self._held is None:
            self._empty_at = self._clock()
        else:
            self._held = 0.0
