"""Takes callers away from an instance that gives no sign of life: by AMI, through the dialplan, to the operators.

A process of its own. `run_ari` may be killed, stopped, hang or lose Asterisk's HTTP server; a caller in `Stasis()` then
sits in silence until hanging up, and nothing in Asterisk ends that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import structlog

from ari_app.ami import AmiError, AmiRefused, AmiUnavailable
from ari_app.heartbeat import APP_NAME, alive_variable
from ari_app.pulse import Life, Pulse
from dialogue.errors import Stage

log = structlog.get_logger(__name__)

APPS_VARIABLE = "ARI_APPS"
CALL_VARIABLE, APP_VARIABLE = "CALL_ID", "CALL_APP"
WATCHDOG_VARIABLE = "HOTLINE_WATCHDOG"
RESCUE_CONTEXT, RESCUE_EXTENSION = "hotline-live", "rescued"
WAITING_APPLICATIONS = frozenset({"Stasis", "AudioSocket", "TryExec"})
"""What a caller's channel runs while an instance has the call. With an operator it runs Bridge or Queue."""

PATIENCE_SECONDS = 3.0
LOOK_SECONDS = 0.25
ANNOUNCE_SECONDS = 1.0
LIST_SECONDS = 1.0
AGAIN_SECONDS = 2.0
FIRST_BACK_OFF, LONGEST_BACK_OFF = 0.2, 2.0
RESCUES_AT_ONCE = 50
# Names as Asterisk makes them; nothing else goes into an action.
_CHANNEL = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_.:@%+;/-]{1,150}")


