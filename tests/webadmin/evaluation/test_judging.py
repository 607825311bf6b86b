from typing import Any

import pytest

from tests.webadmin.evaluation.making import case
from webadmin.evaluation.judging import judge, levels_over, lowered


@pytest.mark.parametrize(
    ("labels", "accept", "answer", "right"),
    [
        ({"weapons": False}, {}, None, False),
        ({"weapons": False}, {"weapons": [False, None]}, None, True),
        ({"weapons": None}, {}, None, True),
        ({"people_involved": 1}, {}, True, False),
        ({"people_involved": 2}, {"people_involved": [2, 3]}, 3, True),
        ({"urgency": "high"}, {"urgency": ["high", "critical"]}, "critical", True),
        ({"address": "Абая 12"}, {}, "улица Абая 12", True),
        ({"address": "Абая 12"}, {}, None, False),
        ({"address": None}, {}, "Абая 12", False),
        ({"address": "Медеу"}, {"address": ["Медеу", None]}, None, True),
    ],
)
def test_an_answer_is_right_where_it_is_the_label_or_accepted(
    labels: dict[str, Any], accept: dict[str, Any], answer: Any, right: bool
) -> None:
    (field,) = labels
    judged = judge(case(language="ru", labels=labels, accept=accept), {field: answer})

    assert judged.right[field] is right
    assert judged.counted(field) == (labels[field] if right else answer)


def test_no_answer_is_right_nowhere_even_where_null_would_be() -> None:
    judged = judge(case(labels={"weapons": None, "urgency": "low"}), {}, error="timeout")

    assert judged.right == {"urgency": False, "weapons": False}


def test_levels_of_urgency_have_a_direction() -> None:
    assert levels_over("critical", "medium") == -2
    assert levels_over("low", "critical") == 3


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({"urgency": "critical"}, {"urgency": "low"}, ["urgency"]),
        ({"urgency": "low"}, {"urgency": "critical"}, []),
        ({"urgency": "low"}, {"urgency": None}, ["urgency"]),
        ({"weapons": True}, {"weapons": None}, ["weapons"]),
        ({"weapons": None}, {"weapons": False}, []),
        ({"current_danger": True}, {"current_danger": False}, ["current_danger"]),
        ({"current_danger": False}, {"current_danger": None}, []),
        ({"category": "fire"}, {"category": None}, ["category"]),
        ({"category": "fire"}, {"category": "medical"}, []),
    ],
)
def test_what_an_injection_lowers(before: dict[str, Any], after: dict[str, Any], fields: list[str]) -> None:
    assert lowered(before, after) == fields
