"""Who is taken away from an instance, and who is left where they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ari_app.ami import AmiError, AmiRefused, AmiUnavailable
from ari_app.watchdog import Watchdog, held_call

EPOCH = 1_800_000_000
CALL_ID = "6f1c1d0e-7f0a-4f6e-9a43-0d6a1b7a2c11"


def channel(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A caller whom the instance ``one`` has, as AMI's Status shows the channel."""
    call_id = f"{CALL_ID[:-2]}{number:02d}"
    entry = {
        "Channel": f"PJSIP/caller-{number:08x}",
        "Uniqueid": f"1800000000.{number}",
        "Application": "Stasis",
        "Variable": [f"CALL_ID={call_id}", "CALL_APP=one"],
    }
    return {**entry, **changes}


class Asterisk:
    """Globals and channels."""

    def __init__(self, *channels: Mapping[str, Any], **values: str) -> None:
        self.entries = list(channels)
        self.variables = {"EPOCH": str(EPOCH), "ARI_APPS": "one,two", "HOTLINE_ALIVE_two": str(EPOCH), **values}
        self.redirected: list[str] = []
        self.taken = asyncio.Event()
        self.listed = 0
        self.refusal: AmiError | None = None

    async def get_variable(self, name: str) -> str:
        if self.refusal is not None and name == "ARI_APPS":
            raise self.refusal
        return self.variables.get(name, "")

    async def set_variable(self, name: str, value: str) -> None:
        self.variables[name] = value

    async def channels(self, variables: tuple[str, ...]) -> list[Mapping[str, Any]]:
        assert variables == ("CALL_ID", "CALL_APP")
        self.listed += 1
        return self.entries

    async def redirect(self, channel: str, context: str, extension: str) -> None:
        assert (context, extension) == ("hotline-live", "rescued")
        if channel == "PJSIP/gone-00000001":
            raise AmiError("Channel does not exist")
        self.redirected.append(channel)
        self.taken.set()


def watchdog(asterisk: Asterisk) -> Watchdog:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Asterisk]:
        yield asterisk

    return Watchdog(connect, interval=0.01)


DEAD = {"HOTLINE_ALIVE_one": str(EPOCH - 10)}


async def test_every_caller_of_a_silent_instance_is_taken_once() -> None:
    asterisk = Asterisk(*(channel(number) for number in range(1, 81)), **DEAD)
    dog = watchdog(asterisk)
    await dog.look(asterisk)
    asterisk.variables["HOTLINE_ALIVE_two"] = "0"
    await dog.look(asterisk)
    assert asterisk.listed == 2
    assert sorted(asterisk.redirected) == sorted(entry["Channel"] for entry in asterisk.entries)


async def test_callers_of_one_that_has_stopped_are_taken_too() -> None:
    asterisk = Asterisk(channel(), HOTLINE_ALIVE_one="0")
    await watchdog(asterisk).look(asterisk)
    assert len(asterisk.redirected) == 1


async def test_one_that_stays_away_does_not_have_every_call_listed_at_every_look() -> None:
    asterisk = Asterisk(**DEAD)
    dog = watchdog(asterisk)
    for _ in range(20):
        await dog.look(asterisk)
    assert asterisk.listed == 1


async def test_while_all_live_asterisk_is_not_even_asked_for_its_channels() -> None:
    asterisk = Asterisk(channel(), HOTLINE_ALIVE_one=str(EPOCH))
    await watchdog(asterisk).look(asterisk)
    assert asterisk.listed == 0
    assert asterisk.variables["HOTLINE_WATCHDOG"] == str(EPOCH), "it gives signs of life itself"


@pytest.mark.parametrize(
    "entry",
    [
        channel(Variable=[f"CALL_ID={CALL_ID}", "CALL_APP=two"]),
        channel(Application="Queue"),
        channel(Application="Bridge"),
        channel(Application="Playback"),
        channel(Variable=[f"CALL_ID={CALL_ID}", "CALL_APP="]),
        channel(Variable=["CALL_ID=", "CALL_APP=one"]),
        channel(Variable=["CALL_ID=(null)", "CALL_APP=(null)"]),
        channel(Variable="CALL_APP=one"),
        channel(Variable=None),
        channel(Channel=["PJSIP/a-1", "PJSIP/b-2"]),
        channel(Channel="PJSIP/a\r\nAction: Originate"),
        {},
    ],
    ids=lambda entry: f"{entry.get('Application')} {entry.get('Variable')} {entry.get('Channel')}"[:60],
)
async def test_nobody_else_is_taken(entry: dict[str, Any]) -> None:
    asterisk = Asterisk(entry, **DEAD)
    await watchdog(asterisk).look(asterisk)
    assert asterisk.listed == 1
    assert asterisk.redirected == []


@pytest.mark.parametrize("application", ["Stasis", "AudioSocket"])
@pytest.mark.parametrize("name", ["PJSIP/caller-0000000a", "SIP/trunk_1-0f", "Local/112@from-x-0001;2", "IAX2/a-1"])
def test_callers_are_known_by_what_the_dialplan_has_set(application: str, name: str) -> None:
    held = held_call(channel(Application=application, Channel=name))
    assert held is not None
    assert (held.app, held.channel) == ("one", name)


async def test_one_who_hangs_up_in_that_instant_keeps_nobody_else() -> None:
    asterisk = Asterisk(channel(Channel="PJSIP/gone-00000001"), channel(2), **DEAD)
    await watchdog(asterisk).look(asterisk)
    assert asterisk.redirected == ["PJSIP/caller-00000002"]


async def test_an_instance_that_is_no_longer_named_is_watched_on() -> None:
    asterisk = Asterisk(channel(), HOTLINE_ALIVE_one=str(EPOCH))
    dog = watchdog(asterisk)
    await dog.look(asterisk)
    asterisk.variables |= {"ARI_APPS": "two", "HOTLINE_ALIVE_one": "0"}
    await dog.look(asterisk)
    assert len(asterisk.redirected) == 1


async def test_names_that_no_instance_can_have_are_passed_over() -> None:
    asterisk = Asterisk(ARI_APPS="one, two,,a b,$x", **DEAD)
    await watchdog(asterisk).look(asterisk)
    assert asterisk.listed == 1


async def test_a_user_without_the_right_ends_the_watch_and_says_which() -> None:
    asterisk = Asterisk()
    asterisk.refusal = AmiError("AMI refuses Getvar: Permission denied")
    with pytest.raises(AmiRefused, match="class call"):
        await watchdog(asterisk).run(asyncio.Event())


async def test_a_lost_connection_is_opened_again() -> None:
    asterisk, stop, opened = Asterisk(channel(), **DEAD), asyncio.Event(), 0

    @asynccontextmanager
    async def connect() -> AsyncIterator[Asterisk]:
        nonlocal opened
        opened += 1
        if opened == 1:
            raise AmiUnavailable("away")
        if opened == 2:
            asterisk.refusal = AmiUnavailable("lost")
        else:
            asterisk.refusal = None
        yield asterisk

    run = asyncio.create_task(Watchdog(connect, interval=0.01).run(stop))
    async with asyncio.timeout(5):
        await asterisk.taken.wait()
        stop.set()
        await run
    assert opened == 3
