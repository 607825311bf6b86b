"""AudioSocket: only for whom a call was announced, and once."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from ari_app.media import audiosocket
from ari_app.media.audiosocket import Announcement, AudioSocketServer
from ari_app.media.audiosocket_media import AudioSocketMedia
from dialogue.errors import LineError
from tests.ari_app.media.conftest import FRAME, first
from tests.fakes.media_peer import AudioSocketPeer

TURNED_AWAY = (asyncio.IncompleteReadError, ConnectionResetError)


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


async def test_a_connection_that_nobody_took_is_closed(server: AudioSocketServer) -> None:
    name = uuid.uuid4()
    expected = server.announce(name, rate=8000)
    async with AudioSocketPeer(server.address) as peer:
        peer.identify(name)
        await asyncio.sleep(0.05)
        expected.cancel()
        with pytest.raises(TURNED_AWAY):
            await peer.receive()


async def test_an_announcement_that_is_cancelled_is_a_failure_for_who_waits_for_it(server: AudioSocketServer) -> None:
    expected = server.announce(uuid.uuid4())
    waiting = asyncio.ensure_future(_await(expected))
    await asyncio.sleep(0)
    expected.cancel()
    with pytest.raises(LineError, match="media_not_connected"):
        await waiting


async def _await(expected: Announcement) -> AudioSocketMedia:
    return await expected


async def test_a_uuid_in_use_cannot_be_announced_again(server: AudioSocketServer) -> None:
    name = uuid.uuid4()
    expected = server.announce(name, rate=8000)
    with pytest.raises(ValueError, match="in use"):
        server.announce(name)
    async with AudioSocketPeer(server.address) as peer:
        peer.identify(name)
        await expected
        with pytest.raises(ValueError, match="in use"):
            server.announce(name)


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00\x05short", b"\x10\x00\x02ab", b"\xff" * 500])
async def test_who_does_not_begin_with_a_uuid_is_turned_away_at_once(server: AudioSocketServer, first: bytes) -> None:
    async with AudioSocketPeer(server.address) as peer:
        peer.writer.write(first)
        with pytest.raises(TURNED_AWAY):
            await peer.receive(0.5)
