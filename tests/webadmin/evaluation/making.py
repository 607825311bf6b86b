"""Cases and judged answers in one line each."""

from __future__ import annotations

from typing import Any

from webadmin.evaluation.cases import Case
from webadmin.evaluation.judging import Judged, judge


def case(name: str = "c", *, language: str = "en", split: str = "development", **more: Any) -> Case:
    """A case; ``labels`` and anything else of a case by name."""
    more.setdefault("labels", {"urgency": "low"})
    if "turns" not in more:
        more.setdefault("text", "words")
    return Case(id=name, language=language, split=split, **more)


def urgencies(*found: tuple[str, str | None], language: str = "en") -> list[Judged]:
    """One call for each (label, answer)."""
    return [
        judge(case(f"{language}{number}", language=language, labels={"urgency": wanted}), {"urgency": given})
        for number, (wanted, given) in enumerate(found)
    ]


def fields(name: str, *found: tuple[Any, Any]) -> list[Judged]:
    """One call for each (label, answer) of a field."""
    return [
        judge(case(f"{name}{number}", labels={name: wanted}), {name: given})
        for number, (wanted, given) in enumerate(found)
    ]
