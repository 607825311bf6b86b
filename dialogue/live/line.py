"""The port of a live line: it hears and speaks at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from dialogue.ports import Briefing
from dialogue.turns import Key, TransferReason


class LiveLine(Protocol):
    """A caller, heard and spoken to at once. Every method may raise `CallerHungUp` or `LineError`.

    Pacing belongs to the line: who gives it sound never waits 20 ms between pieces, and what is given is played in its
    order, without gaps, as long as more comes before it runs out.
    """

    @property
    def rate(self) -> int:
        """Hz of the PCM in both directions: 16000 or 8000."""
        ...

    def hear(self) -> AsyncIterator[bytes | Key]:
        """Yield what the caller says, as it comes: 16-bit mono PCM in pieces of any even length, and keys between.

        One reader only. It never ends by itself: it raises.

        Raises:
            CallerHungUp: the caller is gone.
            LineError: ``media_closed`` or ``media_stalled``: nothing is heard any more.
        """
        ...

    async def play(self, pcm: bytes) -> None:
        """Add sound to what the caller hears. Waits only while the line has taken as much as it can keep.

        Args:
            pcm: 16-bit mono PCM at `rate`, of any even length.
        """
        ...

    @property
    def played(self) -> float:
        """Seconds of the sound given so far that the caller has heard; what was flushed never counts."""
        ...

    @property
    def queued(self) -> float:
        """Seconds of sound that are still to be heard."""
        ...

    async def pause(self) -> None:
        """Fall silent at once and keep what is queued."""
        ...

    async def resume(self) -> None:
        """Go on where `pause` stopped."""
        ...

    async def flush(self) -> None:
        """Fall silent at once and drop what is queued; ends a pause too."""
        ...

    async def drained(self) -> None:
        """Return once all that was given has been heard. Raises LineError where that takes seconds too long."""
        ...

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        """Give the caller to a person. After it the line belongs to the dialplan."""
        ...

    async def hang_up(self) -> None:
        """End the call after a farewell."""
        ...
