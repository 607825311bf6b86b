"""Against tables worked out by hand."""

import pytest

from tests.webadmin.evaluation.making import case, fields, urgencies
from webadmin.evaluation.judging import judge
from webadmin.evaluation.metrics import MEASURES, Score, Triage, abstention, class_scores, pairs, triage

BY_NAME = {measure.name: measure for measure in MEASURES}


def value(name, judged):
    return BY_NAME[name].tally(judged).value()


# critical: 2 of 3 found, 3 said: P 2/3, R 2/3, F1 2/3. high: 1 of 2 found, 2 said: 1/2. low: 1 of 1, 1 said: 1.
TABLE = urgencies(
    ("critical", "critical"),
    ("critical", "critical"),
    ("critical", "high"),
    ("high", "high"),
    ("high", "critical"),
    ("low", "low"),
)


def test_per_class():
    scores = class_scores(pairs(TABLE, "urgency"))

    assert scores["critical"] == Score(hits=2, wanted=3, given=3)
    assert (scores["critical"].precision, scores["critical"].recall) == (2 / 3, 2 / 3)
    assert scores["high"].f1 == 0.5
    assert scores["low"].f1 == 1.0


def test_macro_f1_is_the_mean_over_the_classes_that_labels_have():
    assert value("urgency macro-F1", TABLE) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    # An answer that no label has costs the class it was taken from, once.
    assert value("urgency macro-F1", urgencies(("low", "low"), ("low", "medium"))) == pytest.approx(2 / 3)
    assert value("urgency macro-F1", []) is None


def test_critical_recall_counts_none_as_missed():
    assert value("critical recall", urgencies(("critical", "critical"), ("critical", None))) == 0.5
    assert value("critical recall", urgencies(("low", "low"))) is None


def test_a_flag_is_claimed_only_by_true():
    judged = fields("weapons", (True, True), (True, None), (False, None), (False, True), (None, False))

    # One right of two that are, one right of two that are said.
    assert value("weapons F1", judged) == pytest.approx(2 * 1 / (2 + 2))


def test_a_wrong_slot_is_one_too_many_and_one_too_few():
    judged = fields("people_involved", (2, 2), (3, 4), (1, None), (None, None), (None, 5))

    # Right 1; there are 3; said 3.
    assert value("people involved F1", judged) == pytest.approx(2 * 1 / (3 + 3))


def test_departments_count_by_share():
    judged = fields("recommended_department", ("police", "police"), ("rescue", "police"), ("akimat", None))

    assert value("department right", judged) == pytest.approx(1 / 3)


def test_triage_by_levels():
    found = triage(
        pairs(
            urgencies(
                ("critical", "critical"),
                ("critical", "high"),
                ("critical", "medium"),
                ("critical", "low"),
                ("low", "medium"),
                ("low", "critical"),
                ("high", None),
            ),
            "urgency",
        )
    )

    assert found == Triage(
        cases=7, right=1, under_by_one=1, under_by_more=2, over_by_one=1, over_by_more=1, none_given=1
    )


def test_an_accepted_answer_is_neither_under_nor_over():
    one = judge(
        case(labels={"urgency": "critical"}, accept={"urgency": ["critical", "high"]}),
        {"urgency": "high"},
    )

    assert triage(pairs([one], "urgency")).right == 1
    assert value("critical recall", [one]) == 1.0


def test_nulls_where_something_is_known_and_claims_where_nothing_may_be():
    judged = fields("people_involved", (2, None), (2, 3), (None, 4), (None, None))

    found = abstention(judged, "people_involved")

    assert (found.known, found.withheld, found.unknown, found.claimed) == (2, 1, 2, 1)
