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
from typing import Self

from ari_app.client import AriClient, Connected, EventStream, StasisStart
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


async def _take(client: AriClient, event: StasisStart, port: int) -> None:
    """Hold a call in Stasis, or send it to our AudioSocket and hold it there."""
    kind, call_id = event.args[:2]
    if kind == "announce":
        extension = f"1*{uuid.uuid4()}*127.0.0.1:{port}"
        await client.continue_in_dialplan(event.channel.id, "hotline-socket", extension, 1)
    else:
        print(f"call {call_id}", flush=True)


async def _beats(client: AriClient, app: str) -> None:
    """Return once the application's sign of life is there."""
    while await client.get_global_variable(alive_variable(app)) in ("", "0"):  # noqa: ASYNC110 - Asterisk is asked
        await asyncio.sleep(0.05)


async def _hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    print("call by AudioSocket", flush=True)
    while await reader.read(4096):
        pass
    writer.close()


async def _serve(url: str, user: str, app: str) -> None:
    server = await asyncio.start_server(_hear, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        AriClient(url, user, os.environ["ARI_PASSWORD"]) as client,
        EventStream(client, app) as events,
        Heartbeat(client, app),
    ):
        async for event in events:
            if isinstance(event, Connected):
                await _beats(client, app)
                print("ready", flush=True)
            elif isinstance(event, StasisStart):
                await _take(client, event, port)


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:4]))
