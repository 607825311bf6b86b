"""An event loop whose clock jumps to the next thing that is due: minutes of a call pass in the time they are computed.

Nothing else may wait meanwhile: no threads, no sockets, no processes.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

T = TypeVar("T")

COMPUTING = 1e-6
"""Seconds that pass with each round of the loop, so that a wait for next to nothing ends."""


class VirtualClock:
    """Seconds that pass only when everybody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class _Jumping(selectors.SelectSelector):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits and nothing is due: a deadlock")
            self._clock.now += max(timeout, COMPUTING)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs on a `VirtualClock`, and keeps what its tasks left behind in `complaints`."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_Jumping(clock))
        self.time = clock  # type: ignore[method-assign]
        self.complaints: list[str] = []
        self.set_exception_handler(lambda _, context: self.complaints.append(str(context)))


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """A loop whose clock is `time.monotonic` for everybody, too."""
    clock = VirtualClock()
    with patch.object(time, "monotonic", clock):
        loop = VirtualLoop(clock)
        try:
            yield loop
        finally:
            loop.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time.

    Raises:
        AssertionError: a task was left over, or failed without anybody noticing.
        RuntimeError: nobody goes on any more.
    """
    with virtual_loop() as loop, asyncio.Runner(loop_factory=lambda: loop) as runner:
        value = runner.run(_alone(work))
        gc.collect()
        assert loop.complaints == []
        return value


async def _alone(work: Coroutine[Any, Any, T]) -> T:
    value = await work
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, f"left over: {others}"
    return value
