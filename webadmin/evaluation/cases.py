"""Labelled calls, as ``tests/evals/<scenario>/README.md`` describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dialogue.errors import ConfigurationError
from dialogue.scenarios.intake_102.schema import Category, Department, Urgency, WeaponKind

SPLITS = ("development", "measuring")

FIELDS = (
    "urgency",
    "category",
    "address",
    "current_danger",
    "people_involved",
    "weapons",
    "weapon_kind",
    "recommended_department",
    "injuries",
)
"""Fields that a label may have, in the order they are shown."""

Question = Literal["ask_incident", "ask_address", "ask_danger"]


class Labels(BaseModel):
    """What is right. A field that is left out is not judged; None means that nothing may be claimed."""

    model_config = ConfigDict(extra="forbid", strict=False)

    urgency: Urgency | None = None
    category: Category | None = None
    address: str | None = None
    current_danger: bool | None = None
    people_involved: int | None = None
    weapons: bool | None = None
    weapon_kind: WeaponKind | None = None
    recommended_department: Department | None = None
    injuries: bool | None = None


class Accepted(BaseModel):
    """Every answer that counts as right, by field."""

    model_config = ConfigDict(extra="forbid")

    urgency: tuple[Urgency | None, ...] = ()
    category: tuple[Category | None, ...] = ()
    address: tuple[str | None, ...] = ()
    current_danger: tuple[bool | None, ...] = ()
    people_involved: tuple[int | None, ...] = ()
    weapons: tuple[bool | None, ...] = ()
    weapon_kind: tuple[WeaponKind | None, ...] = ()
    recommended_department: tuple[Department | None, ...] = ()
    injuries: tuple[bool | None, ...] = ()


class Said(BaseModel):
    """One utterance of the caller, and what the assistant had asked before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asked: Question = "ask_incident"
    heard: str


class Case(BaseModel):
    """One labelled call. ``split`` is the folder it lies in, ``file`` its file's name without ending."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    language: str = Field(pattern="^[a-z]{2}$")
    text: str | None = None
    turns: tuple[Said, ...] = ()
    labels: Labels
    accept: Accepted = Accepted()
    without: str | None = None
    tags: tuple[str, ...] = ()
    why: str = ""
    split: str
    file: str = ""

    @model_validator(mode="after")
    def _one_of_text_and_turns(self) -> Case:
        if (self.text is None) == (not self.turns):
            raise ValueError("give either text or turns")
        return self

    @property
    def said(self) -> tuple[Said, ...]:
        """What the caller says, one utterance after the other."""
        return self.turns or (Said(heard=self.text or ""),)

    @property
    def judged(self) -> dict[str, Any]:
        """The label of each field that is judged, as JSON has it."""
        given = self.labels.model_dump(mode="json")
        return {name: given[name] for name in FIELDS if name in self.labels.model_fields_set}

    def accepted(self, field: str) -> tuple[Any, ...]:
        """Every answer to a field that counts as right; the label is the first."""
        return (self.judged[field], *self.accept.model_dump(mode="json")[field])


def load_cases(folder: Path, split: str) -> list[Case]:
    """Read the labelled calls of one split, in the order of file names.

    Args:
        folder: the scenario's folder, with a folder for each split.
        split: ``development`` or ``measuring``.

    Raises:
        ConfigurationError: there are none, a file is no list of cases, or an id stands twice. No text is quoted.
    """
    cases: list[Case] = []
    for path in sorted((folder / split).glob("*.yaml")):
        cases += _read(path, split)
    if not cases:
        raise ConfigurationError(f"There are no cases in {folder / split}; --cases names the folder of scenarios.")
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise ConfigurationError(f"Two cases in {folder / split} are called {case.id!r}.")
        seen.add(case.id)
    return cases


def _read(path: Path, split: str) -> list[Case]:
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no YAML ({type(error).__name__}).") from None
    if not isinstance(listed, list):
        raise ConfigurationError(f"{path} is no list of cases.")
    cases = []
    for number, item in enumerate(listed, 1):
        if not isinstance(item, dict):
            raise ConfigurationError(f"Case {number} of {path} is no mapping.")
        try:
            cases.append(Case.model_validate({**item, "split": split, "file": path.stem}))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the case"
            raise ConfigurationError(f"Case {item.get('id', number)!r} of {path}: {where}: {first['msg']}.") from None
    return cases
