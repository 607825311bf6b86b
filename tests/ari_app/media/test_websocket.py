"""A media WebSocket: sound in both directions, and Asterisk's end misbehaving."""

from __future__ import annotations

import asyncio
import time

import pytest

from ari_app.media import websocket
from ari_app.media.websocket import WebSocketMedia
from dialogue.errors import LineError
from tests.fakes.media_peer import ChanWebSocket, deaf_websocket

SECOND = bytes(range(256)) * 125
"""32,000 bytes: a second at 16 kHz."""


async def heard(media: WebSocketMedia, size: int, seconds: float = 5.0) -> bytes:
    """The first ``size`` bytes of what is heard."""
    got = b""
    async with asyncio.timeout(seconds):
        async for piece in media.hear():
            assert isinstance(piece, bytes)
            got += piece
            if len(got) >= size:
                break
    return got


async def test_what_the_caller_says_is_heard_byte_for_byte() -> None:
    async def talk(peer: ChanWebSocket) -> None:
        for start in range(0, len(SECOND), 640):
            await peer.send(SECOND[start : start + 640])

    async with ChanWebSocket(talk).listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        assert await heard(media, len(SECOND)) == SECOND
        await media.close()


async def test_odd_sizes_lose_no_sample() -> None:
    async def talk(peer: ChanWebSocket) -> None:
        for start, end in ((0, 1), (1, 334), (334, 335), (335, 5001), (5001, 32_000)):
            await peer.send(SECOND[start:end])

    async with ChanWebSocket(talk).listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        assert await heard(media, len(SECOND)) == SECOND
        await media.close()


async def test_a_channel_at_8_khz_where_16_was_asked_for_is_used_at_8() -> None:
    async with ChanWebSocket(format="slin", size=320).listening() as peer:
        media = await WebSocketMedia.connect(peer.url, rate=16_000)
        await media.play(SECOND[:16_000])
        assert media.rate == 8000
        assert 0.9 < media.queued <= 1.0
        await media.close()


async def test_a_coded_channel_is_refused() -> None:
    async with ChanWebSocket(format="ulaw", size=160).listening() as peer:
        with pytest.raises(LineError, match="media_format"):
            await WebSocketMedia.connect(peer.url)


async def test_a_channel_that_is_not_there_yet_is_waited_for() -> None:
    async with ChanWebSocket(missing=3).listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        assert media.rate == 16_000
        await media.close()


async def test_nobody_there_is_said_in_time() -> None:
    async with ChanWebSocket(missing=10_000).listening() as peer:
        started = time.monotonic()
        with pytest.raises(LineError, match="media_not_connected"):
            await WebSocketMedia.connect(peer.url, seconds=0.3)
        assert time.monotonic() - started < 2


async def test_played_sound_arrives_whole_though_its_pieces_fit_no_frame() -> None:
    async def listen(peer: ChanWebSocket) -> None:
        await asyncio.sleep(10)

    async with ChanWebSocket(listen).listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        hearing = asyncio.create_task(heard(media, 1, 20))
        for start in range(0, 32_000, 1110):
            await media.play(SECOND[start : start + 1110])
        await media.drained()
        assert bytes(peer.sound) == SECOND
        assert all(len(message) % 640 == 0 for message in peer.messages)
        hearing.cancel()
        await media.close()


async def test_a_pause_keeps_what_is_queued_and_a_flush_drops_it() -> None:
    async with ChanWebSocket().listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        await media.play(SECOND * 3)
        await asyncio.sleep(0.1)
        await media.pause()
        played, queued = media.played, media.queued
        await asyncio.sleep(0.1)
        assert (media.played, media.queued) == (played, queued)
        assert 0.08 < played < 0.5
        assert played + queued == pytest.approx(3.0)
        await media.resume()
        await asyncio.sleep(0.05)
        assert media.played > played
        await media.pause()
        before = media.played
        await media.flush()
        assert media.queued == 0
        assert media.played == pytest.approx(before, abs=0.01)
        await media.play(SECOND)
        await asyncio.sleep(0.05)
        assert media.played > before
        assert peer.commands == ["PAUSE_MEDIA", "CONTINUE_MEDIA", "PAUSE_MEDIA", "FLUSH_MEDIA", "CONTINUE_MEDIA"]
        await media.close()


async def test_asterisk_is_never_given_more_than_it_keeps() -> None:
    async with ChanWebSocket().listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        playing = asyncio.create_task(media.play(SECOND * 30))
        await asyncio.sleep(0.3)
        assert not playing.done()
        assert len(peer.sound) <= 12 * 32_000
        playing.cancel()
        await media.close()


async def test_a_closed_socket_ends_hearing_and_speaking() -> None:
    async def close(peer: ChanWebSocket) -> None:
        assert peer.socket is not None
        await peer.send(SECOND[:640])
        await peer.socket.close()

    async with ChanWebSocket(close).listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        with pytest.raises(LineError, match="media_closed"):
            await heard(media, 10_000)
        with pytest.raises(LineError, match="media_closed"):
            await media.play(SECOND)
        with pytest.raises(LineError, match="media_closed"):
            await media.pause()
        await media.close()


