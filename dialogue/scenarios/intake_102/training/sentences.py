"""The labelled sentences that the classifier is trained on, and the fingerprint of all that goes into the model.

A line of a ``<language>_<theme>.tsv``: urgency, category, weapons, danger, department, text, with tabs between. ``y``
and ``n`` are yes and no, ``?`` is not judged, ``-`` is null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dialogue.errors import ConfigurationError
from dialogue.scenarios.intake_102.schema import Category, Department, Urgency

FOLDER = Path(__file__).parent
_SCENARIO = FOLDER.parent
_FLAGS: dict[str, bool | None] = {"y": True, "n": False, "?": None}
_NULL = "-"
_READ_BY = (
    *("features", "language", "morphology", "numbers", "patterns", "reading", "rules", "schema", "spelling"),
    *("table", "text", "withdrawn", "words"),
)
"""Modules through which a sentence becomes features."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a caller says, and what is right.

    Args:
        file: name of the file it stands in, without ending.
        language: ISO 639-1 code.
        text: the words.
        urgency: None where nothing may be claimed.
        category: kind of incident.
        weapons: None where it is not judged.
        danger: None where it is not judged.
        department: None where nothing may be claimed.
    """

    file: str
    language: str
    text: str
    urgency: Urgency | None
    category: Category
    weapons: bool | None
    danger: bool | None
    department: Department | None


def load(folder: Path = FOLDER) -> list[Sentence]:
    """Every labelled sentence, in the order of file names.

    Raises:
        ConfigurationError: a line is malformed, or there is none.
    """
    found = [sentence for path in sorted(folder.glob("*.tsv")) for sentence in _read(path)]
    if not found:
        raise ConfigurationError(f"There are no sentences in {folder}.")
    return found


def fingerprint() -> str:
    """SHA-256, in hex, of the sentences and of every file that turns them into a model."""
    digest = hashlib.sha256()
    sources = [
        *FOLDER.glob("*.tsv"),
        *FOLDER.glob("*.py"),
        *(_SCENARIO / f"{name}.py" for name in _READ_BY),
        *(_SCENARIO / "lexicon").rglob("*.yaml"),
        _SCENARIO / "words.yaml",
    ]
    for path in sorted(sources):
        digest.update(f"{path.relative_to(_SCENARIO).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> Iterator[Sentence]:
    language = path.stem.partition("_")[0]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line:
            continue
        try:
            urgency, category, weapons, danger, department, text = line.split("\t")
            yield Sentence(
                path.stem,
                language,
                text,
                None if urgency == _NULL else Urgency(urgency),
                Category(category),
                _FLAGS[weapons],
                _FLAGS[danger],
                None if department == _NULL else Department(department),
            )
        except (ValueError, KeyError) as error:
            raise ConfigurationError(f"Line {number} of {path.name} is malformed: {error}.") from error
