"""Sound between a transport and its one reader."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.media import inlet
from ari_app.media.inlet import Inlet
from dialogue.errors import LineError
from dialogue.turns import Key


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    heard = Inlet(3)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(heard)
    heard.feed(b"ab")
    heard.press(Key("1"))
    assert [await anext(heard), await anext(heard)] == [b"ab", Key("1")]


async def test_half_a_sample_waits_for_its_other_half() -> None:
    heard = Inlet(3)
    for piece in (b"a", b"bc", b"", b"d"):
        heard.feed(piece)
    assert [await anext(heard), await anext(heard)] == [b"ab", b"cd"]


async def test_what_came_before_the_end_is_still_heard() -> None:
    heard = Inlet(3)
    heard.feed(b"ab")
    heard.end("media_closed")
    heard.feed(b"cd")
    assert await anext(heard) == b"ab"
    for _ in range(2):
        with pytest.raises(LineError, match="media_closed"):
            await anext(heard)


async def test_sound_that_nobody_takes_is_kept_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inlet, "KEEP_BYTES", 6)
    heard = Inlet(3)
    heard.press(Key("1"))
    for piece in (b"ab", b"cd", b"ef", b"gh"):
        heard.feed(piece)
    assert [await anext(heard) for _ in range(4)] == [Key("1"), b"cd", b"ef", b"gh"]


async def test_it_stalls_only_after_the_whole_time_without_sound_and_may_be_asked_again() -> None:
    loop = asyncio.get_running_loop()
    heard = Inlet(0.2)
    await asyncio.sleep(0.3)
    loop.call_later(0.15, heard.feed, b"ab")
    assert await anext(heard) == b"ab", "time in which nobody listened does not count"
    before = loop.time()
    with pytest.raises(LineError, match="media_stalled"):
        await anext(heard)
    assert 0.19 < loop.time() - before < 0.35
    heard.feed(b"cd")
    assert await anext(heard) == b"cd"


async def test_it_has_one_reader() -> None:
    heard = Inlet(3)
    first = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        await anext(heard)
    heard.feed(b"ab")
    assert await first == b"ab"
