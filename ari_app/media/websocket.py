"""chan_websocket: Asterisk's media WebSocket, which paces what it is sent in bursts.

Source: channels/chan_websocket.c and https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import aiohttp
import structlog

from ari_app.media.inlet import Inlet
from ari_app.media.playout import Playout
from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import LineError, Stage
from dialogue.turns import Key

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 3.0
RETRY_SECONDS = 0.05

MOST_QUEUED = 10.0
"""Seconds Asterisk is given at most; it keeps 1,000 frames, 20 s, and throws away what comes beyond."""

LONGEST_SENT = 8000
"""Bytes in one message: an Asterisk that is built for little memory closes at more than 8,192."""

LONGEST_RECEIVED = 1_048_576

STATUS_AFTER = 0.5
"""Seconds without sound after which Asterisk is asked for a sign of life: a phone may send nothing while its owner is
silent, which Asterisk passes on as nothing."""

STALLED_AFTER = 3.0
"""Seconds without sound and without a sign of life after which the media count as stalled."""

SEND_SECONDS = 3.0
"""How long Asterisk may leave unread what it is sent."""

DRAIN_GRACE = 2.0
NEARLY_EMPTY = 0.3
"""Seconds that our clock may be behind Asterisk's when it says that its queue is empty."""

CLOSE_SECONDS = 1.0

_RATES = {"slin": 8000, "slin16": 16_000}
_FIELD = re.compile(r"(\w+):(\S+)")


