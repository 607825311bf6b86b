"""AudioSocket: sound by our clock, paused, dropped and counted."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid

import numpy as np
import pytest
import uvloop

from ari_app.media import audiosocket_media
from ari_app.media.audiosocket import AudioSocketServer
from dialogue.errors import LineError
from dialogue.turns import Key
from tests.ari_app.media.conftest import FRAME, connected, first
from tests.fakes.media_peer import AudioSocketPeer


def tone(rate: int, frames: int) -> list[bytes]:
    """Frames of a tone of 440 Hz."""
    times = np.arange(frames * rate // 50) / rate
    pcm = (8000 * np.sin(2 * np.pi * 440 * times)).astype("<i2").tobytes()
    size = rate // 25
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def pitch(pcm: bytes, rate: int) -> float:
    """Of a tone, Hz."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * rate / len(samples)


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


async def test_silence_on_the_wire_counts_as_stalled() -> None:
    async with (
        AudioSocketServer("127.0.0.1", 0, stalled_after=0.3) as server,
        AudioSocketPeer(server.address) as peer,
    ):
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


async def test_a_flush_does_not_stop_the_loop_and_what_follows_is_heard(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        await media.play(FRAME * 100)
        await peer.receive()
        await media.flush()
        await until_quiet(peer)
        await media.play(b"\x07\x08" * 160 * 5)
        async with asyncio.timeout(2):
            await media.drained()
        assert [(await peer.receive())[1] for _ in range(5)] == [b"\x07\x08" * 160] * 5


async def test_more_than_is_kept_waits_and_goes_on_as_it_is_heard(
    server: AudioSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiosocket_media, "MOST_QUEUED", 0.2)
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        await media.play(FRAME * 15)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.04):
                await media.play(FRAME)
        await media.pause()
        waiting = asyncio.create_task(media.play(FRAME))
        await asyncio.sleep(0.2)
        assert not waiting.done(), "a pause makes no room"
        await media.resume()
        async with asyncio.timeout(1):
            await waiting


async def test_a_flush_drops_sound_that_waits_to_be_taken(
    server: AudioSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiosocket_media, "MOST_QUEUED", 0.2)
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        await media.play(FRAME * 50)
        waiting = asyncio.create_task(media.play(b"\x09\x09" * 160))
        await asyncio.sleep(0.05)
        await media.flush()
        await asyncio.wait_for(waiting, 1)
        assert b"\x09\x09" * 160 not in await until_quiet(peer)


async def test_a_pause_while_the_end_is_waited_for_is_no_failure(
    server: AudioSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        await media.play(FRAME * 10)
        ending = asyncio.create_task(media.drained())
        await asyncio.sleep(0.05)
        await media.pause()
        await asyncio.sleep(0.4)
        assert not ending.done()
        await media.resume()
        await asyncio.wait_for(ending, 1)
        assert media.played == pytest.approx(0.2)


async def test_the_end_of_speech_is_when_its_last_frame_was_heard(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        started = time.monotonic()
        await media.play(FRAME * 10)
        await media.drained()
        assert 0.19 <= time.monotonic() - started < 0.4


async def test_sound_that_fills_no_frame_is_followed_by_silence_and_counted_as_it_is(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        await media.play(FRAME + FRAME[:100])
        await media.drained()
        assert [(await peer.receive())[1] for _ in range(2)] == [FRAME, FRAME[:100] + bytes(220)]
        assert media.played == pytest.approx(420 / 16_000)


async def test_speech_begins_at_once(server: AudioSocketServer) -> None:
    async with AudioSocketPeer(server.address) as peer:
        media = await connected(server, peer)
        for _ in range(3):
            before = time.monotonic()
            await media.play(FRAME * 2)
            await peer.receive()
            assert time.monotonic() - before < 0.015
            await media.drained()
            await peer.receive()


async def test_a_media_channel_whose_rate_is_known_is_there_before_its_first_sound(server: AudioSocketServer) -> None:
    name = uuid.uuid4()
    expected = server.announce(name, rate=16_000)
    async with AudioSocketPeer(server.address) as peer:
        peer.identify(name)
        async with asyncio.timeout(0.5):
            media = await expected
        assert media.rate == 16_000
        await media.play(FRAME * 2)
        assert await peer.receive() == (0x12, FRAME * 2)


async def test_8_khz_where_16_was_told_is_converted_and_never_misread(server: AudioSocketServer) -> None:
    name = uuid.uuid4()
    expected = server.announce(name, rate=16_000)
    async with AudioSocketPeer(server.address) as peer:
        peer.identify(name)
        media = await expected
        assert media.rate == 16_000
        for piece in tone(8000, 50):
            peer.send(0x10, piece)
        got = b""
        async with asyncio.timeout(3):
            async for piece in media.hear():
                assert isinstance(piece, bytes)
                got += piece
                if len(got) > 28_000:
                    break
        assert pitch(got, 16_000) == pytest.approx(440, abs=10)
        await media.play(b"".join(tone(16_000, 25)))
        await media.drained()
        sent = [await peer.receive() for _ in range(20)]
        assert {kind for kind, _ in sent} == {0x10}
        assert pitch(b"".join(pcm for _, pcm in sent), 8000) == pytest.approx(440, abs=10)
        assert media.played == pytest.approx(0.5, abs=0.05)


async def test_a_peer_that_never_reads_ends_only_its_own_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket_media, "MOST_UNSENT", 1000)
    async with (
        AudioSocketServer("127.0.0.1", 0, stalled_after=0.3) as server,
        AudioSocketPeer(server.address) as deaf,
    ):
        deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]
        deaf.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        media = await connected(server, deaf, kind=0x12)
        # As if minutes had been said that nobody read.
        media._transport.write(bytes(8_000_000))
        await media.play(bytes(32_000))
        with pytest.raises(LineError, match="media_stalled"):
            async with asyncio.timeout(3):
                await media.drained()
        with pytest.raises(LineError, match="media_stalled"):
            await media.play(FRAME)


async def test_the_server_ends_its_calls_when_it_stops() -> None:
    async with AudioSocketServer("127.0.0.1", 0) as server:
        peer = AudioSocketPeer(server.address)
        await peer.__aenter__()
        media = await connected(server, peer)
    with pytest.raises(LineError, match="media_closed"):
        await media.play(FRAME)
    assert await peer.receive() == (0x00, b"")
    await peer.__aexit__()


async def test_keys_that_ari_tells_of_do_not_come_twice(server: AudioSocketServer) -> None:
    name = uuid.uuid4()
    expected = server.announce(name, rate=8000, keys=False)
    async with AudioSocketPeer(server.address) as peer:
        peer.identify(name)
        media = await expected
        peer.send(0x03, b"5")
        peer.send(0x10, FRAME)
        assert await first(media, 1) == [FRAME]


def test_it_serves_on_the_loop_that_the_doors_run_on() -> None:
    async def call() -> None:
        async with AudioSocketServer("127.0.0.1", 0) as server, AudioSocketPeer(server.address) as peer:
            media = await connected(server, peer)
            await media.play(FRAME * 2)
            assert await peer.receive() == (0x10, FRAME)
            assert await first(media, 1) == [FRAME]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(call())
