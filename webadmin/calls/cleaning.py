"""Makes what callers, models and other programs wrote storable, in any database, without changing what it says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from webadmin.calls.models import Language

TEXT_CHARS = 20_000
"""Longest text a column takes; far above what is ever spoken in one call."""

DEPTH = 12
MOST_ITEMS = 1000


def text(value: Any, most: int = TEXT_CHARS) -> str:
    """Return ``value`` as text of at most ``most`` characters; empty for None.

    PostgreSQL refuses NUL, and no database takes half of a surrogate pair.
    """
    if value is None:
        return ""
    return str(value)[: 2 * most].replace("\0", "").encode("utf-8", "replace").decode()[:most]


def language(value: Any) -> str:
    """Return an ISO 639-1 code known here, else an empty text."""
    code = text(value, 16).lower().replace("_", "-").partition("-")[0]
    return code if code in Language.values else ""


def codes(value: Any) -> list[str]:
    """Return a list of short machine-readable reasons."""
    return [text(code, 32) for code in value[:MOST_ITEMS]] if isinstance(value, list | tuple) else []


def seconds(value: Any) -> float | None:
    """Return a duration in seconds, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if value >= 0 else None


def share(value: Any) -> float | None:
    """Return a number from 0 to 1, or None where it is none."""
    number = seconds(value)
    return number if number is not None and number <= 1 else None


def json_value(value: Any, depth: int = DEPTH) -> Any:
    """Return ``value`` as every database's JSON type takes it: no NUL, NaN, huge number or bottomless nesting."""
    match value:
        case None | bool():
            return value
        case str():
            return text(value, 100_000)
        case int():
            return value if abs(value) < 2**63 else str(value)[:400] if abs(value) < 2**1000 else None
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            if depth == 0:
                return {}
            items = list(value.items())[:MOST_ITEMS]
            return {text(key, 200): json_value(item, depth - 1) for key, item in items}
        case list() | tuple() | set() | frozenset():
            return [json_value(item, depth - 1) for item in list(value)[:MOST_ITEMS]] if depth else []
        case _:
            return text(value)