class WebSocketMedia:
    """One media channel; implements `ari_app.media.stream.MediaStream`. Made by `connect`.

    It is read all the time, heard or not: Asterisk hangs up a media channel that does not take what it is sent, and
    says on the same socket when its queue is empty.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse,
        start: Mapping[str, str],
        stalled_after: float,
    ) -> None:
        self._session = session
        self._socket = socket
        self._rate = _RATES[start["format"]]
        size = start.get("optimal_frame_size", "")
        self._frame = int(size) if size.isdigit() and int(size) else self._rate // 50 * SAMPLE_BYTES
        self._json = "event" in start
        self._loop = asyncio.get_running_loop()
        self._playout = Playout(self._loop.time)
        self._inlet = Inlet(stalled_after)
        self._part = b""
        self._flushes = self._reports = 0
        self._full = False
        self._moved = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(STATUS_AFTER, self._watch)
        self._reading = self._loop.create_task(self._read(), name="media")

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        rate: int = 16_000,
        seconds: float = CONNECT_SECONDS,
        stalled_after: float = STALLED_AFTER,
    ) -> WebSocketMedia:
        """Connect to a media channel.

        Args:
            url: ``ws://host:port/media/<connection id>``.
            rate: Hz that was asked for; the channel's own counts, and a difference is logged.
            seconds: time limit; a channel that is not there yet is tried again meanwhile.
            stalled_after: seconds without sound and without a sign of life after which `hear` raises.

        Raises:
            LineError: ``media_not_connected``, or ``media_format`` where the sound is not PCM at 8 or 16 kHz.
        """
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(seconds):
                socket = await _open(session, url)
                start = await _media_start(socket)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            await session.close()
            raise LineError("media_not_connected", type(error).__name__) from error
        except BaseException:
            await session.close()
            raise
        media = cls(session, socket, start, stalled_after)
        if media.rate != rate:
            log.warning("media_rate_differs", stage=Stage.LINE.value, wanted=rate, found=media.rate)
        return media

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

    def hear(self) -> AsyncIterator[bytes | Key]:
        """Yield the caller's sound; silence where the phone sends nothing. Keys come by ARI.

        Raises:
            LineError: ``media_closed``, ``media_stalled``.
        """
        return self._inlet

    async def play(self, pcm: bytes) -> None:
        """Send sound; waits while Asterisk has `MOST_QUEUED` seconds. A flush meanwhile drops this sound too.

        Less than a frame waits for more, or for `drained`.

        Raises:
            LineError: ``media_closed``, or ``media_stalled`` where Asterisk does not read.
        """
        self._check()
        pcm, self._part = self._part + pcm, b""
        whole = len(pcm) - len(pcm) % self._frame
        size = max(LONGEST_SENT // self._frame, 1) * self._frame
        flushes = self._flushes
        for start in range(0, whole, size):
            await self._room()
            if self._flushes == flushes:
                await self._send_sound(pcm[start : min(start + size, whole)])
            if self._flushes != flushes:
                return
        self._part = pcm[whole:]

    async def pause(self) -> None:
        """Fall silent. Raises LineError."""
        self._check()
        self._playout.pause()
        self._move()
        await self._command("PAUSE_MEDIA")

    async def resume(self) -> None:
        """Go on. Raises LineError."""
        self._check()
        self._playout.resume()
        self._move()
        await self._command("CONTINUE_MEDIA")

    async def flush(self) -> None:
        """Drop what is queued. Raises LineError."""
        self._check()
        self._flushes += 1
        self._part = b""
        paused = self._playout.paused
        self._playout.drop()
        self._move()
        await self._command("FLUSH_MEDIA")
        if paused:
            # Flushing does not end a pause.
            await self._command("CONTINUE_MEDIA")

    async def drained(self) -> None:
        """Return once Asterisk says that it has played all. Raises LineError: ``media_stalled`` where it never does."""
        if self._part:
            part, self._part = self._part, b""
            await self._send_sound(part.ljust(self._frame, b"\0"))
        reports = self._reports
        await self._command("REPORT_QUEUE_DRAINED")
        while True:
            self._check()
            if self._reports > reports:
                if self._playout.queued == 0.0:
                    return
                # It was said of sound before the last one.
                reports = self._reports
                await self._command("REPORT_QUEUE_DRAINED")
                continue
            try:
                async with asyncio.timeout(None if self._playout.paused else self.queued + DRAIN_GRACE):
                    await self._moved.wait()
            except TimeoutError:
                raise LineError("media_stalled", "the sound is not played to its end") from None

    async def close(self) -> None:
        """Close the connection; never raises."""
        self._end("media_closed")
        tasks = [task for task in (self._reading, self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close()
        with suppress(Exception):
            await self._session.close()

    async def _read(self) -> None:
        """Take what comes, as long as it comes."""
        receive, feed, binary = self._socket.receive, self._inlet.feed, aiohttp.WSMsgType.BINARY
        try:
            while True:
                message = await receive()
                if message.type is binary:
                    feed(message.data)
                elif message.type is aiohttp.WSMsgType.TEXT:
                    self._take_event(_event(str(message.data)))
                else:
                    break
        finally:
            self._end("media_closed")

    def _take_event(self, event: Mapping[str, str]) -> None:
        match event["event"]:
            case "QUEUE_DRAINED":
                self._reports += 1
                if self._playout.queued <= NEARLY_EMPTY:
                    self._playout.ran_empty()
                self._move()
            case "STATUS":
                missing = self._loop.time() - self._inlet.since
                if missing >= STATUS_AFTER and self._inlet.awaited:
                    self._inlet.feed(bytes(int(missing * self._rate) * SAMPLE_BYTES))
            case "MEDIA_XOFF":
                self._full = True
            case "MEDIA_XON":
                self._full = False
                self._move()
            case "ERROR":
                log.warning("media_error", stage=Stage.LINE.value, detail=event.get("error_text", "")[:100])

    async def _room(self) -> None:
        """Wait until Asterisk can take more. Raises LineError."""
        while (over := self.queued - MOST_QUEUED) > 0 or self._full:
            self._check()
            limit = MOST_QUEUED + DRAIN_GRACE if self._full else over
            try:
                async with asyncio.timeout(None if self._playout.paused else limit):
                    await self._moved.wait()
            except TimeoutError:
                if self._full:
                    raise LineError("media_stalled", "the sound is not played") from None

    async def _send_sound(self, pcm: bytes) -> None:
        flushes = self._flushes
        await self._send(pcm)
        if self._flushes == flushes:
            self._playout.add(len(pcm) / (SAMPLE_BYTES * self._rate))

    async def _command(self, name: str) -> None:
        await self._send(json.dumps({"command": name}) if self._json else name)

    async def _send(self, message: bytes | str) -> None:
        """Send a message. Raises LineError, at once or after `SEND_SECONDS`."""
        self._check()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                if isinstance(message, str):
                    await self._socket.send_str(message)
                else:
                    await self._socket.send_bytes(message)
        except TimeoutError:
            self._end("media_stalled")
            raise LineError("media_stalled", "Asterisk does not read what it is sent") from None
        except (ConnectionError, aiohttp.ClientError, RuntimeError) as error:
            raise LineError("media_closed", type(error).__name__) from error

    def _check(self) -> None:
        if self._inlet.error is not None:
            raise LineError(self._inlet.error, "the connection is over")

    def _end(self, code: str) -> None:
        self._timer.cancel()
        self._inlet.end(code)
        self._move()

    def _move(self) -> None:
        """Wake those who wait for a change; who begins to wait later waits for the next one."""
        self._moved.set()
        self._moved.clear()

    def _watch(self) -> None:
        """Look twice a second whether sound comes; one timer a call instead of one a frame."""
        self._timer = self._loop.call_later(STATUS_AFTER, self._watch)
        quiet = self._loop.time() - self._inlet.since >= STATUS_AFTER
        if quiet and self._inlet.awaited and (self._asking is None or self._asking.done()):
            self._asking = self._loop.create_task(self._ask_for_status(), name="media status")

    async def _ask_for_status(self) -> None:
        with suppress(LineError):
            await self._command("GET_STATUS")


async def _open(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    while True:
        try:
            return await session.ws_connect(
                url, protocols=("media",), compress=0, autoping=True, max_msg_size=LONGEST_RECEIVED
            )
        except aiohttp.WSServerHandshakeError as error:
            # 404: the channel is not there yet.
            if error.status != 404:
                raise
        await asyncio.sleep(RETRY_SECONDS)


async def _media_start(socket: aiohttp.ClientWebSocketResponse) -> dict[str, str]:
    """Return what Asterisk announces. Raises LineError."""
    while True:
        message = await socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            continue
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise LineError("media_not_connected", "closed before it began")
        text = str(message.data)
        start = _event(text)
        if start["event"] != "MEDIA_START":
            continue
        if start.get("format") not in _RATES:
            raise LineError("media_format", "only slin and slin16 are supported")
        if not text.startswith("{"):
            del start["event"]
        return start


def _event(text: str) -> dict[str, str]:
    """Read a control message, in either of Asterisk's two ways to write it; ``event`` is its name, empty if none."""
    if text.startswith("{"):
        # The other error is of what is nested too deep.
        with suppress(ValueError, RecursionError):
            found = json.loads(text)
            return {"event": "", **{str(name): str(value) for name, value in found.items()}}
        return {"event": ""}
    name, _, rest = text.partition(" ")
    return {**dict(_FIELD.findall(rest)), "event": name}
