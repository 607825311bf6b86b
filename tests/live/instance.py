"""A stand-in for `run_ari` as a process: registers an ARI application, beats, takes calls and holds them in silence.

    python -m tests.live.instance URL USER APP        the password comes in ARI_PASSWORD

It says `ready`, and `call CALL_ID` for each call that reaches it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Any, Self

import aiohttp

from ari_app.heartbeat import Heartbeat, alive_variable
from tests.live.pbx import Sandbox
from tests.live.process import LoggedProcess


class Instance:
    """The process, for a test: ``with Instance(sandbox, "one", folder) as instance: …``."""

    def __init__(self, sandbox: Sandbox, app: str, folder: Path) -> None:
        self.app = app
        command = [sys.executable, "-m", "tests.live.instance", f"http://127.0.0.1:{sandbox.http_port}/ari"]
        environment = {"ARI_PASSWORD": sandbox.secrets["ari"]}
        self._process = LoggedProcess([*command, "hotline", app], environment, folder / f"{app}.log")

    def __enter__(self) -> Self:
        self._process.start("ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop(signal.SIGKILL)

    @property
    def calls(self) -> int:
        """How many calls have reached it."""
        return self._process.log.count("call ")

    async def until_calls(self, count: int, seconds: float = 10.0) -> None:
        """Wait until so many calls have reached it."""
        async with asyncio.timeout(seconds):
            while True:
                if self.calls >= count:
                    return
                await asyncio.sleep(0.05)

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)


class _Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def get_global_variable(self, name: str) -> str:
        async with self._session.get(f"{self._url}/asterisk/variable", params={"variable": name}) as answer:
            answer.raise_for_status()
            return str((await answer.json())["value"])

    async def set_global_variable(self, name: str, value: str) -> None:
        await self.post("asterisk/variable", variable=name, value=value)

    async def until_set(self, name: str) -> None:
        while True:
            if await self.get_global_variable(name) not in ("", "0"):
                return
            await asyncio.sleep(0.05)

    async def post(self, path: str, **parameters: str) -> None:
        async with self._session.post(f"{self._url}/{path}", params=parameters) as answer:
            answer.raise_for_status()


class _Door:
    def __init__(self, client: _Client, port: int) -> None:
        self._client, self._port = client, port

    async def take(self, event: dict[str, Any]) -> None:
        """Hold a call in Stasis, or send it to our AudioSocket and hold it there."""
        kind, call_id = event["args"][:2]
        if kind == "announce":
            channel = f"channels/{event['channel']['id']}"
            extension = f"1*{uuid.uuid4()}*127.0.0.1:{self._port}"
            await self._client.post(f"{channel}/continue", context="hotline-socket", extension=extension, priority="1")
        else:
            print(f"call {call_id}", flush=True)


async def _hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    print("call by AudioSocket", flush=True)
    while await reader.read(4096):
        pass
    writer.close()


async def _serve(url: str, user: str, app: str) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(user, os.environ["ARI_PASSWORD"])}
    server = await asyncio.start_server(_hear, "127.0.0.1", 0)
    async with aiohttp.ClientSession(headers=headers) as session, server:
        client = _Client(session, url)
        door = _Door(client, server.sockets[0].getsockname()[1])
        async with session.ws_connect(f"{url}/events", params={"app": app}) as events, Heartbeat(client, app):
            await client.until_set(alive_variable(app))
            print("ready", flush=True)
            async for message in events:
                event = message.json()
                if event["type"] == "StasisStart":
                    await door.take(event)


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:4]))
