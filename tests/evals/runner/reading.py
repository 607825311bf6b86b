"""Reads scenario files: what is wrong is said with the file and the line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tests.evals.runner.script import Script


class ScriptError(Exception):
    """A scenario file cannot be used. Its text has one line per fault: ``file:line: what``."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A scenario file that has been read.

    Args:
        path: where it lies; sounds are looked for beside it.
        script: what it says.
        lines: line of each step.
    """

    path: Path
    script: Script
    lines: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.path.stem


def read_scene(path: Path) -> Scene:
    """Read one file.

    Raises:
        ScriptError: it is missing, no YAML, or says something that makes no sense.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: cannot be read: {error}") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ScriptError(f"{path}:{line}: {getattr(error, 'problem', None) or 'this is no YAML'}") from None
    if not isinstance(root, yaml.MappingNode):
        raise ScriptError(f"{path}:1: a scenario is a mapping that begins with about:")
    faults = _doubles(path, root)
    if faults:
        raise ScriptError("\n".join(faults))
    try:
        script = Script.model_validate(values)
    except ValidationError as error:
        raise ScriptError("\n".join(_fault(path, root, item) for item in error.errors())) from None
    steps = next(value for key, value in root.value if key.value == "steps")
    scene = Scene(path, script, tuple(node.start_mark.line + 1 for node in steps.value))
    _check_files(scene)
    return scene


def _fault(path: Path, root: yaml.Node, item: Any) -> str:
    known, line = _place(root, item["loc"])
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        message = "there is no such name here"
    where = ".".join(map(str, known))
    return f"{path}:{line}: {where}: {message}" if where else f"{path}:{line}: {message}"


def _place(node: yaml.Node, loc: tuple[int | str, ...]) -> tuple[list[int | str], int]:
    """Follow pydantic's location as far as the file has it: the names on the way, and the line."""
    known: list[int | str] = []
    line = node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == part), None)
            if pair is None:
                if isinstance(part, str):
                    known.append(part)
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
        known.append(part)
    return known, line


def _doubles(path: Path, node: yaml.Node) -> list[str]:
    """Names that stand twice in a mapping: YAML would take the last in silence."""
    faults: list[str] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                faults.append(f"{path}:{key.start_mark.line + 1}: {key.value} stands twice")
            seen.add(key.value)
            faults += _doubles(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            faults += _doubles(path, value)
    return faults


def _check_files(scene: Scene) -> None:
    for step, line in zip(scene.script.steps, scene.lines, strict=True):
        sounds = (step.say, step.interrupt and step.interrupt.say, step.operator_hears and step.operator_hears.say)
        for sound in sounds:
            if sound and sound.file and not (scene.path.parent / sound.file).is_file():
                raise ScriptError(f"{scene.path}:{line}: there is no file {sound.file}")
