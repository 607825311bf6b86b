import json
from datetime import UTC, datetime

import pytest

from dialogue.errors import ConfigurationError
from tests.webadmin.evaluation.making import case
from webadmin.evaluation.judging import judge
from webadmin.evaluation.records import as_document, fingerprint, from_document
from webadmin.evaluation.report import Section

CASE = case("a", language="ru", text="тайна", labels={"urgency": "low", "address": "Абая 12"})


def keep(path, judged):
    made = datetime(2026, 11, 21, tzinfo=UTC)
    document = as_document("intake_102", "rules", made, {"scenario": "0a1b"}, [Section("Measuring", judged)])
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def test_answers_come_back_as_they_were_and_no_word_of_a_caller_is_kept(tmp_path):
    judged = judge(CASE, {"urgency": "high", "address": "улица Абая 12"}, heard=("тайна",))
    path = keep(tmp_path / "kept.json", [judged])

    (again,) = from_document(path, "Measuring", [CASE])

    assert again.right == judged.right == {"urgency": False, "address": True}
    assert again.answers["urgency"] == "high"
    assert "тайна" not in path.read_text("utf-8")
    assert "Абая" not in path.read_text("utf-8")


def test_answers_are_judged_by_the_labels_of_today(tmp_path):
    path = keep(tmp_path / "kept.json", [judge(CASE, {"urgency": "high", "address": None})])
    changed = case("a", language="ru", labels={"urgency": "high", "address": "Абая 12"})

    (again,) = from_document(path, "Measuring", [changed])

    assert again.right == {"urgency": True, "address": False}
    assert from_document(path, "Measuring", [case("other")]) == []


@pytest.mark.parametrize("text", ["", "[]", '{"sections": 5}', '{"sections": [{"title": "Measuring"}]}', "{}"])
def test_another_file_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "kept.json"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=r"kept\.json"):
        from_document(path, "Measuring", [CASE])


def test_a_missing_section_or_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        from_document(tmp_path / "none.json", "Measuring", [CASE])
    with pytest.raises(ConfigurationError, match="Development"):
        from_document(keep(tmp_path / "kept.json", []), "Development", [CASE])


def test_a_version_changes_with_names_and_contents_of_files_and_with_nothing_else(tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "ru.yaml").write_text("a")
    first = fingerprint(tmp_path)

    (tmp_path / "words" / "ru.pyc").write_text("made at run time")
    assert fingerprint(tmp_path) == first

    (tmp_path / "words" / "ru.yaml").rename(tmp_path / "words" / "kk.yaml")
    renamed = fingerprint(tmp_path)
    (tmp_path / "words" / "kk.yaml").write_text("b")
    assert len({first, renamed, fingerprint(tmp_path)}) == 3
