"""Media transports with a real Asterisk and a real SIP phone: what is played is heard, paused, dropped and counted."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from ari_app.client import AriClient, AriError, EventStream, StasisStart
from ari_app.client.events import Connected
from ari_app.legs import MediaLegs, Names, Transport
from ari_app.media.audiosocket import AudioSocketServer
from ari_app.media.stream import MediaStream
from ari_app.transports import AudioSocketTransport, WebSocketTransport
from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import LineError
from dialogue.turns import Key
from tests.live.pbx import Sandbox
from webadmin.operations.sip_call import SipCall
from webadmin.operations.sip_phone import SipPhone

pytestmark = [pytest.mark.live, pytest.mark.alone]

PHONE = "PJSIP/operator1"
RATE = 16_000
"""At which sounds are compared: half a sample of it decides."""
WINDOW = 0.1
"""Seconds of sound that are looked for at a time."""
ALIKE = 0.85
STEP = 0.005
"""Seconds by which a place may be off: a frame that is lost or doubled is 0.02."""
QUICKLY = 0.060
"""Seconds within which the phone falls silent."""
ON_THE_WAY = 0.040
"""Seconds that packets take through Asterisk, and between two of them."""


@dataclass
class OnThePhone:
    """A phone in a call with our media."""

    media: MediaStream
    call: SipCall
    heard: list[bytes | Key]
    """What our end has heard."""

    def voices_since(self, moment: float) -> list[float]:
        """When the phone got packets with sound in them, seconds of the loop's clock."""
        return [at for at in self.call.voices if at >= moment]


Connect = Callable[[], AbstractAsyncContextManager[OnThePhone]]


def sweep(rate: int, seconds: float = 3.0) -> bytes:
    """A tone that rises from 300 to 3,000 Hz: every tenth of a second of it is like no other."""
    times = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * (300 * times + (3000 - 300) * times**2 / (2 * seconds))
    pcm: bytes = (9000 * np.sin(phase)).astype("<i2").tobytes()
    return pcm


def places(heard: Audio, played: Audio) -> list[tuple[float, float]]:
    """For each tenth of a second of what was played: where in what was heard it is, in seconds, and how alike.

    The last one is left out: the end of it is still in the codec.
    """
    where = np.frombuffer(heard.at(RATE).pcm, "<i2").astype(float)
    whole = np.frombuffer(played.at(RATE).pcm, "<i2").astype(float)
    size = int(WINDOW * RATE)
    energies = np.concatenate(([0.0], np.cumsum(where * where)))
    energies = np.sqrt(np.maximum(energies[size:] - energies[:-size], 1.0))
    spectrum = np.fft.rfft(where, len(where) + size)
    found = []
    for start in range(0, len(whole) - 2 * size + 1, size):
        what = whole[start : start + size]
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(what, len(where) + size)), len(where) + size)
        likeness = products[: len(energies)] / (energies * np.sqrt(np.sum(what * what)))
        best = int(np.argmax(likeness))
        found.append((best / RATE, float(likeness[best])))
    return found


@pytest.fixture
async def phone(sandbox: Sandbox) -> AsyncIterator[SipPhone]:
    async with SipPhone(user="operator1", password=sandbox.secrets["sip"], auto_answer=True) as phone:
        await phone.register(sandbox.registrar)
        yield phone


@pytest.fixture
async def server() -> AsyncIterator[AudioSocketServer]:
    async with AudioSocketServer("127.0.0.1", 0) as server:
        yield server


@pytest.fixture(params=["websocket", "audiosocket", "application"])
def connect(request: pytest.FixtureRequest, sandbox: Sandbox, phone: SipPhone, server: AudioSocketServer) -> Connect:
    """By a media channel on a WebSocket or an AudioSocket, at 16 kHz, or by the dialplan's application, at 8."""
    address = "{}:{}".format(*server.address)

    @asynccontextmanager
    async def by_channel() -> AsyncIterator[OnThePhone]:
        app = f"media{uuid.uuid4().hex[:8]}"
        async with (
            AriClient(f"http://127.0.0.1:{sandbox.http_port}", "hotline", sandbox.secrets["ari"]) as client,
            EventStream(client, app) as events,
        ):
            transport: Transport = WebSocketTransport(client, app, 16_000)
            if request.param == "audiosocket":
                transport = AudioSocketTransport(client, app, server, address, 16_000)
            legs = MediaLegs(client, Names(app), transport)
            answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

            async def follow() -> None:
                async for event in events:
                    if isinstance(event, Connected):
                        await client.originate(PHONE, app=app)
                    elif isinstance(event, StasisStart) and event.channel.name.startswith(PHONE):
                        answered.set_result(event.channel.id)
                    elif isinstance(event, StasisStart):
                        legs.entered(event.channel.id)

            following = asyncio.create_task(follow())
            try:
                channel = await asyncio.wait_for(answered, 10)
                async with legs.beside(channel) as media, listening(phone, media) as talk:
                    yield talk
                with suppress(AriError):
                    await client.hangup(channel)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    @asynccontextmanager
    async def by_application() -> AsyncIterator[OnThePhone]:
        name = uuid.uuid4()
        expected = server.announce(name)
        await asyncio.to_thread(sandbox.cli, f"channel originate {PHONE} application AudioSocket {name},{address}")
        media = await expected
        try:
            async with listening(phone, media) as talk:
                yield talk
        finally:
            await media.close()

    return by_application if request.param == "application" else by_channel


