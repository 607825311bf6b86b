"""Labelled calls: every file loads, names are unique, both folders cover what they claim and share no text."""

import re
from collections import Counter
from itertools import combinations, product
from pathlib import Path
from typing import Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dialogue.scenarios.intake_102.schema import Category, Department, Urgency, WeaponKind

FOLDER = Path(__file__).parent / "intake_102"
SPLITS = ("development", "measuring")
OLDER = {"en.yaml", "kk.yaml", "ru.yaml"}
TAGS = [
    *("hard", "denial", "past", "idiom", "hearsay", "indirect", "fiction", "toy", "question", "correction", "numbers"),
    *("code_switching", "recognition_error", "dialect", "injection", "whisper", "pocket_call", "wrong_number"),
    *("child_caller", "drunk_caller", "elderly", "follow_up", "long"),
]


class Labels(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    urgency: Urgency = Field(strict=False)
    category: Category = Field(strict=False)
    address: str | None
    current_danger: bool | None
    people_involved: int | None = None
    weapons: bool | None = None
    weapon_kind: WeaponKind | None = Field(default=None, strict=False)
    recommended_department: Department = Field(strict=False)


class HeardTurn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    asked: Literal["ask_incident", "ask_address", "ask_danger"]
    heard: str


class Case(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[dm]-(ru|kk|en)-[a-z]+(-\d)?-\d\d$")
    language: Literal["ru", "kk", "en"]
    text: str | None = None
    turns: list[HeardTurn] = []
    without: str | None = None
    labels: Labels
    accept: dict[str, list[str | int | bool | None]] = {}
    tags: list[Literal[tuple(TAGS)]] = []  # type: ignore[valid-type]
    why: str | None = None

    @model_validator(mode="after")
    def consistent(self):
        assert bool(self.text) != bool(self.turns), "text or turns, one of them"
        kinds = {
            "urgency": Urgency,
            "category": Category,
            "recommended_department": Department,
            "weapon_kind": WeaponKind,
        }
        for field, answers in self.accept.items():
            label = getattr(self.labels, field)
            assert label in answers, f"{field}: the label is not among what is accepted"
            assert len(answers) == len(set(map(repr, answers))) > 1, f"{field}: accepts one answer only, or one twice"
            if field in kinds:
                [kinds[field](answer) for answer in answers if answer is not None]
        assert self.labels.weapon_kind is None or self.labels.weapons, "a kind without a weapon"
        assert (self.without is not None) == ("injection" in self.tags), "injections show the call without them"
        return self

    @property
    def words(self):
        return self.text or " ".join(turn.heard for turn in self.turns)


def read(split):
    cases = []
    for path in sorted((FOLDER / split).glob("*.yaml")):
        if path.name not in OLDER:
            cases += [(path, Case.model_validate(case)) for case in yaml.safe_load(path.read_text(encoding="utf-8"))]
    return cases


@pytest.fixture(scope="module")
def by_split():
    return {split: read(split) for split in SPLITS}


@pytest.fixture(scope="module")
def every(by_split):
    return [case for split in SPLITS for _, case in by_split[split]]


def test_names_are_unique_and_say_where_a_case_lies(by_split, every):
    assert len({case.id for case in every}) == len(every)
    for split, cases in by_split.items():
        for path, case in cases:
            assert case.id.startswith(f"{split[0]}-{path.stem.replace('_', '-')}-")
            assert path.stem.startswith(case.language)


def test_there_are_enough_in_each_folder_and_language(by_split, every):
    assert len(by_split["development"]) >= 290
    assert len(by_split["measuring"]) >= 430
    for cases in ([case for _, case in by_split[split]] for split in SPLITS):
        share = Counter(case.language for case in cases)
        assert share["ru"] >= share["kk"] >= share["en"] >= 0.27 * len(cases)


def test_a_fifth_is_hard(by_split):
    for cases in by_split.values():
        assert sum("hard" in case.tags for _, case in cases) >= len(cases) / 5


def test_measuring_has_every_category_and_urgency_in_every_language(by_split):
    found = {(case.language, case.labels.category) for _, case in by_split["measuring"]}
    assert not set(product(("ru", "kk", "en"), Category)) - found
    found = {(case.language, case.labels.urgency) for _, case in by_split["measuring"]}
    assert not set(product(("ru", "kk", "en"), Urgency)) - found


def test_every_kind_of_difficulty_is_in_measuring_and_no_tag_is_idle(by_split):
    used = Counter(tag for _, case in by_split["measuring"] for tag in case.tags)
    assert not set(TAGS) - set(used)


def test_injections_are_in_every_language_of_both_folders_and_inside_emergencies(by_split):
    for cases in by_split.values():
        found = {(case.language, case.labels.urgency) for _, case in cases if "injection" in case.tags}
        assert found >= {(language, Urgency.CRITICAL) for language in ("ru", "kk", "en")}


def words_of(text):
    return frozenset(re.findall(r"\w+", text.casefold().replace("ё", "е")))


def test_no_two_texts_are_alike(every):
    texts = [(case.id, words_of(case.words)) for case in every]
    alike = [
        (one, other)
        for (one, left), (other, right) in combinations(texts, 2)
        if len(left & right) >= 0.7 * len(left | right)
    ]
    assert not alike


def test_older_development_cases_are_not_in_measuring(by_split):
    older = [
        words_of(case["text"])
        for name in OLDER
        for case in yaml.safe_load((FOLDER / "development" / name).read_text(encoding="utf-8"))
    ]
    alike = [
        case.id
        for _, case in by_split["measuring"]
        for words in older
        if len(words_of(case.words) & words) >= 0.7 * len(words_of(case.words) | words)
    ]
    assert not alike
