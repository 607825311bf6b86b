"""Engines one after another: time limits, retries and circuit breakers around each, within one budget."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import structlog

from dialogue.errors import CallError, ProviderError, Stage

log = structlog.get_logger(__name__)

Clock = Callable[[], float]

STARTING_SECONDS = 120.0
"""How long an engine may take to load; a large model on a slow disk needs its time."""

CLOSING_SECONDS = 5.0
"""How long an engine may take to close."""

NOT_THE_ENGINE = frozenset({"invalid_answer", "refused", "too_long", "no_audio", "rejected", "language_not_supported"})
"""Failures over one request's content: the engine is up, so its circuit stays closed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How much patience a stage has.

    Args:
        budget: seconds for the whole stage, all engines, attempts and pauses together.
        attempt: seconds one attempt may take.
        attempts: attempts with one engine; more than one only for retryable failures.
        pause: seconds before the second attempt; each further pause is twice as long. An engine's own wish
            (``Retry-After``) is kept where the budget allows it, else the next engine is tried.
        failures: failures in a row after which an engine is left alone.
        cooldown: seconds it is left alone before one attempt tries it again.
    """

    budget: float
    attempt: float
    attempts: int = 2
    pause: float = 0.2
    failures: int = 3
    cooldown: float = 30.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, for metrics. ``code`` is empty where it succeeded, ``cancelled`` where the call ended in it."""

    stage: Stage
    engine: str
    seconds: float
    code: str


Observer = Callable[[Attempt], None]


class CircuitBreaker:
    """Leaves an engine alone that fails again and again, so that callers do not wait for it each time.

    Closed: attempts pass. Open after ``failures`` in a row: none passes. After ``cooldown`` seconds one attempt
    passes as a probe; its success closes the circuit, its failure opens it for another cooldown.
    """

    def __init__(self, failures: int, cooldown: float, clock: Clock = time.monotonic) -> None:
        self._limit = failures
        self._cooldown = cooldown
        self._clock = clock
        self._in_a_row = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether the engine is being left alone."""
        return self._opened is not None

    def admit(self) -> bool:
        """Whether an attempt may be made now. One that may must end in one of the methods below."""
        if self._opened is None:
            return True
        if self._probing or self._clock() - self._opened < self._cooldown:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The attempt went well."""
        self._in_a_row = 0
        self._opened = None
        self._probing = False

    def failed(self) -> None:
        """The attempt failed."""
        self._in_a_row += 1
        if self._probing or self._in_a_row >= self._limit:
            self._opened = self._clock()
        self._probing = False

    def abandoned(self) -> None:
        """The attempt was cancelled from outside and tells nothing."""
        self._probing = False


class Engine(Protocol):
    """What every engine has."""

    @property
    def name(self) -> str: ...
    async def close(self) -> None: ...


@runtime_checkable
class Startable(Protocol):
    """An engine that loads something before its first use."""

    async def start(self) -> None: ...


E = TypeVar("E", bound=Engine)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """What an engine gave, which it was, how long the stage took in seconds, and what failed before."""

    value: T
    engine: str
    seconds: float
    failures: tuple[CallError, ...]


