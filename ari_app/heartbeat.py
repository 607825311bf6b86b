"""An instance's signs of life: a global variable of Asterisk, by which dialplan and watchdog know that it lives."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, Self

import structlog

from dialogue.errors import ConfigurationError, HotlineError, Stage

log = structlog.get_logger(__name__)

APP_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")
BEAT_SECONDS = 1.0
LONGEST_BEAT_SECONDS = 2.0
FAREWELL_SECONDS = 1.0
STOPPED = "0"


def alive_variable(app: str) -> str:
    """The global variable in which the instance ``app`` writes its signs of life.

    Raises:
        ConfigurationError: the name has other characters than letters, digits and _, or more than 40.
    """
    if not APP_NAME.fullmatch(app):
        raise ConfigurationError(f"ARI_APP={app}: letters, digits and _ only, 40 at most.")
    return f"HOTLINE_ALIVE_{app}"


class Globals(Protocol):
    """What a heartbeat needs of an ARI client."""

    async def get_global_variable(self, name: str, /) -> str | None: ...

    async def set_global_variable(self, name: str, value: str, /) -> None: ...


class Heartbeat:
    """Beats while the block runs: ``async with Heartbeat(client, "hotline"): …``.

    A sign of life is Asterisk's own time, read and written back, so that clocks of two machines need not agree and a
    beat that is late on its way does not look like a new one. It runs in the event loop that serves the calls: a loop
    that hangs stops beating. A beat that fails is left out and the next one tried.

    Args:
        client: an ARI client.
        app: the instance's application name.
        healthy: asked before each beat; False leaves it out, for an instance that runs and cannot serve its calls
            (its event socket is gone for longer than reconnecting takes).
        accepting: whether it takes further calls. Where not, the dialplan looks for another instance, and the calls
            it has stay with it.
        interval: seconds between beats.

    Raises:
        ConfigurationError: the name is none.
    """

    def __init__(
        self,
        client: Globals,
        app: str,
        *,
        healthy: Callable[[], bool] = lambda: True,
        accepting: Callable[[], bool] = lambda: True,
        interval: float = BEAT_SECONDS,
    ) -> None:
        self._client, self._app, self._variable = client, app, alive_variable(app)
        self._healthy, self._accepting, self._interval = healthy, accepting, interval
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=f"heartbeat-{self._app}")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        with suppress(HotlineError, OSError, TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._client.set_global_variable(self._variable, STOPPED)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self._healthy():
                await self._try_to_beat()
            due = max(due + self._interval, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _try_to_beat(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_BEAT_SECONDS):
                await self._beat()
        except (HotlineError, OSError, TimeoutError) as error:
            if not self._failing:
                log.warning("heartbeat_failed", app=self._app, stage=Stage.LINE.value, error=type(error).__name__)
            self._failing = True
        else:
            if self._failing:
                log.info("heartbeat_back", app=self._app, stage=Stage.LINE.value)
            self._failing = False

    async def _beat(self) -> None:
        now = await self._client.get_global_variable("EPOCH")
        if now is None or not now.isascii() or not now.isdigit():
            raise HotlineError("Asterisk does not tell its time")
        await self._client.set_global_variable(self._variable, now if self._accepting() else f"-{now}")
