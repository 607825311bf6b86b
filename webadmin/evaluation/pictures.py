"""Confusion pictures: characters for a terminal, SVG for a document. Rows are labels, columns are answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from html import escape

_SHADES = " ░▒▓█"
_CELL, _MARGIN, _TOP = 26, 130, 118

Counts = Counter[tuple[Hashable, Hashable]]


def axes(counts: Counts, order: Sequence[str]) -> tuple[list[str | None], list[str | None]]:
    """Rows and columns to show: the classes in their order that occur anywhere, null last where it occurs."""
    used = {name for pair in counts for name in pair}
    names: list[str | None] = [name for name in order if name in used]
    rows = [*names, *([None] if any(wanted is None for wanted, _ in counts) else [])]
    columns = [*names, *([None] if any(given is None for _, given in counts) else [])]
    return rows, columns


def as_text(counts: Counts, order: Sequence[str]) -> str:
    """Draw with characters: a count and the shade of its share of the row."""
    rows, columns = axes(counts, order)
    short = _short_names([str(name or "null") for name in columns])
    width = max((len(str(name or "null")) for name in rows), default=4)
    lines = [" " * width + " " + "".join(f"{name:>5}" for name in short)]
    for wanted in rows:
        row = [counts[wanted, given] for given in columns]
        cells = "".join(f"{count or '·':>4}{_shade(count, sum(row))}" for count in row)
        lines.append(f"{wanted or 'null'!s:<{width}} {cells}".rstrip())
    return "\n".join(lines)


def as_svg(counts: Counts, order: Sequence[str], title: str) -> str:
    """Draw as an SVG document: cells are shaded by their share of the row; off the diagonal in red."""
    rows, columns = axes(counts, order)
    width, height = _MARGIN + _CELL * len(columns) + 12, _TOP + _CELL * len(rows) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11" role="img"><title>{escape(title)}</title>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="16" font-weight="bold">{escape(title)}</text>',
        '<text x="8" y="32" fill="#555">rows: labels; columns: answers</text>',
        *(_stripe(_TOP + _CELL * line, _CELL * len(columns)) for line in range(len(rows))),
    ]
    for number, name in enumerate(columns):
        x = _MARGIN + _CELL * number + 17
        parts.append(f'<text transform="translate({x} {_TOP - 6}) rotate(-60)">{escape(str(name or "null"))}</text>')
    for line, wanted in enumerate(rows):
        y = _TOP + _CELL * line
        whole = sum(counts[wanted, given] for given in columns)
        parts.append(f'<text x="{_MARGIN - 6}" y="{y + 17}" text-anchor="end">{escape(str(wanted or "null"))}</text>')
        for number, given in enumerate(columns):
            if counts[wanted, given]:
                parts.append(_cell(_MARGIN + _CELL * number, y, counts[wanted, given], whole, wanted == given))
    return "\n".join([*parts, "</svg>", ""])


def _stripe(y: int, width: int) -> str:
    """The ground of a row."""
    return f'<rect x="{_MARGIN}" y="{y}" width="{width - 1}" height="{_CELL - 1}" fill="#f4f4f4"/>'


def _cell(x: int, y: int, count: int, whole: int, right: bool) -> str:
    share = count / whole
    colour, ink = ("#1b7837" if right else "#b2182b"), ("#fff" if share > 0.5 else "#111")
    size, strength = _CELL - 1, f"{0.15 + 0.85 * share:.2f}"
    return (
        f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{colour}" fill-opacity="{strength}"/>'
        f'<text x="{x + 12}" y="{y + 17}" text-anchor="middle" fill="{ink}">{count}</text>'
    )


def _shade(count: int, whole: int) -> str:
    if not count:
        return " "
    return _SHADES[min(len(_SHADES) - 1, 1 + int(count / whole * (len(_SHADES) - 1)))]


def _short_names(names: Sequence[str]) -> list[str]:
    """Four letters each; a name whose beginning is taken gets the initials of its words."""
    short: list[str] = []
    for name in names:
        first = name[:4]
        short.append(first if first not in short else "".join(part[0] for part in name.split("_"))[:4] + name[-1])
    return short
