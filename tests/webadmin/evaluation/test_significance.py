"""Against published and hand-computed values."""

import numpy as np
import pytest

from tests.webadmin.evaluation.making import urgencies
from webadmin.evaluation.metrics import MEASURES
from webadmin.evaluation.significance import bootstrap, holm, mcnemar, paired_bootstrap, resampled, wilson

RECALL, MACRO = MEASURES[0].tally, MEASURES[1].tally


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # Newcombe 1998, table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (29, 29, 0.8830, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(hits, of, low, high):
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 5, 2 / 32),
        (1, 8, 2 * 10 / 512),
        (8, 1, 2 * 10 / 512),
        (0, 5000, 0.0),
    ],
)
def test_mcnemar(only_first, only_second, p):
    assert mcnemar(only_first, only_second) == pytest.approx(p, abs=1e-12)


def test_holm_never_turns_the_order_around():
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([]) == []


def test_resamples_draw_as_many_calls_as_there_are_and_always_the_same():
    drawn = resampled(40)

    assert np.all(drawn.sum(axis=1) == 40)
    assert np.array_equal(drawn, resampled(40))


def test_the_interval_of_a_share_is_near_wilsons():
    judged = urgencies(*[("critical", "critical")] * 150, *[("critical", "low")] * 50)

    low, high = bootstrap(RECALL(judged))

    assert (low, high) == pytest.approx(wilson(150, 200), abs=0.015)


def test_weights_of_resamples_give_what_the_drawn_calls_give():
    judged = urgencies(("critical", "critical"), ("high", "low"), ("low", "low"), ("low", "high"))
    tally = MACRO(judged)
    drawn = [3, 0, 1, 0]

    assert tally.values(np.array([drawn], dtype=float))[0] == pytest.approx(
        MACRO([one for one, times in zip(judged, drawn, strict=True) for _ in range(times)]).value()
    )


def test_a_clear_difference_is_significant_and_none_is_not():
    good = urgencies(*[("critical", "critical")] * 60)
    bad = urgencies(*[("critical", "critical")] * 30, *[("critical", "low")] * 30)

    interval, p = paired_bootstrap(RECALL(bad), RECALL(good))

    assert interval[0] > 0.3
    assert p < 0.01
    assert paired_bootstrap(RECALL(good), RECALL(good))[1] == 1.0
    assert paired_bootstrap(RECALL([]), RECALL([])) == (None, 1.0)
