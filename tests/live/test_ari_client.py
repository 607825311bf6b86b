"""The ARI client with a real Asterisk: every kind of request it makes, its events, and a connection that breaks."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import pytest

from ari_app.client import (
    ApplicationReplaced,
    AriClient,
    AriError,
    BridgeDestroyed,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelEnteredBridge,
    ChannelLeftBridge,
    ChannelStateChange,
    Conflict,
    Connected,
    Dial,
    Disconnected,
    Event,
    EventStream,
    NotFound,
    PlaybackFinished,
    RecordingFinished,
    Refused,
    StasisEnd,
    StasisStart,
)
from tests.live.pbx import Sandbox

pytestmark = pytest.mark.live

USER = "hotline"
CONTEXT = "ari-client-test"
FAR = "Local/far@" + CONTEXT
E = TypeVar("E", bound=Event)


@dataclass
class Pbx:
    """A client, the application's name and its events."""

    client: AriClient
    app: str
    events: EventStream

    async def until(self, kind: type[E], fits: Callable[[E], bool] = lambda _: True, seconds: float = 5) -> E:
        """Read events until one fits; the others are dropped."""
        async with asyncio.timeout(seconds):
            async for event in self.events:
                if isinstance(event, kind) and fits(event):
                    return event
        raise AssertionError("the stream has ended")

    async def until_in_dialplan(self, channel_id: str) -> None:
        """Return once a channel that has left the application is in its `Wait()`."""
        async with asyncio.timeout(5):
            while (await self.client.get_channel(channel_id)).dialplan.app_name != "Wait":  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def call(self) -> tuple[str, str]:
        """Call a Local channel whose far half comes into the application as well; return both ids."""
        near, far = (f"{self.app}-{uuid.uuid4().hex}-{side}" for side in ("near", "far"))
        await self.client.originate(FAR, app=self.app, app_args="near", channel_id=near, other_channel_id=far)
        await self.until(StasisStart, lambda event: event.channel.id == far)
        await self.client.answer(far)
        await self.until(StasisStart, lambda event: event.channel.id == near and event.args == ("near",))
        return near, far


@pytest.fixture
def app(sandbox: Sandbox) -> str:
    name = f"client{uuid.uuid4().hex[:8]}"
    for priority, step in enumerate((f"Stasis({name},far)", "Wait(30)"), 1):
        sandbox.cli(f"dialplan add extension far,{priority},{step} into {CONTEXT} replace")
    return name


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AriClient]:
    async with AriClient(f"http://127.0.0.1:{sandbox.http_port}/ari", USER, sandbox.secrets["ari"]) as client:
        yield client


@pytest.fixture
async def pbx(client: AriClient, app: str) -> AsyncIterator[Pbx]:
    async with EventStream(client, app) as events:
        pbx = Pbx(client, app, events)
        await pbx.until(Connected)
        yield pbx
        for channel in await client.list_channels():
            if channel.id.startswith(app):
                with suppress(NotFound):
                    await client.hangup(channel.id)


async def test_two_calls_are_bridged_send_keys_and_end(pbx: Pbx) -> None:
    client = pbx.client
    one, one_far = await pbx.call()
    two, two_far = await pbx.call()
    assert (await client.get_channel(one)).state == "Up"
    bridge = await client.create_bridge(f"{pbx.app}-bridge", type="mixing,dtmf_events", name="talk")
    await client.add_channel(bridge.id, one, two)
    for channel in (one, two):
        entered = await pbx.until(ChannelEnteredBridge)
        assert entered.channel is not None
        assert (entered.bridge.id, entered.channel.id) == (bridge.id, channel)
    assert set((await client.get_bridge(bridge.id)).channels) == {one, two}
    assert bridge.id in {each.id for each in await client.list_bridges()}

    await client.send_dtmf(one_far, "5")
    key = await pbx.until(ChannelDtmfReceived, lambda event: event.channel.id == one)
    assert key.digit == "5"
    assert (await pbx.until(ChannelDtmfReceived, lambda event: event.channel.id == two_far)).digit == "5"

    await client.remove_channel(bridge.id, two)
    assert (await pbx.until(ChannelLeftBridge)).channel.id == two
    await client.hangup(one_far, "busy")
    gone = await pbx.until(ChannelDestroyed, lambda event: event.channel.id == one)
    assert gone.cause == 17
    with pytest.raises(NotFound):
        await client.answer(one)
    await client.destroy_bridge(bridge.id)
    assert (await pbx.until(BridgeDestroyed)).bridge.id == bridge.id


