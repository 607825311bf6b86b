from pathlib import Path

import pytest

from dialogue.errors import ConfigurationError
from webadmin.evaluation.cases import load_cases

PLAIN = '- {id: "a", language: "ru", text: "пожар", labels: {urgency: "critical", address: null}}\n'


def write(folder: Path, text: str, split: str = "development", name: str = "ru_fire.yaml") -> Path:
    (folder / split).mkdir(exist_ok=True)
    (folder / split / name).write_text(text, encoding="utf-8")
    return folder


def test_a_field_without_a_label_is_not_judged_and_null_is(tmp_path: Path) -> None:
    (case,) = load_cases(write(tmp_path, PLAIN), "development")

    assert case.judged == {"urgency": "critical", "address": None}
    assert (case.split, case.file) == ("development", "ru_fire")
    assert [one.heard for one in case.said] == ["пожар"]


def test_accepted_answers_begin_with_the_label(tmp_path: Path) -> None:
    text = '- {id: "a", language: "en", text: "x", labels: {people_involved: 2}, accept: {people_involved: [2, null]}}'

    (case,) = load_cases(write(tmp_path, text), "development")

    assert case.accepted("people_involved") == (2, 2, None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1", "no list of cases"),
        ("- [", "no YAML"),
        ("- 5", "no mapping"),
        ('- {id: "a", language: "ru", text: "secret", labels: {urgency: "awful"}}', "labels.urgency"),
        ('- {id: "a", language: "ru", text: "secret", labels: {mood: "bad"}}', "labels.mood"),
        ('- {id: "a", language: "ru", labels: {}}', "either text or turns"),
        ('- {id: "a", language: "ru", text: "secret", turns: [{heard: "b"}], labels: {}}', "either text or turns"),
        (PLAIN + PLAIN, "'a'"),
        ("[]", "no cases"),
    ],
)
def test_a_bad_file_is_named_and_its_words_are_not(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        load_cases(write(tmp_path, text), "development")

    assert "secret" not in str(raised.value)


def test_every_labelled_call_of_the_project_loads() -> None:
    folder = Path(__file__).parents[2] / "evals" / "intake_102"

    measuring, development = (load_cases(folder, split) for split in ("measuring", "development"))

    assert len(measuring) >= 200
    assert len(development) >= 100
