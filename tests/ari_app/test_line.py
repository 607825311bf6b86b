"""A live line: keys among the sound, and an end that reaches every wait at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ari_app.line import AriLine, hung_up, taken
from dialogue.errors import CallerHungUp, LineError
from dialogue.ports import Briefing
from dialogue.turns import Key, TransferReason
from tests.fakes.ari import FRAME, FakeMedia


class NoControl:
    """A call that cannot be transferred: asking for it waits for ever."""

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        await asyncio.Event().wait()

    async def hang_up(self) -> None:
        await asyncio.Event().wait()


async def first(line: AriLine) -> bytes | Key:
    return await anext(aiter(line.hear()))


async def test_keys_come_among_the_sound_in_their_order() -> None:
    media = FakeMedia()
    line = AriLine(media, NoControl())
    heard = aiter(line.hear())
    media.feed()
    assert await anext(heard) == FRAME
    line.press("1")
    line.press("2")
    media.feed()
    assert [await anext(heard) for _ in range(3)] == [Key("1"), Key("2"), FRAME]
    media.feed(Key("3"))
    assert await anext(heard) == Key("3"), "a key that the media carries comes as well"


WAITS: dict[str, Callable[[AriLine], Coroutine[Any, Any, Any]]] = {
    "hear": first,
    "play": lambda line: line.play(FRAME),
    "pause": lambda line: line.pause(),
    "resume": lambda line: line.resume(),
    "flush": lambda line: line.flush(),
    "drained": lambda line: line.drained(),
    "transfer": lambda line: line.transfer(TransferReason.CRITICAL, None),
    "hang_up": lambda line: line.hang_up(),
}


@pytest.mark.parametrize("wait", WAITS)
async def test_a_hang_up_ends_every_wait_at_once_though_the_media_hangs(wait: str) -> None:
    media = FakeMedia()
    media.hang = True
    line = AriLine(media, NoControl())
    waiting = asyncio.create_task(WAITS[wait](line))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    line.end(hung_up)
    with pytest.raises(CallerHungUp):
        await asyncio.wait_for(waiting, 0.2)


@pytest.mark.parametrize("wait", WAITS)
async def test_after_the_end_nothing_is_done_any_more(wait: str) -> None:
    media = FakeMedia()
    line = AriLine(media, NoControl())
    line.end(hung_up)
    line.end(taken)
    with pytest.raises(CallerHungUp):
        await WAITS[wait](line)
    assert media.done == []


async def test_a_call_that_the_pbx_took_is_not_taken_for_hung_up() -> None:
    line = AriLine(FakeMedia(), NoControl())
    line.end(taken)
    with pytest.raises(LineError, match="taken_by_pbx"):
        await first(line)


async def test_media_that_closes_a_moment_before_the_news_of_the_hang_up_is_a_hang_up() -> None:
    media = FakeMedia()
    line = AriLine(media, NoControl())
    hearing = asyncio.create_task(first(line))
    media.break_off()
    await asyncio.sleep(0.02)
    assert not hearing.done()
    line.end(hung_up)
    with pytest.raises(CallerHungUp):
        await hearing


async def test_media_that_closes_while_the_caller_stays_is_a_failure() -> None:
    media = FakeMedia()
    line = AriLine(media, NoControl(), news_seconds=0.02)
    media.break_off()
    with pytest.raises(LineError, match="media_closed"):
        await first(line)


async def test_media_that_stalls_is_a_failure_at_once() -> None:
    media = FakeMedia()
    line = AriLine(media, NoControl(), news_seconds=30)
    media.break_off("media_stalled")
    with pytest.raises(LineError, match="media_stalled"):
        await asyncio.wait_for(first(line), 0.2)


async def test_a_reader_that_is_cancelled_is_cancelled() -> None:
    line = AriLine(FakeMedia(), NoControl())
    hearing = asyncio.create_task(first(line))
    await asyncio.sleep(0)
    hearing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hearing


async def test_a_reader_that_is_cancelled_in_the_moment_of_the_hang_up_is_cancelled() -> None:
    line = AriLine(FakeMedia(), NoControl())
    hearing = asyncio.create_task(first(line))
    await asyncio.sleep(0)
    line.end(hung_up)
    hearing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hearing


async def test_nothing_of_the_interruption_is_left_in_a_reader_that_was_told_of_the_hang_up() -> None:
    line = AriLine(FakeMedia(), NoControl())

    async def hear_then_work() -> int:
        with pytest.raises(CallerHungUp):
            await first(line)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    hearing = asyncio.create_task(hear_then_work())
    await asyncio.sleep(0)
    line.end(hung_up)
    assert await hearing == 0


async def test_an_end_between_two_pieces_of_sound_does_not_touch_the_reader() -> None:
    media = FakeMedia()
    line = AriLine(media, NoControl())
    heard = aiter(line.hear())
    media.feed()
    media.feed()
    assert await anext(heard) == FRAME
    line.end(hung_up)
    await asyncio.sleep(0)
    with pytest.raises(CallerHungUp):
        await anext(heard)
