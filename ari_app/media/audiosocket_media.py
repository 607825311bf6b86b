"""One call's AudioSocket: what comes is heard without a task, what is said goes out by our clock.

Asterisk neither buffers nor paces what it is sent, and needs nothing from us while there is nothing to say.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import numpy as np
import soxr
import structlog

from ari_app.media.frames import DTMF, ERROR, HANG_UP, KINDS, RATES, frame
from ari_app.media.inlet import Inlet
from ari_app.media.pacer import FRAME_SECONDS, SLOT_SECONDS, Pacer
from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import LineError, Stage
from dialogue.turns import Key

log = structlog.get_logger(__name__)

STALLED_AFTER = 3.0
"""Seconds without sound, or without being read, after which the media count as stalled."""
MOST_QUEUED = 10.0
MOST_UNSENT = 16_384
"""Bytes that may lie here because the peer does not read: half a second at 16 kHz."""
UNSENT_BY_KERNEL = 32_768
"""The same for the kernel's own buffer, which would hide for a minute that the peer does not read."""
CLOSE_SECONDS = 1.0
SPOKEN_RATES = (8000, 16_000)
_DIGITS = frozenset("0123456789*#")


class AudioSocketMedia:
    """One call's connection; implements `ari_app.media.stream.MediaStream`. Made by `AudioSocketServer`.

    Sound is sent at the rate at which it comes. Where that turns out to be another one than `rate` after `rate` was
    told, sound is converted both ways, so that it is never misread.

    Args:
        transport: the connection.
        pacer: gives it turns to send.
        stalled_after: seconds.
    """

    def __init__(self, transport: asyncio.Transport, pacer: Pacer, stalled_after: float = STALLED_AFTER) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._pacer = pacer
        self._stalled_after = stalled_after
        self._rate = SPOKEN_RATES[0]
        self._rate_told = False
        self._use(self._rate)
        self._inlet = Inlet(stalled_after)
        self._queue = bytearray()
        self._sent = 0
        self._next_at = 0.0
        self._paced = self._paused = False
        self._keys = True
        self._blocked_since: float | None = None
        self._flushes = 0
        self._moved = asyncio.Event()
        self.closed = asyncio.Event()
        """Set once the connection is over."""
        self.sounded = asyncio.Event()
        """Set once sound has come."""
        # TCP_NODELAY is asyncio's own default.
        with suppress(OSError, AttributeError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_BY_KERNEL)
        transport.set_write_buffer_limits(high=MOST_UNSENT)

    @property
    def rate(self) -> int:
        """Hz of the PCM in both directions: 8000 or 16000."""
        self._rate_told = True
        return self._rate

    @property
    def played(self) -> float:
        """Seconds sent, which the caller hears as they are sent."""
        return self._sent / (SAMPLE_BYTES * self._wire_rate)

    @property
    def queued(self) -> float:
        """Seconds still to be sent."""
        return len(self._queue) / (SAMPLE_BYTES * self._wire_rate)

    def hear(self) -> AsyncIterator[bytes | Key]:
        """Yield sound and keys. Raises LineError: ``media_closed``, ``media_stalled``."""
        return self._inlet

    async def play(self, pcm: bytes) -> None:
        """Add sound; waits while `MOST_QUEUED` seconds are queued. A flush meanwhile drops this sound too.

        Raises:
            LineError: ``media_closed``, or ``media_stalled`` where the peer does not read.
        """
        self._check()
        flushes = self._flushes
        while self.queued >= MOST_QUEUED:
            await self._movement()
            if self._flushes != flushes:
                return
        if pcm:
            self._queue += self._to_wire(pcm)
            self._go()

    async def pause(self) -> None:
        """Send nothing more for now. Raises LineError."""
        self._check()
        self._paused = True
        self._halt()
        self._move()

    async def resume(self) -> None:
        """Go on with the next sample. Raises LineError."""
        self._check()
        self._paused = False
        self._go()
        self._move()

    async def flush(self) -> None:
        """Forget what is queued, and a pause. Raises LineError."""
        self._check()
        self._paused = False
        self._flushes += 1
        self._queue.clear()
        self._halt()
        self._move()

    async def drained(self) -> None:
        """Return once all was sent and the last frame had its time. Raises LineError."""
        self._check()
        while self._queue:
            await self._movement()
        if (left := self._next_at - self._loop.time()) > 0:
            await asyncio.sleep(left)
            self._check()

    async def close(self) -> None:
        """Hang up and close; never raises."""
        if self._inlet.error is None:
            self._transport.write(frame(HANG_UP))
            self.end("media_closed")
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.closed.wait()
        except TimeoutError:
            self._transport.abort()

    def expect(self, rate: int | None, keys: bool) -> None:
        """What was announced, told before any sound has come.

        Args:
            rate: Hz that was asked for, 8000 or 16000; None: unknown.
            keys: whether to give keys.
        """
        self._keys = keys
        if rate is None:
            return
        if not self.sounded.is_set():
            self._rate = rate
            self._use(rate)
        elif rate != self._rate:
            log.warning("media_rate_differs", stage=Stage.LINE.value, wanted=rate, found=self._rate)

    def take(self, kind: int, payload: bytes) -> None:
        """A frame has come."""
        if kind in RATES:
            if RATES[kind] != self._wire_rate:
                self._take_rate(RATES[kind])
            self._inlet.feed(payload if self._in is None else self._from_wire(payload))
            self.sounded.set()
        elif kind == DTMF:
            digit = payload[:1].decode("latin-1")
            if self._keys and digit in _DIGITS:
                self._inlet.press(Key(digit))
        elif kind == HANG_UP:
            self.end("media_closed")
        elif kind == ERROR:
            log.warning("media_error", stage=Stage.LINE.value, detail=payload[:8].hex())

    def end(self, code: str) -> None:
        """The connection is over, or is given up; the first reason counts."""
        if self._inlet.error is not None:
            return
        self._inlet.end(code)
        self._queue.clear()
        self._halt()
        self._move()
        self.sounded.set()
        self._transport.close()

    def lost(self) -> None:
        """The connection has ended."""
        self.end("media_closed")
        self.closed.set()

    def block(self, blocked: bool) -> None:
        """The peer does not read, or reads again."""
        self._blocked_since = self._loop.time() if blocked else None
        if blocked:
            self._halt()
            self._loop.call_later(self._stalled_after, self._look_at_block)
        else:
            self._go()

    def send_frame(self) -> bool:
        """Send 20 ms; called by the pacer. What does not fill a frame is followed by silence."""
        piece = bytes(self._queue[: self._frame_bytes])
        if not piece or not self._paced:
            self._paced = False
            return False
        del self._queue[: self._frame_bytes]
        self._sent += len(piece)
        self._next_at = self._loop.time() + FRAME_SECONDS
        self._transport.write(frame(self._kind, piece.ljust(self._frame_bytes, b"\0")))
        if not self._queue or self.queued < MOST_QUEUED:
            self._move()
        # Writing may have found out that the peer does not read.
        return self._paced

    def _go(self) -> None:
        """Have the queue sent, the first frame at once where the last one was long enough ago."""
        if self._paced or self._paused or self._blocked_since is not None or not self._queue:
            return
        self._paced = True
        if self._next_at - self._loop.time() < SLOT_SECONDS / 2:
            self.send_frame()
        if self._paced:
            self._pacer.start(self, self._next_at - SLOT_SECONDS / 2)

    def _halt(self) -> None:
        if self._paced:
            self._paced = False
            self._pacer.stop(self)

    def _move(self) -> None:
        """Wake those who wait for a change; who begins to wait later waits for the next one."""
        self._moved.set()
        self._moved.clear()

    async def _movement(self) -> None:
        """Wait for a change. Raises LineError."""
        self._check()
        await self._moved.wait()
        self._check()

    def _check(self) -> None:
        if self._inlet.error is not None:
            raise LineError(self._inlet.error, "the connection is over")

    def _look_at_block(self) -> None:
        since = self._blocked_since
        if since is not None and self._loop.time() - since >= 0.9 * self._stalled_after:
            self.end("media_stalled")
            # What it does not read would keep the connection open.
            self._transport.abort()

    def _use(self, wire_rate: int) -> None:
        self._wire_rate, self._kind = wire_rate, KINDS[wire_rate]
        self._frame_bytes = wire_rate // 50 * SAMPLE_BYTES
        self._in: soxr.ResampleStream | None = None
        self._out: soxr.ResampleStream | None = None
        if wire_rate != self._rate:
            self._in = soxr.ResampleStream(wire_rate, self._rate, 1, dtype="int16", quality="LQ")
            self._out = soxr.ResampleStream(self._rate, wire_rate, 1, dtype="int16", quality="LQ")

    def _take_rate(self, rate: int) -> None:
        """Sound comes at another rate than expected."""
        if not self._rate_told and rate in SPOKEN_RATES and not self.sounded.is_set():
            self._rate = rate
        else:
            log.warning("media_rate_differs", stage=Stage.LINE.value, wanted=self._rate, found=rate)
        seconds, queue = self.played, Audio(bytes(self._queue), self._wire_rate)
        self._use(rate)
        self._sent = int(seconds * rate) * SAMPLE_BYTES
        self._queue[:] = queue.at(rate).pcm

    def _from_wire(self, payload: bytes) -> bytes:
        assert self._in is not None
        samples = np.frombuffer(payload[: len(payload) // SAMPLE_BYTES * SAMPLE_BYTES], "<i2")
        return bytes(self._in.resample_chunk(samples).tobytes())

    def _to_wire(self, pcm: bytes) -> bytes:
        if self._out is None:
            return pcm
        return bytes(self._out.resample_chunk(np.frombuffer(pcm, "<i2")).tobytes())