@asynccontextmanager
async def listening(phone: SipPhone, media: MediaStream) -> AsyncIterator[OnThePhone]:
    call = await asyncio.wait_for(phone.incoming.get(), 10)
    heard: list[bytes | Key] = []

    async def listen() -> None:
        with suppress(LineError):
            async for piece in media.hear():
                heard.append(piece)

    task = asyncio.create_task(listen())
    try:
        yield OnThePhone(media, call, heard)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await call.hang_up()


async def test_what_is_played_in_bursts_is_heard_whole_and_without_gaps_and_its_end_is_known(connect: Connect) -> None:
    async with connect() as talk:
        loop, media = asyncio.get_running_loop(), talk.media
        sound = sweep(media.rate)
        began = loop.time()
        size = int(0.33 * media.rate) * SAMPLE_BYTES + 2
        for start in range(0, len(sound), size):
            await media.play(sound[start : start + size])
        assert loop.time() - began < 0.5, "it waited for what it need not"
        await media.drained()
        ended = loop.time()
        await asyncio.sleep(0.2)
        voices = talk.voices_since(began)
        print(
            f"first packet after {1000 * (voices[0] - began):.0f} ms, end known {1000 * (ended - voices[-1]):.0f} ms "
            f"after the last, longest gap {1000 * max(b - a for a, b in pairwise(voices)):.0f} ms"
        )
        assert voices[0] - began < 0.1
        assert -ON_THE_WAY <= ended - voices[-1] < 0.1
        assert max(later - earlier for earlier, later in pairwise(voices)) <= 0.1
        found = places(talk.call.received, Audio(sound, media.rate))
        assert min(likeness for _, likeness in found) > ALIKE
        assert all(b - a == pytest.approx(WINDOW, abs=STEP) for (a, _), (b, _) in pairwise(found))
        assert media.played == pytest.approx(3.0, abs=0.03)
        assert media.queued == 0


async def test_a_pause_is_heard_at_once_and_ends_at_the_same_sample(connect: Connect) -> None:
    async with connect() as talk:
        loop, media = asyncio.get_running_loop(), talk.media
        sound = sweep(media.rate)
        await media.play(sound)
        await asyncio.sleep(1.0)
        paused = loop.time()
        await media.pause()
        played = media.played
        await asyncio.sleep(0.6)
        last = talk.call.voices[-1]
        before = len(talk.call.voices)
        resumed = loop.time()
        await media.resume()
        await media.drained()
        await asyncio.sleep(0.2)
        first = talk.voices_since(resumed)[0]
        print(
            f"silent {1000 * (last - paused):.0f} ms after the pause, voice {1000 * (first - resumed):.0f} ms "
            f"after it, counted {played:.3f} s, {before * 0.02:.2f} s of packets"
        )
        assert last - paused <= QUICKLY
        assert first - resumed <= QUICKLY
        assert played == pytest.approx(before * 0.02, abs=0.06)
        found = places(talk.call.received, Audio(sound, media.rate))
        steps = [b - a for (a, _), (b, _) in pairwise(found)]
        # The tenth of a second in which the pause lies is in two places.
        whole = [likeness for _, likeness in found if likeness > ALIKE]
        assert len(whole) >= len(found) - 1
        assert found[-1][0] - found[0][0] - (len(found) - 1) * WINDOW == pytest.approx(first - last, abs=0.06)
        assert sum(abs(step - WINDOW) > STEP for step in steps) <= 2


async def test_a_flush_is_silence_at_once_and_the_next_words_come_at_once(connect: Connect) -> None:
    async with connect() as talk:
        loop, media = asyncio.get_running_loop(), talk.media
        sound = sweep(media.rate)
        await media.play(sound)
        await asyncio.sleep(0.5)
        flushed = loop.time()
        await media.flush()
        await asyncio.sleep(0.5)
        last = talk.call.voices[-1]
        assert last - flushed <= QUICKLY
        assert media.queued == 0
        assert media.played == pytest.approx(0.5, abs=0.08)
        for pause_first in (False, True):
            again = loop.time()
            await media.play(sound)
            if pause_first:
                await media.pause()
            await media.flush()
            await media.play(sound[: media.rate])
            await media.drained()
            voices = talk.voices_since(again)
            assert voices[0] - again <= 0.1
            assert voices[-1] - voices[0] == pytest.approx(0.5, abs=0.1)


async def test_what_the_phone_says_is_heard(connect: Connect) -> None:
    async with connect() as talk:
        said = Audio(sweep(16_000), 16_000)
        await talk.call.say(said)
        await asyncio.sleep(0.3)
        heard = Audio(b"".join(piece for piece in talk.heard if isinstance(piece, bytes)), talk.media.rate)
        found = places(heard, said)
        assert sum(likeness > ALIKE for _, likeness in found) >= len(found) - 2
        assert found[-2][0] - found[1][0] == pytest.approx((len(found) - 3) * WINDOW, abs=0.03)


async def test_an_end_of_the_call_is_told_in_both_directions(connect: Connect) -> None:
    async with connect() as talk:
        await talk.media.play(sweep(talk.media.rate, 5.0))
        await asyncio.sleep(0.3)
        await talk.media.close()
        with pytest.raises(LineError, match="media_closed"):
            await talk.media.play(b"\0\0")


@pytest.mark.parametrize(
    ("connect", "keys"), [("websocket", ""), ("audiosocket", ""), ("application", "5#")], indirect=["connect"]
)
async def test_keys_come_with_the_sound_only_where_ari_does_not_tell_of_them(connect: Connect, keys: str) -> None:
    async with connect() as talk:
        await talk.call.press("5#")
        await asyncio.sleep(0.5)
        assert "".join(piece.digit for piece in talk.heard if isinstance(piece, Key)) == keys