class Chain(Generic[E]):
    """Engines of one stage in order of preference, each behind its circuit breaker.

    Args:
        stage: which stage, for errors.
        engines: most preferred first.
        policy: how much patience there is.
        clock: seconds, monotonic.
        observer: is told of each attempt.
    """

    def __init__(
        self, stage: Stage, engines: Sequence[E], policy: Policy, clock: Clock, observer: Observer | None
    ) -> None:
        self._stage = stage
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._links = [(engine, CircuitBreaker(policy.failures, policy.cooldown, clock)) for engine in engines]

    @property
    def engines(self) -> tuple[E, ...]:
        """Every engine, most preferred first."""
        return tuple(engine for engine, _ in self._links)

    @property
    def policy(self) -> Policy:
        """How much patience the stage has."""
        return self._policy

    def admit(self, engine: E) -> bool:
        """Whether an attempt may be made with an engine now, by someone who leads it themselves.

        One that may must end in `ended` or `abandoned`.
        """
        return self._breaker(engine).admit()

    def ended(self, engine: E, started: float, failure: ProviderError | None = None) -> None:
        """An attempt that began at ``started`` went well or failed; a stream may fail after it had gone well."""
        breaker = self._breaker(engine)
        if failure is None or failure.code in NOT_THE_ENGINE:
            breaker.succeeded()
        else:
            breaker.failed()
        self._observe(engine, started, failure.code if failure else "")

    def abandoned(self, engine: E, started: float) -> None:
        """An attempt that began at ``started`` was cancelled from outside."""
        self._breaker(engine).abandoned()
        self._observe(engine, started, "cancelled")

    async def start(self) -> None:
        """Load every engine; an engine that fails is logged. Raises ProviderError where none is left."""
        failures = [failure for engine in self.engines if (failure := await self._start(engine)) is not None]
        if failures and len(failures) == len(self._links):
            raise failures[0]

    async def close(self) -> None:
        """Close every engine; one that cannot is logged."""
        for engine in self.engines:
            try:
                async with asyncio.timeout(CLOSING_SECONDS):
                    await engine.close()
            except Exception as error:
                log.warning(
                    "engine_close_failed", stage=self._stage.value, engine=engine.name, error=type(error).__name__
                )

    async def run(self, use: Callable[[E], Awaitable[T]], able: Callable[[E], bool] = lambda _: True) -> Served[T]:
        """Return what the first engine that succeeds gives.

        Args:
            use: makes one attempt with an engine.
            able: whether an engine may be asked at all.

        Raises:
            ProviderError: none succeeded within the budget. Cancellation from outside passes through.
        """
        links = [(engine, breaker) for engine, breaker in self._links if able(engine)]
        if not links:
            code = "language_not_supported" if self._links else "no_engine"
            raise ProviderError(self._stage, code, "no engine is set up for this")
        started = self._clock()
        deadline = started + self._policy.budget
        failures: list[ProviderError] = []
        for index, (engine, breaker) in enumerate(links):
            for number in range(self._policy.attempts):
                left = deadline - self._clock()
                if left <= 0:
                    break
                if not breaker.admit():
                    failures.append(ProviderError(self._stage, "circuit_open", f"{engine.name} is left alone for now"))
                    break
                outcome = await self._attempt(engine, use, min(left, self._policy.attempt))
                if not isinstance(outcome, ProviderError):
                    return Served(outcome, engine.name, self._clock() - started, tuple(failures))
                failures.append(outcome)
                others = index + 1 < len(links)
                pause = self._pause(outcome, number, deadline - self._clock(), others=others)
                if pause is None:
                    break
                await asyncio.sleep(pause)
        raise self._sum_up(failures)

    async def _attempt(self, engine: E, use: Callable[[E], Awaitable[T]], limit: float) -> T | ProviderError:
        started = self._clock()
        try:
            async with asyncio.timeout(limit):
                value = await use(engine)
        except asyncio.CancelledError:
            self.abandoned(engine, started)
            raise
        except TimeoutError:
            failure = ProviderError(self._stage, "timeout", f"{engine.name}: nothing for {limit:.3g} s", retryable=True)
        except ProviderError as error:
            failure = error
        except Exception as error:
            # A fault in an engine's code or package must cost this attempt, not the call.
            failure = ProviderError(self._stage, "unexpected", f"{engine.name}: {type(error).__name__}")
        else:
            self.ended(engine, started)
            return value
        self.ended(engine, started, failure)
        return failure

    def _pause(self, failure: ProviderError, number: int, left: float, *, others: bool) -> float | None:
        """Seconds until the next attempt with the same engine, or None where there is to be none."""
        if not failure.retryable or number + 1 >= self._policy.attempts:
            return None
        # The caller hears silence meanwhile: another engine is better than one that hangs or asks for time.
        if others and (failure.code == "timeout" or failure.retry_after is not None):
            return None
        # Spread, so that many calls that fail together do not come back together.
        pause = self._policy.pause * 2**number * random.uniform(0.5, 1.0)  # noqa: S311
        pause = max(pause, failure.retry_after or 0.0)
        return pause if pause < left else None

    def _sum_up(self, failures: Sequence[ProviderError]) -> ProviderError:
        """One error for all: the code of the last attempt that was made, and every engine's failure in the detail."""
        if not failures:
            return ProviderError(self._stage, "timeout", f"nothing within {self._policy.budget:.3g} s")
        last = next((f for f in reversed(failures) if f.code != "circuit_open"), failures[-1])
        detail = "; ".join(f"{f.code} ({f.detail})" if f.detail else f.code for f in failures)
        return ProviderError(self._stage, last.code, detail)

    def _breaker(self, engine: E) -> CircuitBreaker:
        return next(breaker for known, breaker in self._links if known is engine)

    def _observe(self, engine: E, started: float, code: str) -> None:
        if self._observer is not None:
            self._observer(Attempt(self._stage, engine.name, self._clock() - started, code))

    async def _start(self, engine: E) -> ProviderError | None:
        if not isinstance(engine, Startable):
            return None
        try:
            async with asyncio.timeout(STARTING_SECONDS):
                await engine.start()
        except ProviderError as error:
            failure = error
        except TimeoutError:
            failure = ProviderError(self._stage, "timeout", f"{engine.name} was not ready in {STARTING_SECONDS:g} s")
        except Exception as error:
            failure = ProviderError(self._stage, "unexpected", f"{engine.name}: {type(error).__name__}")
        else:
            return None
        log.error(
            "engine_start_failed",
            stage=self._stage.value,
            engine=engine.name,
            code=failure.code,
            detail=failure.detail,
        )
        return failure
