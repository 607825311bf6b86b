"""A live line without telephony: a caller made of WAV files, heard and spoken to in real time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import CallerHungUp, LineError
from dialogue.live.line import LiveLine
from dialogue.ports import Briefing
from dialogue.turns import Key, TransferReason

RATE = 16_000
TICK = 0.02
FRAME_BYTES = int(RATE * TICK) * SAMPLE_BYTES
MOST_QUEUED = 10.0
DRAIN_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """What the caller does next.

    Args:
        sound: what they say; None where they say nothing.
        key: what they press.
        hang_up: they leave.
        quiet: seconds the assistant must have been quiet, after having spoken, before they do it.
        into: seconds of the assistant's speech after which they cut in instead; None where they wait.
        after: seconds after the step before it, whatever the assistant does; None where they wait.
        name: for the print-out.
    """

    sound: Audio | None = None
    key: str = ""
    hang_up: bool = False
    quiet: float = 0.6
    into: float | None = None
    after: float | None = None
    name: str = ""


class LiveFileLine(LiveLine):
    """Plays a caller in real time; implements `dialogue.live.line.LiveLine`.

    It owns the clock: every 20 ms it takes one frame of either side, so that what was heard is known exactly.

    Args:
        steps: what the caller does, one after another; after the last they listen for ``patience`` seconds and leave.
        show: called with each line of what happens.
        patience: seconds of quiet after which a caller without further steps hangs up.
    """

    def __init__(self, steps: Sequence[Step], show: Callable[[str], None], patience: float = 6.0) -> None:
        self._steps = deque(steps)
        self._show = show
        self._patience = patience
        self._saying = bytearray()
        self._queue = bytearray()
        self._paused = False
        self._played = 0
        self._spoken_ticks = self._quiet_ticks = 0
        self._answered = False
        self._idle_ticks = 0
        self._gone = False
        self._ticked = asyncio.Event()
        self.caller_track = bytearray()
        """What the caller said, 16-bit mono PCM at 16 kHz."""
        self.assistant_track = bytearray()
        """What the caller heard, in step with `caller_track`."""
        self.transferred: TransferReason | None = None
        self.briefing: Briefing | None = None
        self.hung_up = False

    @property
    def rate(self) -> int:
        """Hz."""
        return RATE

    @property
    def played(self) -> float:
        """Seconds the caller has heard."""
        return self._played / (SAMPLE_BYTES * RATE)

    @property
    def queued(self) -> float:
        """Seconds still to be heard."""
        return len(self._queue) / (SAMPLE_BYTES * RATE)

    async def hear(self) -> AsyncIterator[bytes | Key]:
        """Yield the caller's sound, 20 ms at a time. Raises CallerHungUp."""
        due = time.monotonic()
        while True:
            due += TICK
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._play_one()
            self._ticked.set()
            self._ticked.clear()
            step = self._next_step()
            if step is not None:
                if step.hang_up:
                    self._gone = True
                    self._show("caller:    hangs up")
                    raise CallerHungUp
                if step.key:
                    self._show(f"caller:    presses {step.key}")
                    yield Key(step.key)
                if step.sound is not None:
                    self._show(f"caller:    [{step.name or 'speech'}, {step.sound.seconds:.1f} s]")
                    self._saying += step.sound.at(RATE).pcm
            frame = bytes(self._saying[:FRAME_BYTES]).ljust(FRAME_BYTES, b"\0")
            del self._saying[:FRAME_BYTES]
            self.caller_track += frame
            yield frame

    async def play(self, pcm: bytes) -> None:
        """Add to what is played; waits beyond ten seconds of it."""
        self._check()
        while self.queued > MOST_QUEUED:
            await self._ticked.wait()
        self._queue += pcm

    async def pause(self) -> None:
        """Fall silent."""
        self._check()
        self._paused = True

    async def resume(self) -> None:
        """Go on."""
        self._check()
        self._paused = False

    async def flush(self) -> None:
        """Fall silent and forget the rest."""
        self._check()
        self._queue.clear()
        self._paused = False

    async def drained(self) -> None:
        """Return once all was heard. Raises CallerHungUp, LineError."""
        try:
            async with asyncio.timeout(self.queued + DRAIN_GRACE):
                while self._queue:
                    self._check()
                    await self._ticked.wait()
        except TimeoutError:
            raise LineError("media_stalled", "nobody takes the sound any more") from None

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        """Show where the caller goes."""
        self.transferred, self.briefing = reason, briefing
        self._show(f"→ to a person: {reason.value}")

    async def hang_up(self) -> None:
        """Show that the call is over."""
        self.hung_up = True
        self._show("→ the assistant hangs up")

    def stereo(self) -> bytes:
        """Both sides interleaved: caller left, assistant right; 16-bit PCM at 16 kHz."""
        length = min(len(self.caller_track), len(self.assistant_track))
        sides = [
            np.frombuffer(bytes(track[:length]), dtype="<i2") for track in (self.caller_track, self.assistant_track)
        ]
        return np.column_stack(sides).tobytes()

    def _check(self) -> None:
        if self._gone:
            raise CallerHungUp

    def _play_one(self) -> None:
        frame = b"" if self._paused else bytes(self._queue[:FRAME_BYTES])
        if frame:
            del self._queue[: len(frame)]
            self._played += len(frame)
        if frame:
            self._answered = True
            self._spoken_ticks += 1
            self._quiet_ticks = 0
        else:
            self._quiet_ticks += 1
        self.assistant_track += frame.ljust(FRAME_BYTES, b"\0")

    def _next_step(self) -> Step | None:
        if self._saying:
            return None
        quiet = self._quiet_ticks * TICK
        self._idle_ticks += 1
        if not self._steps:
            return Step(hang_up=True) if quiet >= self._patience else None
        step = self._steps[0]
        spoken = self._spoken_ticks * TICK
        if step.after is not None:
            ready = self._idle_ticks * TICK >= step.after
        else:
            ready = spoken >= step.into if step.into is not None else self._answered and quiet >= step.quiet
        if not ready:
            return None
        self._idle_ticks = 0
        self._answered = False
        self._spoken_ticks = self._quiet_ticks = 0
        return self._steps.popleft()
