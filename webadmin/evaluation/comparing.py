"""Two engines over the same calls: differences, and whether chance explains them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from webadmin.evaluation.judging import Judged
from webadmin.evaluation.metrics import MEASURES, critical_found, right
from webadmin.evaluation.significance import holm, mcnemar, paired_bootstrap


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one measure: both figures, the interval of second − first, and p adjusted for all measures (Holm)."""

    name: str
    first: float | None
    second: float | None
    interval: tuple[float, float] | None
    p: float


@dataclass(frozen=True, slots=True)
class Discordance:
    """Of one field: calls that only one engine has right, and McNemar's exact p, adjusted for all fields (Holm)."""

    name: str
    both: int
    only_first: int
    only_second: int
    neither: int
    p: float


_RIGHT: dict[str, Callable[[Sequence[Judged]], list[bool]]] = {
    "critical found": critical_found,
    **{
        f"{name} right": lambda judged, field=field: right(judged, field)  # type: ignore[misc]
        for name, field in {
            "urgency": "urgency",
            "category": "category",
            "weapons": "weapons",
            "current danger": "current_danger",
            "address": "address",
            "people involved": "people_involved",
            "department": "recommended_department",
        }.items()
    },
}


def same_calls(first: Sequence[Judged], second: Sequence[Judged]) -> tuple[list[Judged], list[Judged]]:
    """Those that both have, in the order of the first, by id."""
    others = {one.case.id: one for one in second}
    kept = [one for one in first if one.case.id in others]
    return kept, [others[one.case.id] for one in kept]


def differences(first: Sequence[Judged], second: Sequence[Judged]) -> list[Difference]:
    """Compare all measures over the same calls in the same order."""
    found = []
    for measure in MEASURES:
        one, other = measure.tally(first), measure.tally(second)
        interval, p = paired_bootstrap(one, other)
        found.append(Difference(measure.name, one.value(), other.value(), interval, p))
    return [replace(one, p=p) for one, p in zip(found, holm([one.p for one in found]), strict=True)]


def discordances(first: Sequence[Judged], second: Sequence[Judged]) -> list[Discordance]:
    """Compare field by field, call by call, over the same calls in the same order."""
    found = []
    for name, rights in _RIGHT.items():
        joint = list(zip(rights(first), rights(second), strict=True))
        only_first, only_second = joint.count((True, False)), joint.count((False, True))
        found.append(
            Discordance(
                name,
                joint.count((True, True)),
                only_first,
                only_second,
                joint.count((False, False)),
                mcnemar(only_first, only_second),
            )
        )
    return [replace(one, p=p) for one, p in zip(found, holm([one.p for one in found]), strict=True)]