async def test_variables_keep_their_text_and_the_dialplan_goes_on(pbx: Pbx) -> None:
    client = pbx.client
    near, far = await pbx.call()
    for value in ("Абай даңғылы, 5 & 6? #+%2F", '"quotes" \\ and ${CALL_ID}', "x" * 3000, ""):
        await client.set_variable(far, "CLIENT_TEST", value)
        assert await client.get_variable(far, "CLIENT_TEST") == value
    with pytest.raises(NotFound):
        await client.get_variable(far, "CLIENT_NEVER_SET")
    await client.set_global_variable("CLIENT_GLOBAL", "ағымдағы")
    assert await client.get_global_variable("CLIENT_GLOBAL") == "ағымдағы"
    assert await client.get_global_variable("CLIENT_NEVER_SET") == ""

    await client.continue_in_dialplan(far)
    await pbx.until(StasisEnd, lambda event: event.channel.id == far)
    await pbx.until_in_dialplan(far)
    with pytest.raises(Conflict):
        await client.continue_in_dialplan(far)
    with pytest.raises(Conflict):
        await client.set_variable(far, "CLIENT_TEST", "x")
    await client.continue_in_dialplan(near, CONTEXT, "far", 2)
    await pbx.until(StasisEnd, lambda event: event.channel.id == near)
    await pbx.until_in_dialplan(near)


async def test_sounds_music_and_recording(sandbox: Sandbox, pbx: Pbx) -> None:
    # An installed Asterisk comes with this folder.
    (sandbox.folder / "spool" / "recording").mkdir(exist_ok=True)
    client = pbx.client
    near, _ = await pbx.call()
    await client.mute(near, "in")
    await client.unmute(near, "in")
    await client.start_moh(near)
    await client.stop_moh(near)
    await client.play(near, "sound:vm-goodbye", playback_id=f"{pbx.app}-short", language="en")
    ended = await pbx.until(PlaybackFinished)
    assert (ended.playback.id, ended.playback.state) == (f"{pbx.app}-short", "done")

    bridge = await client.create_bridge()
    await client.add_channel(bridge.id, near)
    recording = await client.record_bridge(bridge.id, f"{pbx.app}-record", format="wav")
    assert (await client.get_live_recording(recording.name)).target_uri == f"bridge:{bridge.id}"
    with pytest.raises(Conflict):
        await client.record_bridge(bridge.id, recording.name, format="wav")
    playback = await client.play_on_bridge(bridge.id, "tone:ring", playback_id=f"{pbx.app}-long")
    await client.stop_playback(playback.id)
    assert (await pbx.until(PlaybackFinished)).playback.id == playback.id
    await client.start_bridge_moh(bridge.id)
    await client.stop_bridge_moh(bridge.id)
    await client.stop_recording(recording.name)
    assert (await pbx.until(RecordingFinished)).recording.name == recording.name
    await client.destroy_bridge(bridge.id)


async def test_a_channel_is_made_rings_and_is_dialled(pbx: Pbx) -> None:
    client = pbx.client
    near, far = f"{pbx.app}-near", f"{pbx.app}-far"
    made = await client.create_channel(FAR, pbx.app, channel_id=near, other_channel_id=far, formats=("slin16",))
    assert (made.id, made.state) == (near, "Down")
    await pbx.until(StasisStart, lambda event: event.channel.id == near)
    await client.dial(near, timeout=10)
    await pbx.until(StasisStart, lambda event: event.channel.id == far)
    await client.ring(far)
    assert (await pbx.until(Dial, lambda event: event.dialstatus == "RINGING")).peer.id == near
    await client.ring_stop(far)
    await client.answer(far)
    changed = await pbx.until(
        ChannelStateChange, lambda event: event.channel.id == near and event.channel.state == "Up"
    )
    assert changed.timestamp


async def test_media_channels_of_both_kinds(pbx: Pbx) -> None:
    client = pbx.client
    media = await client.external_media(pbx.app, channel_id=f"{pbx.app}-media", data="one,two")
    assert media.name.startswith("WebSocket/")
    connection = media.channelvars["MEDIA_WEBSOCKET_CONNECTION_ID"]
    assert connection == await client.get_variable(media.id, "MEDIA_WEBSOCKET_CONNECTION_ID")
    assert client.media_url(connection).startswith("ws://")
    await client.hangup(media.id)

    connected = asyncio.Event()

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await client.external_media(
            pbx.app,
            f"127.0.0.1:{port}",
            channel_id=f"{pbx.app}-socket",
            transport="tcp",
            encapsulation="audiosocket",
            data=str(uuid.uuid4()),
        )
        async with asyncio.timeout(5):
            await connected.wait()


