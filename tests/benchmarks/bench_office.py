"""The dispatchers' and integrators' pages on a database full of calls: list, search, deep pages, export.

python -m tests.benchmarks.bench_office [--rows 1000000] [--requests 300]

Requests go through the whole of Django, middleware and log-in included, and over no network.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.benchmarks.bench_journal import percentile
from tests.benchmarks.many_rows import ROWS, full_office

API_LIMIT_MS = 50.0
PAGE_LIMIT_MS = 300.0
EXPORT_LIMIT = 2.0
"""Times of ``psql \\copy`` of the same rows."""

MEMORY_LIMIT_MB = 50.0
DEEP_PAGE = 10_000
PAGE_REQUESTS = 20
MOST_SECONDS = 60.0
"""For so long requests of one kind are timed at most."""

INCIDENTS = "/api/v1/incidents/"
ADMIN_LIST = "/admin/incidents/incident/"
ADMIN_EXPORT = "/admin/incidents/incident/export/"

FILTERED: dict[str, list[dict[str, Any]]] = {
    "filtered": [
        {"urgency": "critical"},
        {"urgency": "high", "ordering": "created_at"},
        {"category": "fire"},
        {"category": "domestic", "language": "kk"},
        {"recommended_department": "ambulance"},
        {"status": "new"},
        {"status": "new", "ordering": "urgency_rank"},
        {"language": "en", "urgency": ["critical", "high"]},
        {"weapons": "true", "current_danger": "true"},
        {"caller_number": "+77010012345"},
        {"call_status": "failed"},
        {"ordering": "urgency_rank"},
        {"created_after": "2026-01-01T00:00:00Z", "created_before": "2026-01-08T00:00:00Z"},
    ],
    "searched": [
        {"search": "велосипед"},
        {"search": "красная сумка"},
        {"search": '"белых кроссовках"'},
        {"search": "пышақпен"},
        {"search": "көк күрте"},
        {"search": "gun shop"},
        {"search": "+7 701 001 23 45"},
        {"search": "Жандосова, 117"},
        {"search": "парашютист"},
    ],
    "filtered and searched": [
        {"search": "нож", "urgency": "critical"},
        {"search": "синяя куртка", "category": "robbery", "language": "ru"},
        {"search": "Station", "status": "closed", "weapons": "true"},
        {"search": "өрт", "language": "kk", "ordering": "urgency_rank"},
    ],
}


@dataclass(frozen=True, slots=True)
class Timed:
    """What requests of one kind took in milliseconds, which was the slowest, and the queries of one at most."""

    taken: list[float]
    slowest: str
    queries: int
    counts: int

    @property
    def p95(self) -> float:
        return percentile(self.taken, 0.95)

    def __str__(self) -> str:
        counted = f", {self.counts} of them a COUNT" if self.counts else ", no COUNT"
        return (
            f"{len(self.taken)} requests: p50 {statistics.median(self.taken):.1f} ms, p95 {self.p95:.1f} ms, "
            f"slowest {max(self.taken):.0f} ms ({self.slowest}); {self.queries} queries at most{counted}"
        )


def timed(addresses: list[str], get: Callable[[str], Any]) -> Timed:
    """Ask for the addresses in an order of chance, for `MOST_SECONDS` at most; once before, to count the queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    most = counts = 0
    for address in dict.fromkeys(addresses):
        with CaptureQueriesContext(connection) as captured:
            get(address)
        most = max(most, len(captured))
        counts = max(counts, sum("COUNT(" in query["sql"].upper() for query in captured))
    taken: list[tuple[float, str]] = []
    until = time.perf_counter() + MOST_SECONDS
    for address in random.Random(1).sample(addresses, len(addresses)):
        began = time.perf_counter()
        get(address)
        taken.append((1000 * (time.perf_counter() - began), address))
        if time.perf_counter() > until:
            break
    slowest = urlsplit(max(taken)[1])
    shown = "&".join(f"{name}={','.join(values)}" for name, values in parse_qs(slowest.query).items())
    return Timed([milliseconds for milliseconds, _ in taken], shown or slowest.path, most, counts)


def answered(client: Any) -> Callable[[str], Any]:
    """What asks for a page and insists on an answer."""

    def get(address: str) -> Any:
        response = client.get(address)
        assert response.status_code == 200, f"{address} answered {response.status_code}"
        return response

    return get


