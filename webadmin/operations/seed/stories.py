"""What invented callers say, in which order they call, and where from."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("conversations.yaml")
_HOUSES = 120

LEAVES, FAILS = "leaves", "fails"


@dataclass(frozen=True, slots=True)
class Story:
    """One invented conversation, the caller's side of it.

    Args:
        language: ISO 639-1 code.
        says: one after another; ``~`` is silence, ``#0`` a key, ``? …`` words the recogniser was unsure of.
        place: said when asked for the address.
        no: said to a question that nothing else answers.
        right: the fields as a dispatcher sees them afterwards; null where nobody could tell.
        event: stories of one event follow one another; empty where it is told once.
        end: `LEAVES`, `FAILS`, or empty where the assistant ends the call.
        address: where it happened.
    """

    language: str
    says: tuple[str, ...]
    place: str
    no: str
    right: Mapping[str, str | None]
    event: str
    end: str
    address: str = ""


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return document


@cache
def _conversations() -> tuple[tuple[dict[str, Any], ...], ...]:
    """The conversations; those about one event together."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for number, row in enumerate(_document()["conversations"]):
        groups.setdefault(row.get("event", f"#{number}"), []).append(row)
    return tuple(tuple(rows) for rows in groups.values())


def stories(seed: int, count: int) -> list[tuple[Story, bool]]:
    """Return the first ``count`` calls of a seed: each story, and whether it tells of the same as the one before.

    Every conversation comes once before any comes again.
    """
    found: list[tuple[Story, bool]] = []
    round_ = 0
    while len(found) < count:
        chance = random.Random(f"{seed}:{round_}")  # noqa: S311
        groups = list(_conversations())
        chance.shuffle(groups)
        for group in groups:
            house, street = chance.randint(1, _HOUSES), chance.random()
            found += [(_story(row, house, street), place > 0) for place, row in enumerate(group)]
        round_ += 1
    return found[:count]


def _story(row: dict[str, Any], house: int, street: float) -> Story:
    document = _document()
    addresses = document["addresses"][row["language"]]
    address = addresses[int(street * len(addresses))].format(n=house)
    return Story(
        language=row["language"],
        says=tuple(words.format(address=address) for words in row["says"]),
        place=row.get("place", "{address}").format(address=address),
        no=document["no"][row["language"]],
        right=dict(zip(("urgency", "category", "recommended_department"), row["right"], strict=True)),
        event=row.get("event", ""),
        end=row.get("end", ""),
        address=address,
    )
