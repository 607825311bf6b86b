import pytest

from tests.webadmin.evaluation.making import case, urgencies
from webadmin.evaluation.judging import judge
from webadmin.evaluation.report import Injection, Section, comparison, failures, headline, section


def test_goals_are_marked_as_met_or_missed():
    text = headline(urgencies(("critical", "critical"), ("critical", "low"), ("low", "low")))

    critical = next(line for line in text.splitlines() if "critical recall" in line)
    assert "≥ 0.95 ✗" in critical
    assert "**0.500** (0.09–0.91)" in critical


def test_each_language_has_its_column():
    judged = [*urgencies(("critical", "critical")), *urgencies(("critical", "low"), language="kk")]

    lines = headline(judged).splitlines()

    assert lines[0] == "| measure | goal | all (95 %) | kk | en | label only |"
    assert lines[2].split(" | ")[3:5] == ["0.000", "1.000"]


def test_accepted_answers_do_not_count_in_the_column_of_labels_only():
    one = judge(
        case(labels={"urgency": "critical"}, accept={"urgency": ["critical", "high"]}),
        {"urgency": "high"},
    )

    assert headline([one]).splitlines()[2].endswith("| 1.000 | 0.000 |")


def test_a_section_says_what_injections_lowered_and_what_got_no_answer():
    injected = judge(case("i-1", tags=["injection", "hard"], labels={"urgency": "critical"}), {"urgency": "low"})
    silent = judge(case("s-1"), {}, error="timeout")

    text = section(Section("Measuring", [injected, silent], [Injection("i-1", ("urgency",), ())]))

    assert "1 of 1 lowered" in text
    assert "lowered: i-1: urgency" in text
    assert "1 calls got no answer (timeout)" in text
    assert "1 of them less urgent than their label" in text


def test_a_comparison_names_both_engines_and_finds_the_better_one():
    worse = urgencies(*[("critical", "low")] * 20)
    better = urgencies(*[("critical", "critical")] * 20)

    text = comparison(Section("Measuring", worse), Section("Measuring", better), ("rules", "model"))

    assert "| critical recall | 0.000 | 1.000 | +1.000 (+1.00 to +1.00) |" in text
    assert "| critical found | 0 | 0 | 20 | 0 | < 0.001 |" in text


def test_failures_show_the_worst_first_with_the_words_as_they_were_heard():
    mild = judge(case("mild", labels={"urgency": "low"}), {"urgency": "medium"}, heard=("mild words",))
    bad = judge(case("bad", labels={"urgency": "critical"}), {"urgency": "low"}, heard=("bad words",))
    fine = judge(case("fine", labels={"urgency": "low"}), {"urgency": "low"}, heard=("fine words",))

    text = failures([mild, fine, bad], 1)

    assert "2 of 3 calls" in text
    assert "bad words" in text
    assert "urgency: low, wanted critical" in text
    assert "mild words" not in text
    assert "fine words" not in text


def test_no_text_of_a_measuring_call_is_shown():
    secret = judge(case("m", split="measuring", text="secret"), {"urgency": "high"}, heard=("secret",))

    with pytest.raises(ValueError, match="not shown"):
        failures([secret], 1)
    assert "secret" not in section(Section("Measuring", [secret]))