def measure_api(client: Any, requests: int) -> bool:
    """The list by API, first pages and the page behind each. Prints a line for each kind; returns whether all kept."""
    get = answered(client)
    kept = True
    for kind, filters in FILTERED.items():
        first = [f"{INCIDENTS}?{urlencode(asked, doseq=True)}" for asked in filters]
        following = [page["next"] for page in (get(address).json() for address in first) if page["next"]]
        addresses = [*first, *(address.removeprefix("http://testserver") for address in following)]
        found = timed((addresses * (requests // len(addresses) + 1))[:requests], get)
        kept = kept and found.p95 <= API_LIMIT_MS
        print(f"- list by API, {kind}, {found} (wanted p95 ≤ {API_LIMIT_MS:.0f} ms)", flush=True)
    return kept


def deep_page(get: Callable[[str], Any], rows: int) -> tuple[str, int]:
    """Address of the ten-thousandth page of the admin's list, or of the last where there are fewer, and its number."""
    from webadmin.incidents.admin import IncidentAdmin

    number = min(DEEP_PAGE, -(-rows // IncidentAdmin.list_per_page))
    return f"{ADMIN_LIST}?p={number}", number


def measure_admin(client: Any, rows: int) -> bool:
    """The admin's list, first page and a deep one. Prints a line for each; returns whether both kept the limit."""
    get = answered(client)
    deep, number = deep_page(get, rows)
    assert re.search(r'class="[^"]*field-urgency_label', get(deep).content.decode()), "the deep page lists nothing"
    kept = True
    for name, address in {"first page": ADMIN_LIST, f"page {number:,}": deep}.items():
        get(address)
        found = timed([address] * PAGE_REQUESTS, get)
        kept = kept and found.p95 <= PAGE_LIMIT_MS
        print(f"- admin's list, {name}, {found} (wanted p95 ≤ {PAGE_LIMIT_MS:.0f} ms)")
    return kept


@contextmanager
def memory_growth(found: list[float]) -> Iterator[None]:
    """Add by how many MB this process grew at most while the block ran."""

    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    before = most = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.05):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        found.append(max(most, resident()) - before)


def export(client: Any, target: Path) -> tuple[float, float]:
    """Write the admin's export of all incidents to a file; return its seconds and the memory's growth in MB."""
    growth: list[float] = []
    began = time.perf_counter()
    with memory_growth(growth), target.open("wb") as file:
        response = answered(client)(ADMIN_EXPORT)
        for chunk in response.streaming_content:
            file.write(chunk)
        response.close()
    return time.perf_counter() - began, growth[0]


def header(client: Any) -> list[str]:
    """The names of the export's columns."""
    response = answered(client)(ADMIN_EXPORT)
    first = next(iter(response.streaming_content)).decode("utf-8-sig")
    response.close()
    return first.splitlines()[0].split(",")


def copy(target: Path, columns: list[str]) -> float:
    """Have psql copy the same rows and columns to a file; return its seconds."""
    from webadmin.incidents.models import Incident

    of_incident = {field.name: field.column for field in Incident._meta.concrete_fields}
    of_call = {"caller_number": "c.caller_number", "call_status": "c.status", "transcript": "c.transcript"}
    named = ", ".join(
        f"{of_call[name] if name in of_call else 'i.' + of_incident.get(name, name)} AS {name}" for name in columns
    )
    statement = (
        f"\\copy (SELECT {named} FROM incidents_incident i JOIN calls_call c ON c.id = i.call_id "
        f"ORDER BY i.created_at DESC, i.id DESC) TO '{target}' CSV HEADER"
    )
    program = shutil.which("psql")
    assert program, "psql is not installed"
    began = time.perf_counter()
    subprocess.run(
        [program, "-q", "-v", "ON_ERROR_STOP=1", os.environ["DATABASE_URL"], "-c", statement], check=True, timeout=900
    )
    return time.perf_counter() - began


def measure_export(client: Any, rows: int) -> bool:
    """Our export and psql's copy in turn, twice where quick. Prints a line; returns whether time and memory kept."""
    rounds: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.csv"), Path(folder, "psql.csv")
        columns = header(client)
        while len(rounds) < 2 and sum(one[1] for one in rounds) < MOST_SECONDS:
            rounds.append((copy(theirs, columns), *export(client, ours)))
        sizes = ours.stat().st_size / 1e6, theirs.stat().st_size / 1e6
    psql, taken = min(one[0] for one in rounds), min(one[1] for one in rounds)
    growth = max(one[2] for one in rounds)
    print(
        f"- CSV of all {rows:,} incidents with their transcripts: {taken:.1f} s ({rows / taken:,.0f} rows a second, "
        f"{sizes[0]:.0f} MB), psql \\copy of the same {psql:.1f} s ({sizes[1]:.0f} MB): "
        f"{taken / psql:.1f} times as long (wanted ≤ {EXPORT_LIMIT:.0f}); "
        f"memory grew by {growth:.0f} MB (wanted ≤ {MEMORY_LIMIT_MB:.0f} MB)"
    )
    return taken <= EXPORT_LIMIT * psql and growth <= MEMORY_LIMIT_MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--requests", type=int, default=300)
    asked = parser.parse_args()
    with full_office(asked.rows) as made:
        from django.contrib.auth.models import User
        from django.test import Client

        print(f"- {made}", flush=True)
        client = Client()
        client.force_login(User.objects.create_superuser("bench"))
        kept = [
            measure_api(client, asked.requests),
            measure_admin(client, asked.rows),
            measure_export(client, asked.rows),
        ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
