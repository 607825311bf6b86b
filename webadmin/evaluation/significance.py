"""How much of a figure, or of the difference between two, may be chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from webadmin.evaluation.metrics import Tally

RESAMPLES = 2000
_SEED = 102
_Z = 1.959964


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, without continuity correction). (0, 1) where ``of`` is 0."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = hits / of, _Z * _Z
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    # At the ends the bound is exact; floating point puts it a hair inside.
    return 0.0 if hits == 0 else max(0.0, centre - half), 1.0 if hits == of else min(1.0, centre + half)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p (binomial) of the cases that only one of two engines has right. 1.0 where there are none."""
    number, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(number, k) for k in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**number))


def holm(p_values: Sequence[float]) -> list[float]:
    """The same p-values, adjusted for being looked at together (Holm 1979), in their order."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def resampled(cases: int) -> NDArray[np.float64]:
    """How often each case is drawn in each resample: shape (RESAMPLES, cases), the same for the same number."""
    if cases == 0:
        return np.zeros((RESAMPLES, 0))
    return np.random.default_rng(_SEED).multinomial(cases, [1 / cases] * cases, size=RESAMPLES).astype(np.float64)


def bootstrap(tally: Tally) -> tuple[float, float] | None:
    """95 % percentile interval of a measure, by resampling cases. None without a case that counts."""
    return _interval(tally.values(resampled(len(tally.hits))))


def paired_bootstrap(first: Tally, second: Tally) -> tuple[tuple[float, float] | None, float]:
    """95 % interval of ``second - first`` over the same cases, and the two-sided p of no difference."""
    weights = resampled(len(first.hits))
    difference = second.values(weights) - first.values(weights)
    difference = difference[~np.isnan(difference)]
    if not difference.size:
        return None, 1.0
    below, above = int((difference <= 0).sum()), int((difference >= 0).sum())
    return _interval(difference), min(1.0, 2 * (min(below, above) + 1) / (difference.size + 1))


def _interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    values = values[~np.isnan(values)]
    if not values.size:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
