"""chan_websocket: Asterisk's media WebSocket, which paces what it is sent in bursts.

Source: channels/chan_websocket.c and https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import structlog

from ari_app.media.playout import Playout
from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import LineError, Stage
from dialogue.turns import Key

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 3.0
RETRY_SECONDS = 0.05

MOST_QUEUED = 10.0
"""Seconds Asterisk is given at most; it keeps 1,000 frames, 20 s, and throws away what comes beyond."""

MESSAGE_SECONDS = 1.0
"""Seconds of sound in one message."""

STATUS_AFTER = 0.5
"""Seconds without sound after which Asterisk is asked for a sign of life: a phone may send nothing while its owner is
silent, which Asterisk passes on as nothing."""

STALLED_AFTER = 3.0
"""Seconds without sound and without a sign of life after which the media count as stalled."""

DRAIN_GRACE = 2.0
LONGEST_MESSAGE = 65_536

_RATES = {"slin": 8000, "slin16": 16_000}
_FIELD = re.compile(r"(\w+):(\S+)")


class WebSocketMedia:
    """One media channel; implements `ari_app.media.stream.MediaStream`. Made by `connect`."""

    def __init__(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, rate: int, frame_bytes: int
    ) -> None:
        self._session = session
        self._socket = socket
        self._rate = rate
        self._frame = frame_bytes
        self._loop = asyncio.get_running_loop()
        self._playout = Playout(self._loop.time)
        self._part = b""
        self._odd = b""
        self._signal_at = self._sound_at = self._loop.time()
        self._stalled = False
        self._hearing = False
        self._empty = asyncio.Event()
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._watch()

    @classmethod
    async def connect(cls, url: str, *, rate: int = 16_000, seconds: float = CONNECT_SECONDS) -> WebSocketMedia:
        """Connect to a media channel.

        Args:
            url: ``ws://host:port/media/<connection id>``.
            rate: Hz that was asked for; the channel's own counts, and a difference is logged.
            seconds: time limit; a channel that is not there yet is tried again meanwhile.

        Raises:
            LineError: ``media_not_connected``, or ``media_format`` where the sound is not PCM at 8 or 16 kHz.
        """
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(seconds):
                socket = await _open(session, url)
                found, frame_bytes = await _media_start(socket)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            await session.close()
            raise LineError("media_not_connected", type(error).__name__) from error
        except BaseException:
            await session.close()
            raise
        if found != rate:
            log.warning("media_rate_differs", stage=Stage.LINE.value, wanted=rate, found=found)
        return cls(session, socket, found, frame_bytes)

    @property
    def rate(self) -> int:
        """Hz of the sound, as Asterisk says."""
        return self._rate

    @property
    def played(self) -> float:
        """Seconds the caller has heard."""
        return self._playout.played

    @property
    def queued(self) -> float:
        """Seconds still to be heard."""
        return self._playout.queued

    async def hear(self) -> AsyncIterator[bytes | Key]:
        """Yield the caller's sound; silence where the phone sends nothing. Keys come by ARI.

        Raises:
            LineError: ``media_closed``, ``media_stalled``.
        """
        receive = self._socket.receive
        now = self._loop.time
        self._hearing = True
        try:
            while True:
                message = await receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    self._signal_at = self._sound_at = now()
                    data: bytes = message.data
                    if self._odd or len(data) % SAMPLE_BYTES:
                        data = self._whole_samples(data)
                    yield data
                elif message.type is aiohttp.WSMsgType.TEXT:
                    self._signal_at = now()
                    self._take_event(str(message.data))
                    missing = now() - self._sound_at
                    if missing >= STATUS_AFTER:
                        self._sound_at = now()
                        yield bytes(int(missing * self._rate) * SAMPLE_BYTES)
                else:
                    raise LineError("media_stalled" if self._stalled else "media_closed")
        finally:
            self._hearing = False

    async def play(self, pcm: bytes) -> None:
        """Send sound; waits while Asterisk has `MOST_QUEUED` seconds. Raises LineError."""
        pcm = self._part + pcm
        whole = len(pcm) - len(pcm) % self._frame
        self._part = pcm[whole:]
        size = int(MESSAGE_SECONDS * self._rate) * SAMPLE_BYTES // self._frame * self._frame
        for start in range(0, whole, size):
            while (over := self._playout.queued - MOST_QUEUED) > 0 or not self._may_send.is_set():
                self._check()
                await asyncio.sleep(min(max(over, 0.05), 0.5))
            await self._send_sound(pcm[start : min(start + size, whole)])

    async def pause(self) -> None:
        """Fall silent. Raises LineError."""
        await self._command("PAUSE_MEDIA")
        self._playout.pause()

    async def resume(self) -> None:
        """Go on. Raises LineError."""
        await self._command("CONTINUE_MEDIA")
        self._playout.resume()

    async def flush(self) -> None:
        """Drop what is queued. Raises LineError."""
        self._part = b""
        await self._command("FLUSH_MEDIA")
        if self._playout.paused:
            # Flushing does not end a pause.
            await self._command("CONTINUE_MEDIA")
        self._playout.drop()

    async def drained(self) -> None:
        """Return once Asterisk has played all. Raises LineError."""
        if self._part:
            part, self._part = self._part, b""
            await self._send_sound(part.ljust(self._frame, b"\0"))
        self._empty.clear()
        await self._command("REPORT_QUEUE_DRAINED")
        # Asterisk's word comes with the caller's sound: where nobody hears it, the clock has to do.
        grace = DRAIN_GRACE if self._hearing else 0.1
        try:
            async with asyncio.timeout(self._playout.queued + grace):
                await self._empty.wait()
        except TimeoutError:
            if self._hearing:
                raise LineError("media_stalled", "the sound is not played to its end") from None

    async def close(self) -> None:
        """Close the connection; never raises."""
        if self._timer is not None:
            self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()
        with suppress(Exception):
            async with asyncio.timeout(1.0):
                await self._socket.close()
        await self._session.close()

    async def _send_sound(self, pcm: bytes) -> None:
        self._check()
        try:
            await self._socket.send_bytes(pcm)
        except (ConnectionError, aiohttp.ClientError) as error:
            raise LineError("media_closed", type(error).__name__) from error
        self._playout.add(len(pcm) / (SAMPLE_BYTES * self._rate))

    async def _command(self, text: str) -> None:
        self._check()
        try:
            await self._socket.send_str(text)
        except (ConnectionError, aiohttp.ClientError) as error:
            raise LineError("media_closed", type(error).__name__) from error

    def _check(self) -> None:
        if self._stalled or self._socket.closed:
            raise LineError("media_stalled" if self._stalled else "media_closed")

    def _take_event(self, text: str) -> None:
        match text.split(" ", 1)[0]:
            case "QUEUE_DRAINED":
                self._playout.ran_empty()
                self._empty.set()
            case "MEDIA_XOFF":
                self._may_send.clear()
            case "MEDIA_XON":
                self._may_send.set()
            case "ERROR":
                log.warning("media_error", stage=Stage.LINE.value, detail=text[:200])

    def _whole_samples(self, data: bytes) -> bytes:
        data = self._odd + data
        whole = len(data) - len(data) % SAMPLE_BYTES
        self._odd = data[whole:]
        return data[:whole]

    def _watch(self) -> None:
        """Look twice a second whether anything comes; one timer a call instead of one a frame."""
        now = self._loop.time()
        if self._hearing and not self._socket.closed:
            if now - self._signal_at >= STALLED_AFTER:
                self._stalled = True
                self._asking = self._loop.create_task(self._give_up())
                return
            if now - self._sound_at >= STATUS_AFTER and (self._asking is None or self._asking.done()):
                self._asking = self._loop.create_task(self._ask_for_status())
        elif not self._hearing:
            self._signal_at = self._sound_at = now
        self._timer = self._loop.call_later(STATUS_AFTER, self._watch)

    async def _ask_for_status(self) -> None:
        with suppress(LineError, TimeoutError):
            async with asyncio.timeout(STALLED_AFTER):
                await self._command("GET_STATUS")

    async def _give_up(self) -> None:
        """Wake whoever hears: nothing more will come."""
        log.warning("media_stalled", stage=Stage.LINE.value)
        with suppress(Exception):
            async with asyncio.timeout(0.2):
                await self._socket.close()


async def _open(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    while True:
        try:
            return await session.ws_connect(
                url, protocols=("media",), compress=0, autoping=True, max_msg_size=LONGEST_MESSAGE
            )
        except aiohttp.WSServerHandshakeError as error:
            # 404: the channel is not there yet.
            if error.status != 404:
                raise
        await asyncio.sleep(RETRY_SECONDS)


async def _media_start(socket: aiohttp.ClientWebSocketResponse) -> tuple[int, int]:
    """Return rate in Hz and bytes of a frame, as Asterisk announces them. Raises LineError."""
    while True:
        message = await socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            continue
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise LineError("media_not_connected", "closed before it began")
        name, _, rest = str(message.data).partition(" ")
        if name != "MEDIA_START":
            continue
        fields = dict(_FIELD.findall(rest))
        rate = _RATES.get(fields.get("format", ""))
        if rate is None:
            raise LineError("media_format", "only slin and slin16 are supported")
        size = fields.get("optimal_frame_size", "")
        return rate, int(size) if size.isdigit() and int(size) else rate // 50 * SAMPLE_BYTES
