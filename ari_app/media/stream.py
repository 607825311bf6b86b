"""The port of a media transport: a caller's sound in both directions, whatever carries it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from dialogue.turns import Key


class MediaStream(Protocol):
    """One call's sound. Pacing belongs to the transport; `dialogue.live.line.LiveLine` says what each method means."""

    @property
    def rate(self) -> int: ...
    @property
    def played(self) -> float: ...
    @property
    def queued(self) -> float: ...
    def hear(self) -> AsyncIterator[bytes | Key]:
        """Yield the caller's PCM, and keys where the transport carries them.

        Raises:
            LineError: ``media_closed`` where the peer closed (the caller may have hung up: who owns the call knows),
                ``media_stalled`` where nothing came for some seconds.
        """
        ...

    async def play(self, pcm: bytes) -> None: ...
    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def flush(self) -> None: ...
    async def drained(self) -> None: ...
    async def close(self) -> None:
        """End the transport; never raises."""
        ...