async def test_a_phone_that_sends_nothing_while_its_owner_is_silent_is_heard_as_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "STATUS_AFTER", 0.05)
    async with ChanWebSocket().listening() as peer:
        media = await WebSocketMedia.connect(peer.url, stalled_after=0.3)
        assert not any(await heard(media, 16_000))
        assert "GET_STATUS" in peer.commands
        await media.close()


async def test_media_that_stall_end_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "STATUS_AFTER", 0.05)
    async with ChanWebSocket(mute=True).listening() as peer:
        media = await WebSocketMedia.connect(peer.url, stalled_after=0.3)
        with pytest.raises(LineError, match="media_stalled"):
            await heard(media, 1)
        await media.close()


async def test_text_garbage_harms_nothing() -> None:
    async def talk(peer: ChanWebSocket) -> None:
        garbage = ("", "MEDIA_START", "ERROR channel_id:1 error_text:x", "\0" * 500, '{"event": "X"}')
        for text in (*garbage, '{"event":' * 100_000):
            await peer.send(text)
        await peer.send(SECOND[:640])

    async with ChanWebSocket(talk).listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        assert await heard(media, 640) == SECOND[:640]
        await media.close()


async def test_an_end_that_never_reads_holds_nobody_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "SEND_SECONDS", 0.3)
    monkeypatch.setattr(websocket, "MOST_QUEUED", 10_000.0)
    async with deaf_websocket() as url:
        media = await WebSocketMedia.connect(url)

        async def talk() -> None:
            while True:
                await media.play(SECOND * 10)

        with pytest.raises(LineError, match="media_stalled"):
            await asyncio.wait_for(talk(), 5)
        with pytest.raises(LineError, match="media_stalled"):
            await media.pause()
        async with asyncio.timeout(3):
            await media.close()


async def test_the_end_is_waited_for_though_nobody_hears_and_pauses_come_between() -> None:
    async with ChanWebSocket().listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        await media.play(SECOND)
        ending = asyncio.create_task(media.drained())
        await asyncio.sleep(0.1)
        await media.pause()
        await asyncio.sleep(0.4)
        assert not ending.done()
        started = time.monotonic()
        await media.resume()
        await asyncio.wait_for(ending, 3)
        assert time.monotonic() - started > 0.5, "a word of the queue's end that is too early is not believed"
        assert media.queued == 0
        assert media.played == pytest.approx(1.0)
        await media.close()


async def test_an_end_that_asterisk_never_tells_of_is_a_failure_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "DRAIN_GRACE", 0.2)
    async with ChanWebSocket(mute=True).listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        await media.play(SECOND[:6400])
        with pytest.raises(LineError, match="media_stalled"):
            await media.drained()
        await media.close()


async def test_a_flush_drops_sound_that_waits_to_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MOST_QUEUED", 0.5)
    async with ChanWebSocket().listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        speaking = asyncio.create_task(media.play(SECOND * 5))
        await asyncio.sleep(0.1)
        await media.flush()
        await asyncio.wait_for(speaking, 1)
        sent = len(peer.sound)
        assert media.queued == 0
        await asyncio.sleep(0.2)
        assert len(peer.sound) == sent < len(SECOND) * 2
        await media.close()


async def test_asterisk_that_says_it_is_full_is_waited_for() -> None:
    async with ChanWebSocket().listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        await peer.send("MEDIA_XOFF")
        await asyncio.sleep(0.1)
        speaking = asyncio.create_task(media.play(SECOND[:640]))
        await asyncio.sleep(0.1)
        assert not peer.sound
        await peer.send("MEDIA_XON")
        await asyncio.wait_for(speaking, 1)
        await media.close()


async def test_control_messages_in_json_are_understood_and_written() -> None:
    async with ChanWebSocket(format="slin", size=320, in_json=True).listening() as peer:
        media = await WebSocketMedia.connect(peer.url, rate=8000)
        assert media.rate == 8000
        await media.play(SECOND[:3200])
        await media.pause()
        await media.flush()
        await media.drained()
        assert peer.commands[:3] == ["PAUSE_MEDIA", "FLUSH_MEDIA", "CONTINUE_MEDIA"]
        assert peer.commands[-1] == "REPORT_QUEUE_DRAINED"
        await media.close()


async def test_a_wait_for_sound_that_is_cancelled_loses_none() -> None:
    async with ChanWebSocket().listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        heard = media.hear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(heard)
        await peer.send(SECOND[:640])
        assert await asyncio.wait_for(anext(heard), 1) == SECOND[:640]
        await media.close()


async def test_no_message_is_longer_than_the_smallest_asterisk_takes() -> None:
    async with ChanWebSocket().listening() as peer:
        media = await WebSocketMedia.connect(peer.url)
        await media.play(SECOND)
        await media.drained()
        assert max(map(len, peer.messages)) <= 8000
        await media.close()