class Ami(Protocol):
    """What the watchdog does over AMI. Each raises AmiError; `ari_app.ami.AmiConnection` is the real one."""

    async def get_variable(self, name: str, /) -> str: ...
    async def set_variable(self, name: str, value: str, /) -> None: ...
    async def channels(self, variables: tuple[str, ...], /) -> list[Mapping[str, Any]]: ...
    async def redirect(self, channel: str, context: str, extension: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A caller whom an instance has."""

    call_id: str
    app: str
    channel: str
    unique_id: str


def held_call(entry: Mapping[str, Any]) -> Held | None:
    """Read one channel of AMI's `Status`; None where it is no caller that an instance has.

    Only the dialplan sets CALL_APP, on the caller's channel alone: media and operators' channels inherit CALL_ID only.
    """
    texts = {name: entry.get(name) for name in ("Channel", "Uniqueid", "Application")}
    if texts["Application"] not in WAITING_APPLICATIONS or not isinstance(texts["Uniqueid"], str):
        return None
    listed = entry.get("Variable")
    pairs = dict(text.split("=", 1) for text in (listed if isinstance(listed, list) else [listed or ""]) if "=" in text)
    call_id, app, channel = pairs.get(CALL_VARIABLE, ""), pairs.get(APP_VARIABLE, ""), texts["Channel"]
    if not isinstance(channel, str) or not _CHANNEL.fullmatch(channel) or not APP_NAME.fullmatch(app):
        return None
    try:
        UUID(call_id)
    except ValueError:
        return None
    return Held(call_id, app, channel, texts["Uniqueid"])


class Watchdog:
    """Watches the instances that Asterisk's global ARI_APPS names.

    Args:
        connect: opens a connection to AMI.
        patience: seconds without a sign of life after which an instance's callers are taken.
        interval: seconds between looks.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Ami]],
        *,
        patience: float = PATIENCE_SECONDS,
        interval: float = LOOK_SECONDS,
    ) -> None:
        self._connect, self._patience, self._interval = connect, patience, interval
        self._pulses: dict[str, Pulse] = {}
        self._lives: dict[str, Life] = {}
        self._taken: dict[str, float] = {}
        self._gone: set[str] = set()
        self._listed = self._announced = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until ``stop`` is set; a lost connection is opened again.

        Raises:
            AmiRefused: AMI does not let us in, or not do what we must; trying again would not help.
        """
        back_off, connected = FIRST_BACK_OFF, True
        while not stop.is_set():
            try:
                async with self._connect() as ami:
                    log.info("watchdog_connected", stage=Stage.LINE.value)
                    back_off, connected = FIRST_BACK_OFF, True
                    await self._watch(ami, stop)
            except AmiRefused:
                raise
            except (AmiError, OSError) as error:
                if connected:
                    log.error("watchdog_blind", stage=Stage.LINE.value, error=str(error))
                connected = False
                await _sleep(back_off, stop)
                back_off = min(back_off * 2, LONGEST_BACK_OFF)

    async def _watch(self, ami: Ami, stop: asyncio.Event) -> None:
        # What was seen over an earlier connection says nothing of the time between.
        self._pulses.clear()
        self._gone.clear()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            await self.look(ami)
            due = max(due + self._interval, loop.time())
            await _sleep(due - loop.time(), stop)

    async def look(self, ami: Ami) -> None:
        """Look once, and take the callers of instances that do not live. Raises AmiError."""
        try:
            apps, now_text = await asyncio.gather(ami.get_variable(APPS_VARIABLE), ami.get_variable("EPOCH"))
            named = [app.strip() for app in apps.split(",")]
            for app in named:
                if APP_NAME.fullmatch(app):
                    self._pulses.setdefault(app, Pulse(self._patience))
            values = await asyncio.gather(*(ami.get_variable(alive_variable(app)) for app in self._pulses))
            clock = asyncio.get_running_loop().time()
            await self._announce(ami, now_text, clock)
        except AmiUnavailable:
            raise
        except AmiError as error:
            raise AmiRefused(f"{error}. Give the AMI user the class call for reading and writing.") from None
        if not now_text.isdigit():
            raise AmiError("Asterisk does not tell its time")
        gone = set()
        for app, value in zip(list(self._pulses), values, strict=True):
            life = self._pulses[app].look(value, int(now_text), clock)
            self._tell(app, life)
            if life is not Life.ALIVE:
                gone.add(app)
        # An instance may be away for days: every look would then list every call of the PBX.
        if gone and (gone != self._gone or clock - self._listed >= LIST_SECONDS):
            await self._rescue(ami, gone, clock)
            self._listed = clock
        self._gone = gone

    async def _announce(self, ami: Ami, now_text: str, clock: float) -> None:
        if clock - self._announced >= ANNOUNCE_SECONDS:
            await ami.set_variable(WATCHDOG_VARIABLE, now_text)
            self._announced = clock

    def _tell(self, app: str, life: Life) -> None:
        before, self._lives[app] = self._lives.get(app), life
        if life is before:
            return
        if life is Life.SILENT:
            log.error("instance_silent", app=app, stage=Stage.LINE.value)
        elif before is not None:
            log.info(f"instance_{life.value}", app=app, stage=Stage.LINE.value)

    async def _rescue(self, ami: Ami, gone: set[str], clock: float) -> None:
        """Send every caller of these instances to the operators."""
        self._taken = {unique: when for unique, when in self._taken.items() if clock - when < AGAIN_SECONDS}
        calls = [call for entry in await ami.channels((CALL_VARIABLE, APP_VARIABLE)) if (call := held_call(entry))]
        due = [call for call in calls if call.app in gone and call.unique_id not in self._taken]
        for start in range(0, len(due), RESCUES_AT_ONCE):
            await asyncio.gather(*(self._send_on(ami, call, clock) for call in due[start : start + RESCUES_AT_ONCE]))

    async def _send_on(self, ami: Ami, call: Held, clock: float) -> None:
        # Asterisk carries a redirect out a moment later; the next look must not make it a second time.
        self._taken[call.unique_id] = clock
        try:
            await ami.redirect(call.channel, RESCUE_CONTEXT, RESCUE_EXTENSION)
        except AmiUnavailable:
            raise
        except AmiError as error:
            # Hung up in this instant, most likely; where not, it is tried again after AGAIN_SECONDS.
            log.warning("call_not_rescued", call_id=call.call_id, stage=Stage.LINE.value, error=str(error))
        else:
            log.warning("call_rescued", call_id=call.call_id, app=call.app, stage=Stage.LINE.value)


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0.0)):
            await stop.wait()
