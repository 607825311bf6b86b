"""AudioSocket: sound by our clock, and only for whom a call was announced."""

from __future__ import annotations

import asyncio
import struct
import time
import uuid
from collections.abc import AsyncIterator
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_app.media import audiosocket
from ari_app.media.audiosocket import AudioSocketMedia, AudioSocketServer
from dialogue.errors import LineError
from dialogue.turns import Key
from tests.fakes.media_peer import AudioSocketPeer

FRAME = b"\x01\x02" * 160
TURNED_AWAY = (asyncio.IncompleteReadError, ConnectionResetError)


@pytest.fixture
async def server() -> AsyncIterator[AudioSocketServer]:
    async with AudioSocketServer("127.0.0.1", 0) as server:
        yield server


async def connected(server: AudioSocketServer, peer: AudioSocketPeer, kind: int = 0x10) -> AudioSocketMedia:
    name = uuid.uuid4()
    expected = server.announce(name)
    peer.identify(name)
    peer.send(kind, FRAME if kind == 0x10 else FRAME * 2)
    return await expected


async def first(media: AudioSocketMedia, count: int) -> list[bytes | Key]:
    got: list[bytes | Key] = []
    async with asyncio.timeout(3):
        async for heard in media.hear():
            got.append(heard)
            if len(got) == count:
                return got
    raise AssertionError


async def until_quiet(peer: AudioSocketPeer) -> list[bytes]:
    """What still comes until nothing does for a fifth of a second."""
    got = []
    while True:
        try:
            got.append((await peer.receive(0.2))[1])
        except TimeoutError:
            return got


async def test_sound_and_keys_arrive_in_their_order(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        peer.send(0x03, b"5")
        peer.send(0x10, FRAME[::-1])
        assert await first(media, 3) == [FRAME, Key("5"), FRAME[::-1]]
        assert media.rate == 8000


async def test_sixteen_khz_is_answered_with_sixteen(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer, kind=0x12)
        await media.play(b"\x05\x06" * 320)
        assert await peer.receive() == (0x12, b"\x05\x06" * 320)


async def test_speech_is_sent_frame_by_frame_in_real_time(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        await media.play(FRAME * 50)
        times = []
        for _ in range(50):
            assert await peer.receive() == (0x10, FRAME)
            times.append(time.monotonic())
        assert times[-1] - times[0] > 0.9, "it came in a burst"
        assert media.played == pytest.approx(1.0)


async def test_a_pause_stops_between_two_frames_and_loses_none(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        frames = [bytes([n]) * 320 for n in range(20)]
        await media.play(b"".join(frames))
        got = [(await peer.receive())[1] for _ in range(5)]
        await media.pause()
        got += await until_quiet(peer)
        await media.resume()
        await media.drained()
        while len(got) < 20:
            got.append((await peer.receive())[1])
        assert got == frames


async def test_a_flush_is_silence_at_once(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        await media.play(FRAME * 100)
        await peer.receive()
        await media.flush()
        assert media.queued == 0
        assert len(await until_quiet(peer)) <= 2


async def test_an_unknown_uuid_is_turned_away(server: AudioSocketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket, "ANNOUNCED_WITHIN", 0.1)
    async with AudioSocketPeer(server.address) as peer:
        peer.identify(uuid.uuid4())
        with pytest.raises(TURNED_AWAY):
            await peer.receive()


async def test_an_announcement_may_come_a_moment_after_the_connection(server: AudioSocketServer) -> None:
    name = uuid.uuid4()
    async with AudioSocketPeer(server.address) as peer:
        peer.identify(name)
        peer.send(0x10, FRAME)
        await asyncio.sleep(0.1)
        media = await server.announce(name)
        assert await first(media, 1) == [FRAME]


async def test_a_reused_uuid_is_turned_away_and_the_call_goes_on(
    server: AudioSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiosocket, "ANNOUNCED_WITHIN", 0.1)
    name = uuid.uuid4()
    expected = server.announce(name)
    async with AudioSocketPeer(server.address) as peer, AudioSocketPeer(server.address) as thief:
        peer.identify(name)
        peer.send(0x10, FRAME)
        media = await expected
        thief.identify(name)
        with pytest.raises(TURNED_AWAY):
            await thief.receive()
        peer.send(0x10, FRAME)
        assert await first(media, 2) == [FRAME, FRAME]


async def test_a_peer_that_is_not_listed_is_turned_away() -> None:
    async with AudioSocketServer("127.0.0.1", 0, ["192.0.2.0/24"]) as server:
        name = uuid.uuid4()
        expected = server.announce(name, 0.3)
        async with AudioSocketPeer(server.address) as peer:
            peer.identify(name)
            with pytest.raises(TURNED_AWAY):
                await peer.receive()
            with pytest.raises(LineError, match="media_not_connected"):
                await expected


async def test_a_peer_that_says_nothing_is_cut_off(server: AudioSocketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket, "IDENTIFY_SECONDS", 0.1)
    async with AudioSocketPeer(server.address) as peer:
        with pytest.raises(TURNED_AWAY):
            await peer.receive()


async def test_hang_up_and_a_broken_connection_end_the_media(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        peer.send(0x00)
        with pytest.raises(LineError, match="media_closed"):
            await first(media, 2)
        with pytest.raises(LineError, match="media_closed"):
            await media.play(FRAME)
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        peer.writer.transport.abort()
        with pytest.raises(LineError, match="media_closed"):
            await first(media, 2)


async def test_silence_on_the_wire_counts_as_stalled(
    server: AudioSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiosocket, "STALLED_AFTER", 0.3)
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        with pytest.raises(LineError, match="media_stalled"):
            await first(media, 2)


async def test_a_peer_that_never_reads_stops_nobody(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as deaf, AudioSocketPeer(server.address) as peer:
        deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]
        silent = await connected(server, deaf, kind=0x12)
        media = await connected(server, peer)
        await silent.play(bytes(32_000 * 9))
        await media.play(FRAME * 10)
        for _ in range(10):
            assert (await peer.receive())[0] == 0x10


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
async def test_no_bytes_break_the_reader(data: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()

    media = AudioSocketMedia(reader, Mock())
    try:
        async for heard in media.hear():
            assert isinstance(heard, Key) or len(heard) % 2 == 0
    except LineError as error:
        assert error.code == "media_closed"


def test_the_frame_of_the_protocol_is_three_bytes() -> None:
    assert struct.calcsize("!BH") == 3
