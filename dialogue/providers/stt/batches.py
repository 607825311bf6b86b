"""Utterances of several calls that are recognised together, where an engine gains from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Outcome]):
    item: Item
    kind: Hashable
    outcome: asyncio.Future[Outcome]


class Batches(Generic[Item, Outcome]):
    """Hands items over in batches: what has come while every worker was busy goes together.

    Args:
        work: turns items of one kind into as many outcomes, in their order.
        workers: batches at a time.
        most: items in a batch.
    """

    def __init__(
        self, work: Callable[[Sequence[Item], Hashable], Awaitable[Sequence[Outcome]]], workers: int, most: int
    ) -> None:
        self._work = work
        self._free = workers
        self._most = most
        self._waiting: list[_Waiting[Item, Outcome]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, item: Item, kind: Hashable) -> Outcome:
        """Return an item's outcome, or raise what its batch raised. An item nobody waits for any more is left out."""
        entry: _Waiting[Item, Outcome] = _Waiting(item, kind, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._hand_over()
        try:
            return await entry.outcome
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    async def close(self) -> None:
        """End what is under way and what waits."""
        for entry in self._waiting:
            entry.outcome.cancel()
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _hand_over(self) -> None:
        while self._free and self._waiting:
            kind = self._waiting[0].kind
            batch = [entry for entry in self._waiting if entry.kind == kind][: self._most]
            self._waiting = [entry for entry in self._waiting if entry not in batch]
            self._free -= 1
            task = asyncio.create_task(self._do(batch, kind))
            self._running.add(task)
            task.add_done_callback(partial(self._done, batch))
            for entry in batch:
                entry.outcome.add_done_callback(partial(_abandon, task, batch))

    def _done(self, batch: Sequence[_Waiting[Item, Outcome]], task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        # A task that is cancelled before it begins settles nothing itself.
        for entry in batch:
            entry.outcome.cancel()
        self._free += 1
        self._hand_over()

    async def _do(self, batch: Sequence[_Waiting[Item, Outcome]], kind: Hashable) -> None:
        try:
            outcomes = await self._work([entry.item for entry in batch], kind)
            for entry, outcome in zip(batch, outcomes, strict=True):
                if not entry.outcome.done():
                    entry.outcome.set_result(outcome)
        except Exception as error:
            for entry in batch:
                if not entry.outcome.done():
                    entry.outcome.set_exception(error)


def _abandon(task: asyncio.Task[None], batch: Sequence[_Waiting[Item, Outcome]], _: asyncio.Future[Outcome]) -> None:
    """End a batch for which nobody waits any more."""
    if all(entry.outcome.cancelled() for entry in batch):
        task.cancel()
