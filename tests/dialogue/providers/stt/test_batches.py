"""Utterances that wait for a recogniser go together, and whoever leaves takes nobody with them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence

import pytest

from dialogue.errors import ProviderError, Stage
from dialogue.providers.stt.batches import Batches


class Engine:
    """Doubles numbers once it is let; keeps which came together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.ended = 0
        self.error: ProviderError | None = None

    async def work(self, items: Sequence[int], kind: Hashable) -> Sequence[int]:
        self.batches.append(list(items))
        try:
            await self.go.wait()
        finally:
            self.ended += 1
        if self.error:
            raise self.error
        return [2 * item for item in items]


@pytest.fixture
async def engine() -> Engine:
    return Engine()


async def begin(batches: Batches[int, int], *items: int, kind: str = "ru") -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batches.run(item, kind)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def test_what_waits_for_a_busy_engine_goes_together(engine: Engine) -> None:
    batches = Batches(engine.work, workers=1, most=3)
    tasks = await begin(batches, 1, 2, 3, 4, 5)
    engine.go.set()

    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert engine.batches == [[1], [2, 3, 4], [5]]


async def test_one_at_a_time_is_one_at_a_time(engine: Engine) -> None:
    engine.go.set()
    batches = Batches(engine.work, workers=1, most=1)

    assert await asyncio.gather(*await begin(batches, 1, 2, 3)) == [2, 4, 6]
    assert engine.batches == [[1], [2], [3]]


async def test_other_languages_do_not_go_together(engine: Engine) -> None:
    batches = Batches(engine.work, workers=1, most=9)
    tasks = [*await begin(batches, 1), *await begin(batches, 2, kind="kk"), *await begin(batches, 3, 4)]
    engine.go.set()
    await asyncio.gather(*tasks)

    assert engine.batches == [[1], [2], [3, 4]]


async def test_who_leaves_while_waiting_is_left_out(engine: Engine) -> None:
    batches = Batches(engine.work, workers=1, most=9)
    first, second, third = await begin(batches, 1, 2, 3)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    engine.go.set()

    assert await asyncio.gather(first, third) == [2, 6]
    assert engine.batches == [[1], [3]]


async def test_a_batch_goes_on_for_who_stays_and_ends_with_the_last(engine: Engine) -> None:
    batches = Batches(engine.work, workers=2, most=9)
    (alone,) = await begin(batches, 1)
    engine.go.clear()
    leaving, staying = await begin(batches, 2, 3)
    leaving.cancel()
    alone.cancel()
    await asyncio.gather(leaving, alone, return_exceptions=True)
    await asyncio.sleep(0)
    ended = engine.ended
    engine.go.set()

    assert ended >= 1
    assert await staying == 6


async def test_a_failure_reaches_everyone_of_its_batch_and_nobody_else(engine: Engine) -> None:
    batches = Batches(engine.work, workers=1, most=2)
    tasks = await begin(batches, 1, 2, 3)
    engine.error = ProviderError(Stage.SPEECH_TO_TEXT, "worker_died")
    engine.go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [getattr(outcome, "code", None) for outcome in outcomes] == ["worker_died"] * 3
    engine.error = None
    assert await batches.run(5, "ru") == 10


@pytest.mark.parametrize("begun", [[], [[1]]], ids=["before it begins", "in its middle"])
async def test_closing_ends_what_is_under_way_and_what_waits(engine: Engine, begun: list[list[int]]) -> None:
    batches = Batches(engine.work, workers=1, most=1)
    tasks = await begin(batches, 1, 2)
    if begun:
        await asyncio.sleep(0)
    await batches.close()
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)

    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    assert engine.batches == begun
