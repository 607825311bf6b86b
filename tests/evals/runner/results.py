"""What became of each step, and how it is shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of one call.

    Args:
        line: of the scenario file.
        what: the step in words.
        passed: whether it was so.
        milliseconds: that were measured, where something was.
        note: what was found instead, or what there is to know.
        late: it came, and after its limit.
    """

    line: int
    what: str
    passed: bool
    milliseconds: float | None = None
    note: str = ""
    late: bool = False

    def __str__(self) -> str:
        measured = "" if self.milliseconds is None else f"{self.milliseconds:6.0f} ms"
        note = f"  {self.note}" if self.note else ""
        return f"  {'ok  ' if self.passed else 'FAIL'} {self.line:4d}  {measured:>9}  {self.what}{note}"


@dataclass(slots=True)
class RunResult:
    """One call."""

    number: int
    seconds: float = 0.0
    call_id: str = ""
    steps: list[StepResult] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(step.passed for step in self.steps)

    @property
    def late(self) -> bool:
        """Whether the call was broken off because something came after its limit."""
        return any(step.late for step in self.steps)


@dataclass(frozen=True, slots=True)
class SceneResult:
    """All calls of one scenario file."""

    name: str
    pass_rate: float
    runs: Sequence[RunResult]

    @property
    def passes(self) -> int:
        return sum(run.passed for run in self.runs)

    @property
    def passed(self) -> bool:
        # A rate such as 0.9 has no exact value: 9 of 10 must not fail by a rounding.
        return self.passes >= math.ceil(self.pass_rate * len(self.runs) - 1e-9)

    @property
    def late(self) -> bool:
        """Whether every call that failed did so for a limit of time alone."""
        return not self.passed and all(run.passed or run.late for run in self.runs)

    def lines(self) -> Iterator[str]:
        """The report, a line per step."""
        for run in self.runs:
            state = "passed" if run.passed else "FAILED"
            yield f"{self.name}, call {run.number} of {len(self.runs)}: {state}, {run.seconds:.1f} s, {run.call_id}"
            yield from map(str, run.steps)
        for what, values in self._measured():
            if len(values) > 1:
                yield f"  {what}: median {median(values):.0f} ms, longest {values[-1]:.0f} ms of {len(values)}"
        verdict = "passed" if self.passed else "FAILED"
        yield f"{self.name}: {verdict}, {self.passes} of {len(self.runs)} calls passed, {self.pass_rate:.0%} wanted"

    def _measured(self) -> Iterator[tuple[str, list[float]]]:
        found: dict[tuple[int, str], list[float]] = {}
        for run in self.runs:
            for step in run.steps:
                if step.milliseconds is not None:
                    found.setdefault((step.line, step.what), []).append(step.milliseconds)
        for (_, what), values in found.items():
            yield what, sorted(values)
