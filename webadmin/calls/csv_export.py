"""CSV for people's spreadsheets: streamed, readable by Excel, and without cells that run as formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from webadmin.calls.models import Call
from webadmin.streaming import streamed

M = TypeVar("M", bound=Model)
Columns = Mapping[str, Callable[[Any], Any]]
"""Header name → value of a row. Header names are a promise: scripts read them."""

SEPARATORS = {"comma": ",", "semicolon": ";"}
"""Excel expects a semicolon where the decimal mark is a comma: in Russia, Kazakhstan and Ukraine."""

_ROWS_AT_ONCE = 500
_CHUNK_CHARACTERS = 32_768
# A spreadsheet may split at another separator than ours, so a formula is disarmed behind each of them too
# (https://owasp.org/www-community/attacks/CSV_Injection). The full-width signs count as signs in Asian locales.
_FORMULA = re.compile(r"(^|[,;\t\r\n\"'])(\s*)([=+\-@＝＋－＠])")
_CONTROL_START = re.compile(r"^[\t\r\n]")


CALL_COLUMNS: Columns = {
    "call_id": lambda call: call.id,
    "started_at": lambda call: call.started_at,
    "ended_at": lambda call: call.ended_at,
    "status": lambda call: call.status,
    "end_reason": lambda call: call.end_reason,
    "scenario": lambda call: call.scenario,
    "door": lambda call: call.door,
    "language": lambda call: call.language,
    "caller_number": lambda call: call.caller_number,
    "dialled_number": lambda call: call.dialled_number,
    "queue_result": lambda call: call.queue_result,
    "operator": lambda call: call.operator,
    "urgency": lambda call: call.incident.urgency if hasattr(call, "incident") else None,
    "category": lambda call: call.incident.category if hasattr(call, "incident") else None,
    "recording_seconds": lambda call: call.recording.seconds if hasattr(call, "recording") else None,
    "transcript": lambda call: call.transcript,
}


def calls_csv(request: HttpRequest, calls: QuerySet[Call], separator: str = "comma") -> StreamingHttpResponse:
    """The given calls as a file to download."""
    rows = calls.defer(None).select_related(None).select_related("incident", "recording")
    return csv_response(request, rows, CALL_COLUMNS, "calls", separator)


def csv_response(
    request: HttpRequest, rows: QuerySet[M], columns: Columns, name: str, separator: str
) -> StreamingHttpResponse:
    """Stream ``rows`` as UTF-8 with a byte order mark.

    Args:
        request: whom to answer.
        rows: read in batches, never all at once.
        columns: header names and values.
        name: beginning of the file name.
        separator: one of `SEPARATORS`; anything else means a comma.
    """
    character = SEPARATORS.get(separator, ",")
    body = (chunk.encode() for chunk in _chunks(rows.iterator(chunk_size=_ROWS_AT_ONCE), columns, character))
    filename = f"{name}-{timezone.localtime():%Y%m%d-%H%M}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store, private"}
    return StreamingHttpResponse(streamed(request, body), content_type="text/csv; charset=utf-8", headers=headers)


class _Line:
    """What `csv.writer` writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def _chunks(rows: Iterable[Any], columns: Columns, separator: str) -> Iterator[str]:
    writer = csv.writer(_Line(), delimiter=separator, quoting=csv.QUOTE_MINIMAL)
    buffer = ["\ufeff", writer.writerow(columns)]
    length = 0
    for row in rows:
        line = writer.writerow([cell(value(row)) for value in columns.values()])
        buffer.append(line)
        length += len(line)
        if length >= _CHUNK_CHARACTERS:
            yield "".join(buffer)
            buffer, length = [], 0
    if buffer:
        yield "".join(buffer)


def cell(value: Any) -> str:
    """Text of a cell: empty for unknown, ISO 8601 in local time for times, and no formula.

    A sign that a spreadsheet would take for the start of a formula gets an apostrophe before it.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    if isinstance(value, int | float):
        return str(value)
    text = str(value).replace("\x00", "")
    if _CONTROL_START.match(text):
        text = f"'{text}"
    return _FORMULA.sub(r"\1\2'\3", text)
