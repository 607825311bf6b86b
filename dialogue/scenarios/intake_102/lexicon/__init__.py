"""The lexicons: a folder per language, a YAML file per family of concepts, compiled on first use."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dialogue.errors import ConfigurationError
from dialogue.scenarios.intake_102.patterns import PatternSet

_FOLDER = Path(__file__).parent
_CLASSES = "classes.yaml"


@cache
def load(language: str) -> PatternSet:
    """The compiled lexicon of a language.

    Raises:
        ConfigurationError: a file is missing or malformed, or a concept stands in two files.
    """
    classes = {name: "".join(words.split()) for name, words in _file(_FOLDER / language / _CLASSES).items()}
    compiled = PatternSet(language, classes)
    for concept, found in _patterns(language).items():
        for pattern in found:
            try:
                compiled.add(concept, pattern)
            except ValueError as error:
                raise ConfigurationError(f"The {language} lexicon of intake_102 is wrong: {error}.") from error
    return compiled


@cache
def concepts(language: str) -> frozenset[str]:
    """Names of the concepts a language's lexicon knows."""
    return frozenset(_patterns(language))


@cache
def _patterns(language: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted((_FOLDER / language).glob("*.yaml")):
        if path.name == _CLASSES:
            continue
        for concept, patterns in _file(path).items():
            if concept in found:
                raise ConfigurationError(f"{concept} stands twice in the {language} lexicon of intake_102.")
            found[concept] = [str(pattern) for pattern in patterns]
    return found


def _file(path: Path) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigurationError(f"The lexicon {path.name} of intake_102 cannot be read: {error}.") from error