async def test_what_asterisk_refuses_is_an_error(pbx: Pbx) -> None:
    client = pbx.client
    with pytest.raises(NotFound):
        await client.get_application("nobody")
    with pytest.raises(NotFound):
        await client.hangup("nobody")
    with pytest.raises(AriError):
        await client.originate("NoSuchTechnology/1", app=pbx.app)
    near, _ = await pbx.call()
    with pytest.raises(NotFound):
        await client.add_channel("nobody", near)
    bridge = await client.create_bridge(f"{pbx.app}-bridge")
    with pytest.raises(AriError, match="duplicate"):
        await client.create_bridge(bridge.id)
    with pytest.raises(AriError) as caught:
        await client.add_channel(bridge.id, near, "nobody")
    assert caught.value.status == 400
    assert (await client.get_bridge(bridge.id)).channels == ()
    await client.destroy_bridge(bridge.id)


async def test_the_application_is_there_as_soon_as_connected_is_told(pbx: Pbx) -> None:
    assert (await pbx.client.get_application(pbx.app)).name == pbx.app
    assert pbx.app in {each.name for each in await pbx.client.list_applications()}
    assert (await pbx.client.ping()).ping == "pong"
    info = await pbx.client.asterisk_info()
    assert int(info.system.version.partition(".")[0]) >= 20
    assert info.status.startup_time
    await pbx.events.close()
    async with asyncio.timeout(5):
        while pbx.app in {each.name for each in await pbx.client.list_applications()}:  # noqa: ASYNC110 - Asterisk is asked
            await asyncio.sleep(0.05)


async def test_a_quiet_application_stays_connected(pbx: Pbx) -> None:
    """Asterisk answers pings: without that the stream would reconnect within three seconds."""
    with pytest.raises(TimeoutError):
        await pbx.until(Disconnected, seconds=4)


async def test_a_second_connection_of_the_name_ends_the_first(pbx: Pbx) -> None:
    async with EventStream(pbx.client, pbx.app) as second:
        assert isinstance(await anext(second), Connected)
        await pbx.until(ApplicationReplaced)
        with pytest.raises(StopAsyncIteration):
            await anext(pbx.events)
        assert second.connected


async def test_a_wrong_password_is_refused(sandbox: Sandbox, app: str) -> None:
    async with (
        AriClient(f"http://127.0.0.1:{sandbox.http_port}/ari", USER, "wrong") as client,
        EventStream(client, app) as events,
    ):
        with pytest.raises(Refused):
            await client.ping()
        with pytest.raises(Refused):
            async with asyncio.timeout(5):
                await anext(events)


class Wire:
    """A TCP connection to Asterisk that can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.whole = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.whole:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, back]
        await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                writer.write(piece)
        writer.close()

    def cut(self) -> None:
        self.whole = False
        for writer in self._writers:
            writer.transport.abort()


async def test_a_call_outlives_a_lost_connection_and_its_events_come_again(
    sandbox: Sandbox, client: AriClient, app: str
) -> None:
    wire = Wire(sandbox.http_port)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        AriClient(f"http://127.0.0.1:{port}/ari", USER, sandbox.secrets["ari"]) as far_client,
        EventStream(far_client, app) as events,
    ):
        pbx = Pbx(far_client, app, events)
        await pbx.until(Connected, lambda event: event.first)
        near, far = await pbx.call()
        wire.cut()
        await pbx.until(Disconnected)
        with pytest.raises(AriError):
            await far_client.get_channel(near)
        assert (await client.get_channel(near)).state == "Up", "the call goes on"
        wire.whole = True
        await pbx.until(Connected, lambda event: not event.first)
        assert {near, far} <= {channel.id for channel in await far_client.list_channels()}
        await far_client.send_dtmf(far, "7")
        assert (await pbx.until(ChannelDtmfReceived)).digit == "7"
        await far_client.hangup(near)
        await pbx.until(ChannelDestroyed, lambda event: event.channel.id == near)
        wire.cut()
