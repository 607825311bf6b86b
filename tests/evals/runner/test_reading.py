"""Whoever writes a scenario file is told what is wrong, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evals.runner.reading import ScriptError, read_scene

LIVE = sorted((Path(__file__).parents[1]).glob("*/live/*.yaml"))


@pytest.mark.parametrize("path", LIVE, ids=lambda path: path.stem)
def test_every_scenario_file_can_be_read(path: Path) -> None:
    scene = read_scene(path)
    assert len(scene.lines) == len(scene.script.steps)


def test_there_are_scenario_files() -> None:
    assert len(LIVE) >= 8


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "scene.yaml"
    path.write_text(text)
    with pytest.raises(ScriptError) as error:
        read_scene(path)
    return str(error.value).replace(f"{path}:", "").splitlines()


@pytest.mark.parametrize(
    ("step", "line", "words"),
    [
        ("- exepct: {speaks: true}", 3, "steps.0.exepct: there is no such name here"),
        ("- expect: {speaks: true, within_ms: -4}", 3, "greater than 0"),
        ("- expect: {within_ms: 4}", 3, "speaks: true or continues_ms"),
        ('- {say: "a", hang_up: true}', 3, "exactly one thing, not say, hang_up"),
        ("- {after: quiet}", 3, "exactly one thing, not none"),
        ("- say: {voice: slt}", 3, "exactly one of text, file, cough"),
        ('- say: {text: "a", voice: "slt; rm"}', 3, "voice"),
        ("- say: {file: nowhere.wav}", 3, "there is no file nowhere.wav"),
        ('- dtmf: "a"', 3, "steps.0.dtmf"),
        ("- interrupt: {after_ms: 3}", 3, "exactly one of say, dtmf, cough"),
        ("- noise: {level_db: 5}", 3, "level_db"),
        ("- transferred: {reason: boredom}", 3, "steps.0.transferred.reason"),
    ],
)
def test_a_wrong_step_is_named_with_its_line(tmp_path: Path, step: str, line: int, words: str) -> None:
    found = faults(tmp_path, f"about: a test\nsteps:\n  {step}\n")
    assert any(fault.startswith(f"{line}: ") and words in fault for fault in found), found


def test_the_line_is_that_of_the_name_inside_a_step(tmp_path: Path) -> None:
    found = faults(tmp_path, "about: a test\nsteps:\n  - expect:\n      speaks: true\n      within_ms: soon\n")
    assert found[0].startswith("5: steps.0.expect.within_ms")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "a scenario is a mapping"),
        ("- a\n", 1, "a scenario is a mapping"),
        ("about: [\n", 2, ""),
        ("about: a\nsteps: []\n", 2, "at least 1"),
        ("steps:\n  - hang_up: true\n", 1, "about: Field required"),
        ("about: a\nabout: b\nsteps:\n  - hang_up: true\n", 2, "about stands twice"),
        ("about: a\nsteps:\n  - transferred: {}\n", 1, "operators: true"),
        ("about: a\npass_rate: 2\nsteps:\n  - hang_up: true\n", 2, "pass_rate"),
        ("about: a\nsteps:\n  - hang_up: true\nrecord:\n  status: happy\n", 5, "record.status"),
    ],
)
def test_a_wrong_file_is_told_why(tmp_path: Path, text: str, line: int, words: str) -> None:
    found = faults(tmp_path, text)
    assert any(fault.startswith(f"{line}: ") and words in fault for fault in found), found


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read"):
        read_scene(tmp_path / "none.yaml")


def test_a_caller_speaks_the_language_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("about: a\nlanguage: kk\nsteps:\n  - hang_up: true\n")
    assert read_scene(path).script.speaker == "espeak:kk"
