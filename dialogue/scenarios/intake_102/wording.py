"""The assistant's sentences and the one-sentence summary, from phrases.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dialogue.errors import ConfigurationError
from dialogue.scenarios.intake_102.schema import Department, IncidentReport
from dialogue.scenarios.intake_102.text import clean, shorten
from dialogue.turns import TransferReason

LONGEST_SUMMARY = 500
_WORDS_IN_SUMMARY = 220
_SPOKEN_ADDRESS = 80

QUESTIONS = ("ask_incident", "ask_address", "ask_address_again", "ask_danger")


@cache
def _phrases() -> dict[str, dict[str, Any]]:
    path = Path(__file__).with_name("phrases.yaml")
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path.name} of intake_102 cannot be read: {error}.") from error


def phrase(name: str, language: str) -> str:
    """A sentence by its name in phrases.yaml."""
    return str(_phrases()[language][name])


def fixed(language: str) -> tuple[str, ...]:
    """Every sentence that is spoken as it stands in phrases.yaml."""
    known = _phrases()[language]
    single = [text for text in known.values() if isinstance(text, str) and "{" not in text]
    return (*single, *map(str, known["hand_over"].values()), *map(str, known["farewell"].values()))


def hand_over(reason: TransferReason, language: str) -> str:
    """The sentence that announces a person."""
    return str(_phrases()[language]["hand_over"][reason.value])


def farewell(department: Department | None, language: str) -> str:
    """The last sentence; where no department is known, that of the police."""
    return str(_phrases()[language]["farewell"][(department or Department.POLICE).value])


def question_asked(spoken: str) -> str | None:
    """Which question a reply ended with, in whatever language; None where it asked none of them."""
    for language in _phrases():
        for name in QUESTIONS:
            if spoken.endswith(phrase(name, language)):
                return name
    return None


def with_address(question: str, address: str | None, language: str) -> str:
    """A question that first says back the address that was understood."""
    if not address:
        return question
    said = clean(address, _SPOKEN_ADDRESS).rstrip(" .")
    return f"{phrase('confirm_address', language).replace('{address}', said)} {question}"


def label(kind: str, value: str | None, language: str) -> str | None:
    """How people read an enumeration's value (``urgency``, ``category``, ``department``)."""
    return None if value is None else str(_phrases()[language][kind][value])


def summarise(report: IncidentReport, words: str, language: str) -> str:
    """One sentence of what is known, the caller's own words shortened at its end.

    Args:
        report: what is known.
        words: everything the caller said.
        language: ISO 639-1 code of the sentence.
    """
    parts = _phrases()[language]["summary"]
    known = [label("category", report.category, language) or str(parts["unknown"])]
    if report.current_danger:
        known.append(parts["danger"])
    if report.weapons:
        known.append(parts["weapons"])
    if report.people_involved is not None:
        known.append(parts["people"].replace("{value}", str(report.people_involved)))
    if report.address:
        known.append(parts["address"].replace("{value}", report.address))
    if words:
        known.append(parts["words"].replace("{value}", shorten(words, _WORDS_IN_SUMMARY)))
    return shorten(", ".join(known), LONGEST_SUMMARY - 1) + "."
