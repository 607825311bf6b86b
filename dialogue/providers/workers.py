"""Processes of their own for engines that block: a call being recognised must not stop the sound of the others.

A thread cannot be ended where its engine hangs, and takes the door with it where the engine crashes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

import structlog

from dialogue.errors import ProviderError, Stage

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class WorkerFailure(Exception):
    """What a function in a worker raises where its engine fails; the door gets a `ProviderError`.

    Args:
        code: as `ProviderError` has it.
        detail: one sentence; never what a caller said.
        retryable: whether the same attempt may succeed if made again.
    """

    def __init__(self, code: str, detail: str, retryable: bool = False) -> None:
        super().__init__(code, detail, retryable)
        self.code = code
        self.detail = detail
        self.retryable = retryable


class Workers:
    """Processes that run an engine's blocking functions, and are replaced where they die or hang.

    Args:
        stage: for errors.
        engine: its name, for the log.
        count: processes.
        stuck_after: seconds after which work that nobody waits for any more is taken for stuck and its process ended.
        nice: by how much they stand back from the doors and Asterisk, 0 to 19.
    """

    def __init__(self, stage: Stage, engine: str, *, count: int, stuck_after: float, nice: int = 0) -> None:
        self._stage = stage
        self._engine = engine
        self._count = count
        self._stuck_after = stuck_after
        self._nice = nice
        self._pool: ProcessPoolExecutor | None = None
        self._watches: set[asyncio.TimerHandle] = set()

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the processes that run."""
        # The executor has no public way to name its workers, or to end one that is busy.
        return tuple((self._pool._processes or {}) if self._pool is not None else ())

    async def warm(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Start every process and run a function in each. Raises ProviderError."""
        await asyncio.gather(*(self.run(function, *args, **kwargs) for _ in range(self._count)))

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a module's function in a process. Cancelling the wait leaves the others' work going on.

        Raises:
            ProviderError: ``worker_died`` (retryable), or what the function raised as `WorkerFailure`.
        """
        pool = self._pool or self._open()
        try:
            future: Future[T] = pool.submit(function, *args, **kwargs)
        except RuntimeError as error:
            # Another call's failure has just ended this pool.
            raise self._died(pool, error) from error
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._watch(pool, future)
            raise
        except WorkerFailure as failure:
            raise ProviderError(self._stage, failure.code, failure.detail, retryable=failure.retryable) from None
        except BrokenProcessPool as error:
            raise self._died(pool, error) from error

    async def close(self) -> None:
        """End the processes, whatever they are doing."""
        for watch in self._watches:
            watch.cancel()
        self._watches.clear()
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(_end, pool)

    def _open(self) -> ProcessPoolExecutor:
        self._pool = ProcessPoolExecutor(
            max_workers=self._count,
            # Forking a process that runs threads and an event loop copies locks in the state they are in.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_become_worker,
            initargs=(self._nice,),
        )
        return self._pool

    def _died(self, pool: ProcessPoolExecutor, error: Exception) -> ProviderError:
        self._drop(pool)
        return ProviderError(
            self._stage, "worker_died", f"a process of {self._engine} ended; the next attempt starts another",
            retryable=True,
        )  # fmt: skip

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        if self._pool is pool:
            self._pool = None
        _kill(pool)
        pool.shutdown(wait=False, cancel_futures=True)

    def _watch(self, pool: ProcessPoolExecutor, future: Future[T]) -> None:
        """End a pool whose process never finishes what was abandoned; later calls would wait behind it for ever."""

        def look() -> None:
            self._watches.discard(timer)
            if not future.done():
                log.error("worker_stuck", stage=self._stage.value, engine=self._engine)
                self._drop(pool)

        if not future.cancel():
            timer = asyncio.get_running_loop().call_later(self._stuck_after, look)
            self._watches.add(timer)


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()


def _end(pool: ProcessPoolExecutor) -> None:
    _kill(pool)
    pool.shutdown(wait=True, cancel_futures=True)


def _become_worker(nice: int) -> None:
    """Stand back, and end with the parent however it ends."""
    # Ctrl-C reaches the whole process group; the parent decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(nice)


def _end_with_parent() -> None:
    # The parent's end closes a pipe, also on SIGKILL. Unlike PR_SET_PDEATHSIG this does not fire when merely the
    # thread that started the worker ends.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
