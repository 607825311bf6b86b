"""`doctor` has every chosen recogniser write down what the chosen voice says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import tiny_whisper
from tests.webadmin.operations.test_commands import environment, manage

__all__ = ["environment"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Says four words in Russian whatever it hears."""
    folder = tmp_path_factory.mktemp("model")
    return tiny_whisper.converted(
        tiny_whisper.parrot(folder / "m.pt", "Проверка связи прошла успешно.", "ru"), folder / "m", "int8"
    )


def findings(environment: dict[str, str], **settings: str) -> dict[str, Any]:
    done = manage({**environment, **settings}, "doctor", "--json")
    assert "Traceback" not in done.stderr
    return {found["name"]: found for found in json.loads(done.stdout)["findings"]}


def test_each_recogniser_of_a_chain_is_tried(environment: dict[str, str], model: Path) -> None:
    found = findings(
        environment, STT_ENGINE="faster_whisper,pocketsphinx", FASTER_WHISPER_MODEL=str(model), CALL_LANGUAGE="en"
    )

    assert found["speech_to_text:faster_whisper"]["ok"]
    assert "4 words" in found["speech_to_text:faster_whisper"]["detail"]
    assert "confidence" in found["speech_to_text:faster_whisper"]["detail"]
    assert found["speech_to_text:pocketsphinx"]["ok"]


def test_a_recogniser_that_works_only_by_its_fail_over_is_said_to_fail(environment: dict[str, str]) -> None:
    found = findings(
        environment,
        STT_ENGINE="faster_whisper,pocketsphinx",
        FASTER_WHISPER_MODEL="/nowhere/at/all",
        CALL_LANGUAGE="en",
    )

    assert not found["speech_to_text:faster_whisper"]["ok"]
    assert "FASTER_WHISPER_MODEL=/nowhere/at/all" in found["speech_to_text:faster_whisper"]["detail"]
    assert found["speech_to_text:pocketsphinx"]["ok"]


def test_a_recogniser_that_does_not_start_is_named_with_its_reason(environment: dict[str, str]) -> None:
    found = findings(environment, STT_ENGINE="whisper", WHISPER_MODEL="/nowhere/model.pt")

    assert not found["speech_to_text"]["ok"]
    assert "WHISPER_MODEL=/nowhere/model.pt: there is no such file" in found["speech_to_text"]["detail"]
