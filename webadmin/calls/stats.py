"""How long callers waited, over many calls: percentiles per day and engines, worked out where the rows are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.db import connections
from django.db.models import Aggregate, Count, F, FloatField, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from webadmin.calls.models import Turn

GROUP = ("day", "stt", "llm", "tts")
MEASURES = {"answer": "answer_heard_seconds", "stop": "stop_heard_seconds"}
SHARES = {"p50": 0.5, "p95": 0.95}


class PercentileCont(Aggregate):
    """PostgreSQL's percentile, between two values where it falls between them; NULLs do not count.

    Args:
        expression: what to take it of.
        share: 0 to 1.
    """

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: str, share: float, **extra: Any) -> None:
        super().__init__(expression, share=float(share), **extra)


def hearing_per_day(first: date, last: date, *, door: str = "", scenario: str = "") -> list[dict[str, Any]]:
    """Percentiles of what callers heard, per day (in the office's time zone) and engines, the oldest day first.

    Args:
        first: day from which on.
        last: day up to which, included.
        door: only calls of this door; empty: of all.
        scenario: only calls of this scenario; empty: of all.

    Returns:
        One dict a group: ``day``, ``stt``, ``llm``, ``tts``, ``calls`` and, of ``answer`` and ``stop`` each,
        ``<name>s`` (how many), ``<name>_p50`` and ``<name>_p95`` (seconds, or None where there were none).
    """
    turns = _turns(first, last, door, scenario)
    grouped = _in_database if connections[turns.db].vendor == "postgresql" else _in_python
    return [_rounded(row) for row in grouped(turns)]


def _turns(first: date, last: date, door: str, scenario: str) -> QuerySet[Turn]:
    zone = timezone.get_current_timezone()
    begin, end = (datetime.combine(day, time.min, zone) for day in (first, last + timedelta(days=1)))
    heard = Q(answer_heard_seconds__isnull=False) | Q(stop_heard_seconds__isnull=False)
    turns = Turn.objects.filter(
        heard, call__started_at__gte=begin, call__started_at__lt=end, call__hearing__isnull=False
    )
    if door:
        turns = turns.filter(call__door=door)
    if scenario:
        turns = turns.filter(call__scenario=scenario)
    engines = {stage: F(f"call__hearing__{stage}") for stage in ("stt", "llm", "tts")}
    return turns.annotate(day=TruncDate("call__started_at", tzinfo=zone), **engines).order_by()


def _in_database(turns: QuerySet[Turn]) -> Iterable[dict[str, Any]]:
    wanted: dict[str, Aggregate] = {"calls": Count("call", distinct=True)}
    for name, field in MEASURES.items():
        wanted[f"{name}s"] = Count(field)
        wanted |= {f"{name}_{key}": PercentileCont(field, share) for key, share in SHARES.items()}
    return turns.values(*GROUP).annotate(**wanted).order_by(*GROUP)


def _in_python(turns: QuerySet[Turn]) -> Iterable[dict[str, Any]]:
    """The same for a database without percentiles: SQLite, where one machine's calls are few."""
    calls: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    values: dict[tuple[Any, ...], dict[str, list[float]]] = defaultdict(lambda: {name: [] for name in MEASURES})
    for *key, call, answer, stop in turns.values_list(*GROUP, "call_id", *MEASURES.values()).iterator():
        group = tuple(key)
        calls[group].add(call)
        for name, value in zip(MEASURES, (answer, stop), strict=True):
            if value is not None:
                values[group][name].append(value)
    for group in sorted(calls):
        row = {**dict(zip(GROUP, group, strict=True)), "calls": len(calls[group])}
        for name, found in values[group].items():
            row |= {f"{name}s": len(found)} | {f"{name}_{key}": _percentile(found, q) for key, q in SHARES.items()}
        yield row


def _percentile(values: Sequence[float], share: float) -> float | None:
    return float(np.percentile(values, 100 * share)) if values else None


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
