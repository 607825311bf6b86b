"""Signs of life: by Asterisk's clock, only while the instance can serve, and with a good-bye."""

from __future__ import annotations

import asyncio
import time

import pytest

from ari_app.heartbeat import Heartbeat, alive_variable
from dialogue.errors import ConfigurationError, HotlineError


class Asterisk:
    """Its globals, and a clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000
        self.written: list[str] = []
        self.fault: Exception | None = None
        self.beaten = asyncio.Event()

    async def get_global_variable(self, name: str) -> str:
        assert name == "EPOCH"
        if self.fault is not None:
            raise self.fault
        return str(self.now)

    async def set_global_variable(self, name: str, value: str) -> None:
        assert name == "HOTLINE_ALIVE_one"
        self.written.append(value)
        self.beaten.set()

    async def until(self, value: str) -> None:
        async with asyncio.timeout(2):
            while value not in self.written:
                self.beaten.clear()
                await self.beaten.wait()


async def test_it_writes_asterisks_time_and_says_good_bye() -> None:
    asterisk = Asterisk()
    async with Heartbeat(asterisk, "one", interval=0.01):
        await asterisk.until("1800000000")
        asterisk.now += 1
        await asterisk.until("1800000001")
    assert asterisk.written[-1] == "0"


async def test_one_that_takes_no_further_call_says_so_and_lives_on() -> None:
    asterisk, open_ = Asterisk(), [True]
    async with Heartbeat(asterisk, "one", accepting=lambda: open_[0], interval=0.01):
        await asterisk.until("1800000000")
        open_[0] = False
        await asterisk.until("-1800000000")


async def test_one_that_cannot_serve_its_calls_does_not_beat() -> None:
    asterisk, healthy = Asterisk(), [False]
    async with Heartbeat(asterisk, "one", healthy=lambda: healthy[0], interval=0.01):
        await asyncio.sleep(0.05)
        assert asterisk.written == []
        healthy[0] = True
        await asterisk.until("1800000000")


@pytest.mark.parametrize("fault", [HotlineError("503"), OSError("reset"), TimeoutError()])
async def test_it_goes_on_after_a_fault(fault: Exception) -> None:
    asterisk = Asterisk()
    asterisk.fault = fault
    async with Heartbeat(asterisk, "one", interval=0.01):
        await asyncio.sleep(0.05)
        assert asterisk.written == []
        asterisk.fault = None
        await asterisk.until("1800000000")


async def test_a_loop_that_hangs_stops_beating() -> None:
    asterisk = Asterisk()
    async with Heartbeat(asterisk, "one", interval=0.01):
        await asterisk.until("1800000000")
        before = len(asterisk.written)
        time.sleep(0.1)  # noqa: ASYNC251  # this is what hanging means
        assert len(asterisk.written) == before
        await asyncio.sleep(0)
        assert len(asterisk.written) <= before + 1, "what was missed is not made up for"


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a-b", "ю", "x" * 41, "a\n"])
def test_a_name_that_a_dialplan_variable_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="ARI_APP"):
        alive_variable(name)
