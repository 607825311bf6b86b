"""An AudioSocket server, and a peer of it in a call."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from ari_app.media.audiosocket import AudioSocketServer
from ari_app.media.audiosocket_media import AudioSocketMedia
from dialogue.turns import Key
from tests.fakes.media_peer import AudioSocketPeer

FRAME = b"\x01\x02" * 160


@pytest.fixture
async def server() -> AsyncIterator[AudioSocketServer]:
    async with AudioSocketServer("127.0.0.1", 0) as server:
        yield server


async def connected(server: AudioSocketServer, peer: AudioSocketPeer, kind: int = 0x10) -> AudioSocketMedia:
    """The media of a call that was announced, once the peer has sent a frame."""
    name = uuid.uuid4()
    expected = server.announce(name)
    peer.identify(name)
    peer.send(kind, FRAME if kind == 0x10 else FRAME * 2)
    return await expected


async def first(media: AudioSocketMedia, count: int) -> list[bytes | Key]:
    """What is heard first, so many pieces."""
    got: list[bytes | Key] = []
    async with asyncio.timeout(3):
        async for heard in media.hear():
            got.append(heard)
            if len(got) == count:
                return got
    raise AssertionError
