"""The application: who gets an event, what is refused, and what a predecessor left is cleared up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ari_app import app as module
from ari_app.app import AriApp, NameTaken
from ari_app.client.events import (
    ApplicationReplaced,
    ChannelDestroyed,
    ChannelHangupRequest,
    Connected,
    Event,
    StasisStart,
)
from ari_app.client.models import Application, Bridge, Channel
from ari_app.entry import Entry
from ari_app.legs import MediaLegs, Names
from dialogue.errors import ConfigurationError
from tests.fakes.ari import FakeAri

CALL = ("call", "0a1b2c3d-0000-4000-8000-000000000001", "intake_102", "en", "112")


class FakeCall:
    """A call that goes on until its caller leaves or it is cancelled."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.gone = asyncio.Event()
        self.cancelled = False

    def caller_hung_up(self) -> None:
        self.gone.set()

    async def run(self) -> None:
        try:
            await self.gone.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class World:
    """An application whose events a test gives it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.calls: list[FakeCall] = []
        self.channels: list[Channel] = []
        self.bridges: list[Bridge] = []
        self.ari = FakeAri(list_channels=lambda: self.channels, list_bridges=lambda: self.bridges)
        monkeypatch.setattr(module, "EventStream", lambda *_: self)
        monkeypatch.setattr(module, "SETTLE_SECONDS", 0.0)
        legs = MediaLegs(self.ari, Names("app"), None)  # type: ignore[arg-type]
        self.app = AriApp(self.ari, "app", self._new, None, legs, **options)  # type: ignore[arg-type]
        self.stop = asyncio.Event()

    def _new(self, entry: Entry) -> Any:
        self.calls.append(FakeCall(entry))
        return self.calls[-1]

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def __aiter__(self) -> World:
        return self

    async def __anext__(self) -> Event:
        return await self.events.get()

    async def give(self, *events: Event) -> None:
        for event in events:
            self.events.put_nowait(event)
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def sent_on(self) -> list[str]:
        return [asked[0] for asked in self.ari.of("continue_in_dialplan")]


def start(channel_id: str = "c1", args: tuple[str, ...] = CALL) -> StasisStart:
    return StasisStart(channel=Channel(id=channel_id, state="Up"), args=args)


def waiting(channel_id: str, app: str = "app") -> Channel:
    return Channel.model_validate({"id": channel_id, "dialplan": {"app_name": "Stasis", "app_data": f"{app},call"}})


async def test_calls_are_led_side_by_side_and_end_with_their_own_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.channels = [waiting("c1"), waiting("c2")]
    serving = asyncio.create_task(world.app.serve(world.stop))
    await world.give(Connected(first=True), start("c1"), start("c2"))
    assert world.app.calls == 2
    await world.give(ChannelHangupRequest(channel=Channel(id="c1"), soft=True))
    assert world.app.calls == 2, "a soft request may also mean that the dialplan goes on"
    await world.give(ChannelDestroyed(channel=Channel(id="c1")))
    assert world.app.calls == 1
    assert not world.calls[1].gone.is_set()
    world.stop.set()
    world.calls[1].gone.set()
    await asyncio.wait_for(serving, 1)


@pytest.mark.parametrize(
    "args", [("announce", *CALL[1:]), ("conclude", CALL[1]), (), ("unheard-of",)], ids=lambda args: "-".join(args[:1])
)
async def test_what_is_not_understood_goes_to_the_operators(
    monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    world = World(monkeypatch)
    serving = asyncio.create_task(world.app.serve(world.stop))
    await world.give(Connected(first=True), start("c9", args))
    assert world.sent_on == ["c9"]
    world.stop.set()
    await asyncio.wait_for(serving, 1)


async def test_calls_above_the_limit_and_after_the_stop_go_to_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, max_calls=1, drain_seconds=0.1)
    world.channels = [waiting("c1")]
    serving = asyncio.create_task(world.app.serve(world.stop))
    assert not world.app.has_room, "nothing is taken before events come"
    await world.give(Connected(first=True), start("c1"), start("c2"))
    assert world.sent_on == ["c2"]
    assert not world.app.has_room, "the dialplan is told to try another instance"
    world.stop.set()
    await world.give()
    await world.give(start("c3"))
    assert world.sent_on == ["c2", "c3"]
    await asyncio.wait_for(serving, 1)
    assert world.calls[0].cancelled, "what outlasts the drain is cut short"


async def test_what_a_predecessor_left_is_adopted_or_cleared_away(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.channels = [waiting("caller"), waiting("app-media-1"), waiting("app-operator-1"), waiting("other", "other")]
    world.channels.append(Channel(id="in-the-queue"))
    world.bridges = [Bridge(id="app-bridge-1"), Bridge(id="somebody-elses")]
    serving = asyncio.create_task(world.app.serve(world.stop))
    await world.give(Connected(first=True))
    assert world.sent_on == ["caller"]
    assert sorted(world.ari.of("hangup")) == [("app-media-1",), ("app-operator-1",)]
    assert world.ari.of("destroy_bridge") == [("app-bridge-1",)]
    world.stop.set()
    await asyncio.wait_for(serving, 1)


async def test_a_caller_who_left_while_no_events_came_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.channels = [waiting("c1"), waiting("c2")]
    serving = asyncio.create_task(world.app.serve(world.stop))
    await world.give(Connected(first=True), start("c1"), start("c2"))
    world.channels = [waiting("c2")]
    await world.give(Connected(first=False))
    assert [call.gone.is_set() for call in world.calls] == [True, False]
    world.stop.set()
    world.calls[1].gone.set()
    await asyncio.wait_for(serving, 1)


async def test_a_name_that_is_taken_ends_the_door_and_no_call_stays_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, drain_seconds=30)
    world.channels = [waiting("c1")]
    serving = asyncio.create_task(world.app.serve(world.stop))
    await world.give(Connected(first=True), start("c1"), ApplicationReplaced(application="app"))
    with pytest.raises(NameTaken, match="app"):
        await asyncio.wait_for(serving, 1)
    assert world.calls[0].cancelled


async def test_a_second_instance_does_not_start_while_the_first_gives_signs_of_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "RIVAL_SECONDS", 0.1)
    world, beats = World(monkeypatch), iter(range(100, 200))
    world.ari.answers["get_application"] = lambda name: Application(name=name)
    world.ari.answers["get_global_variable"] = lambda _: str(next(beats))
    with pytest.raises(ConfigurationError, match="ARI_APP=app"):
        await world.app.claim_name(world.stop)
    world.ari.answers["get_global_variable"] = lambda _: "100"
    await world.app.claim_name(world.stop)
