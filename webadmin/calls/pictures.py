"""What the caller heard as a page draws it: who spoke when, and where each answer's wait went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from webadmin.calls.models import Call, CallHearing, Turn

WIDTH = 1000.0
"""Units of a picture from its left to its right."""

SHORTEST_SCALE = 1.0
"""Seconds that the bars' whole width stands for at least, so that a quick call looks quick."""

PARTS: dict[str, Promise] = {
    "silence": _("silence until the turn counts as over"),
    "recognition": _("recognition"),
    "decision": _("decision"),
    "synthesis": _("synthesis"),
    "rest": _("the rest: line, files, waiting"),
}


CHART_HEIGHT = 200.0
SHORTEST_CHART = 2.0
"""Seconds that a chart reaches up to at least."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a picture: where it begins and how wide it is, as SVG writes numbers, and what it stands for."""

    x: str
    width: str
    seconds: float
    name: str = ""
    label: str | Promise = ""


def call_picture(call: Call) -> dict[str, Any] | None:
    """What the panel of a call's page shows; None where the call was not measured. One query for the turns."""
    hearing = getattr(call, "hearing", None)
    if hearing is None:
        return None
    waits = [turn for turn in call.turns.all() if turn.answer_heard_seconds is not None]
    scale = max([SHORTEST_SCALE, *(turn.answer_heard_seconds for turn in waits)])
    return {
        "hearing": hearing,
        "lanes": _lanes(hearing),
        "bars": [{"turn": turn, "parts": _bar(turn, scale)} for turn in waits],
        "parts": PARTS,
    }


def wait_parts(turn: Turn) -> list[tuple[str, float]]:
    """Split the wait for a turn's answer into the names of `PARTS` and their seconds; together they are the wait.

    At the live door recognition and decision begin in the silence already: what fitted into it cost the caller
    nothing, so that stages are counted from the last one back and only as far as the wait beyond the silence reaches.
    """
    total = turn.answer_heard_seconds or 0.0
    silence = min(total, turn.end_silence or 0.0)
    left = total - silence
    stages = []
    for name in ("synthesis", "decision", "recognition"):
        taken = min(left, getattr(turn, f"{name}_seconds") or 0.0)
        left -= taken
        stages.append((name, taken))
    found = [("silence", silence), *reversed(stages), ("rest", left)]
    return [(name, round(seconds, 3)) for name, seconds in found if seconds >= 0.0005]


def day_charts(rows: Sequence[Mapping[str, Any]], first: date, last: date) -> list[dict[str, Any]]:
    """One chart for each set of engines: median and 95th percentile of the answer's wait, day by day.

    Args:
        rows: of `webadmin.calls.stats.hearing_per_day`.
        first: day at the left edge.
        last: day at the right edge, after ``first``.

    Returns:
        Dicts of ``engines``, ``rows``, ``top`` (seconds at the upper edge) and, as SVG writes points, ``answer_p50``
        and ``answer_p95``.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["answers"]:
            groups.setdefault(" · ".join(filter(None, (row["stt"], row["llm"], row["tts"]))) or "—", []).append(row)
    charts = []
    for engines, its in groups.items():
        top = max(SHORTEST_CHART, *(row["answer_p95"] for row in its))
        charts.append({"engines": engines, "rows": its, "top": top})
        for name in ("answer_p50", "answer_p95"):
            points = [
                f"{WIDTH * ((row['day'] - first) / (last - first)):.1f},{CHART_HEIGHT * (1 - row[name] / top):.1f}"
                for row in its
            ]
            # A line of one point is not drawn, a line from a point to itself is a dot.
            charts[-1][name] = " ".join(points * 2 if len(points) == 1 else points)
    return charts


def _bar(turn: Turn, scale: float) -> list[Block]:
    blocks, at = [], 0.0
    for name, seconds in wait_parts(turn):
        blocks.append(_block(at, seconds, scale, name, PARTS[name]))
        at += seconds
    return blocks


def _lanes(hearing: CallHearing) -> list[dict[str, Any]]:
    """Who spoke when, one lane a side; the silences that were too long."""
    details = hearing.details if isinstance(hearing.details, Mapping) else {}
    length = details.get("seconds")
    if not isinstance(length, int | float) or length <= 0:
        return []
    return [
        {"name": name, "label": label, "blocks": list(_spans(details.get(name), float(length)))}
        for name, label in (("caller", _("Caller")), ("agent", _("Assistant")), ("silences", _("silences over 2 s")))
    ]


def _spans(rows: Any, length: float) -> Iterable[Block]:
    for row in rows if isinstance(rows, list) else ():
        match row:
            case {"start": int() | float() as start, "end": int() | float() as end} if end > start:
                yield _block(start, end - start, length)


def _block(at: float, seconds: float, scale: float, name: str = "", label: str | Promise = "") -> Block:
    return Block(f"{WIDTH * at / scale:.1f}", f"{WIDTH * seconds / scale:.1f}", seconds, name, label)
