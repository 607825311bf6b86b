"""Callers on WebSockets, each a person who speaks, hears the answer out and speaks again.

To our door they are Asterisk's media WebSockets, which play what they are sent at its own pace; to Pipecat they are
clients that send and take raw PCM. What they say and when is the same.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
from aiohttp import WSMsgType, web

from dialogue.audio import Audio, read_wav

RATE = 16_000
FRAME_SECONDS = 0.02
FRAME = 640
LOUD = 1000
"""Sample from which sound counts as sound."""

SPOKEN = "There has been an accident on the main road"
MEDIA_START = "MEDIA_START connection_id:x channel:x channel_id:x format:slin16 optimal_frame_size:640 ptime:20"
CONNECT_SECONDS = 60.0

Send = Callable[[bytes], Awaitable[None]]


def spoken(text: str = SPOKEN) -> list[bytes]:
    """Speech in frames of 20 ms, the first and the last with voice in them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "speech.wav")
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(file)], check=True, timeout=30)
        audio = read_wav(file)
    return frames_of(audio)


def frames_of(audio: Audio) -> list[bytes]:
    """Frames of 20 ms at `RATE` from the first that is loud to the last."""
    pcm = audio.at(RATE).pcm
    frames = [pcm[start : start + FRAME].ljust(FRAME, b"\0") for start in range(0, len(pcm), FRAME)]
    loud = [number for number, frame in enumerate(frames) if is_loud(frame)]
    return frames[loud[0] : loud[-1] + 1] if loud else []


def is_loud(pcm: bytes) -> bool:
    """Whether there is sound in it."""
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2")
    return bool(samples.size and (samples.max() >= LOUD or samples.min() <= -LOUD))


class Speaker:
    """One caller.

    Args:
        frames: what they say, over and over.
        answer_seconds: how long an answer is.
        first_after: seconds until they speak first.
        thinking: seconds from the end of an answer until they speak again.
        patience: seconds until they speak again where no answer comes.

    Attributes:
        delays: seconds from the last frame of voice to the first sound of the answer.
        unanswered: how often none came.
    """

    def __init__(
        self,
        frames: list[bytes],
        answer_seconds: float,
        first_after: float = 2.0,
        thinking: float = 0.5,
        patience: float = 6.0,
    ) -> None:
        self.delays: list[float] = []
        self.unanswered = 0
        self._frames = frames
        self._pause = answer_seconds + thinking
        self._first_after, self._patience = first_after, patience
        self._spoke_at = 0.0
        self._silence = bytes(FRAME)

    def hear(self, pcm: bytes, now: float) -> None:
        """Sound came."""
        if self._spoke_at and is_loud(pcm):
            self.delays.append(now - self._spoke_at)
            self._spoke_at = 0.0
            self._next_at = now + self._pause

    async def speak(self, send: Send) -> None:
        """Send a frame every 20 ms until cancelled, or until the line is closed."""
        loop = asyncio.get_running_loop()
        self._next_at = loop.time() + self._first_after
        due, at = loop.time(), -1
        try:
            while True:
                now = loop.time()
                if at < 0 and now >= self._next_at:
                    self.unanswered += bool(self._spoke_at)
                    self._spoke_at, at = 0.0, 0
                if at < 0:
                    await send(self._silence)
                else:
                    await send(self._frames[at])
                    at += 1
                    if at == len(self._frames):
                        at, self._spoke_at, self._next_at = -1, now, now + self._patience
                due = max(due + FRAME_SECONDS, now - FRAME_SECONDS)
                await asyncio.sleep(max(0.0, due - loop.time()))
        except (ConnectionError, aiohttp.ClientError):
            return


class MediaPeer:
    """Asterisk's end of the media WebSockets of calls 0, 1, …: a person each.

    Args:
        people: one for each call.
    """

    def __init__(self, people: list[Speaker]) -> None:
        self._people = people
        self.url = ""

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[MediaPeer]:
        app = web.Application()
        app.router.add_get("/media/{number}", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"ws://127.0.0.1:{port}/media"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        person = self._people[int(request.match_info["number"])]
        loop = asyncio.get_running_loop()
        socket = web.WebSocketResponse(protocols=("media",), compress=False)
        await socket.prepare(request)
        await socket.send_str(MEDIA_START)
        speaking = asyncio.create_task(person.speak(socket.send_bytes))
        reports: set[asyncio.Task[None]] = set()
        empty_at = 0.0

        async def report() -> None:
            await asyncio.sleep(max(0.0, empty_at - loop.time()))
            await socket.send_str("QUEUE_DRAINED")

        try:
            async for message in socket:
                now = loop.time()
                if message.type is WSMsgType.BINARY:
                    empty_at = max(empty_at, now) + len(message.data) / (2 * RATE)
                    person.hear(message.data, now)
                elif message.data == "REPORT_QUEUE_DRAINED":
                    task = asyncio.create_task(report())
                    reports.add(task)
                    task.add_done_callback(reports.discard)
                elif message.data == "FLUSH_MEDIA":
                    empty_at = now
                elif message.data == "GET_STATUS":
                    await socket.send_str("STATUS channel_id:1 queue_length:0")
        finally:
            for task in (speaking, *reports):
                task.cancel()
            await asyncio.gather(speaking, *reports, return_exceptions=True)
        return socket


@asynccontextmanager
async def clients(people: list[Speaker], first_port: int) -> AsyncIterator[None]:
    """Every person connected to a server of raw PCM on a port of their own. Raises TimeoutError."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def talk(person: Speaker, url: str) -> None:
            socket = await _connect(session, url)
            speaking = asyncio.create_task(person.speak(socket.send_bytes))
            connected.release()
            try:
                loop = asyncio.get_running_loop()
                async for message in socket:
                    if message.type is WSMsgType.BINARY:
                        person.hear(message.data, loop.time())
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
                await socket.close()

        connected = asyncio.Semaphore(0)
        tasks = [
            asyncio.create_task(talk(person, f"ws://127.0.0.1:{first_port + number}"))
            for number, person in enumerate(people)
        ]
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                for _ in people:
                    await connected.acquire()
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _connect(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    while True:
        try:
            return await session.ws_connect(url, compress=0)
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.1)
