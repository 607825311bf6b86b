"""The labelled development cases: a change to the rules that loses ground shows here."""

from pathlib import Path

import pytest
import yaml

from dialogue.scenarios.intake_102.scenario import classify

FOLDER = Path(__file__).parents[3] / "evals" / "intake_102" / "development"
FILES = [FOLDER / f"{language}.yaml" for language in ("en", "kk", "ru")]
CASES = [case for path in FILES for case in yaml.safe_load(path.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def outcomes():
    return [(case["labels"], classify(case["text"], case["language"]).fields) for case in CASES]


def share(outcomes, field):
    judged = [(labels[field], fields[field]) for labels, fields in outcomes if field in labels]
    return sum(wanted == found for wanted, found in judged) / len(judged)


def f1(outcomes, field, value):
    """F1 of one value; what is not true counts as not claimed."""
    judged = [(labels[field] == value, fields[field] == value) for labels, fields in outcomes if field in labels]
    hits = sum(wanted and found for wanted, found in judged)
    return 2 * hits / max(1, sum(wanted for wanted, _ in judged) + sum(found for _, found in judged))


def test_there_are_cases_in_every_language_with_unique_names():
    assert len({case["id"] for case in CASES}) == len(CASES) >= 60
    assert {case["language"] for case in CASES} == {"ru", "kk", "en"}


def test_no_critical_call_is_missed(outcomes):
    critical = [fields["urgency"] for labels, fields in outcomes if labels.get("urgency") == "critical"]
    assert critical.count("critical") / len(critical) >= 0.98


def test_urgency(outcomes):
    assert sum(f1(outcomes, "urgency", value) for value in ("critical", "high", "medium", "low")) / 4 >= 0.95


def test_category(outcomes):
    assert share(outcomes, "category") >= 0.95


def test_weapons(outcomes):
    assert f1(outcomes, "weapons", True) >= 0.95


@pytest.mark.parametrize("field", ["address", "current_danger", "recommended_department", "people_involved"])
def test_further_fields(outcomes, field):
    assert share(outcomes, field) >= 0.95
