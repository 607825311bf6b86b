"""Plain word lists of the three languages, from words.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dialogue.errors import ConfigurationError

LANGUAGES = ("ru", "kk", "en")


@cache
def _lists() -> dict[str, dict[str, Any]]:
    path = Path(__file__).with_name("words.yaml")
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path.name} of intake_102 cannot be read: {error}.") from error


def ordered(name: str, language: str = "any") -> tuple[str, ...]:
    """A list in the order it is written in. Raises KeyError where there is none of that name."""
    return tuple(str(_lists()[language][name]).split())


def word_set(name: str, language: str = "any") -> frozenset[str]:
    """A list as a set. Raises KeyError where there is none of that name."""
    return frozenset(ordered(name, language))


def number_words(language: str, kind: str = "numbers") -> dict[str, int]:
    """Number words with their values, or ``ordinals``; larger numbers are made of them."""
    return {str(word): int(value) for word, value in _lists()[language][kind].items()}
