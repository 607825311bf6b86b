"""``python -m tests.benchmarks``: runs every ``bench_*`` module and writes what they print to a dated file.

A benchmark prints lines of Markdown. Figures are ratios against a peer or a limit in the same run.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parents[1] / "docs" / "results"
LONGEST_SECONDS = 1800.0
"""What one benchmark may take."""


def main() -> int:
    names = sorted(path.stem for path in FOLDER.glob("bench_*.py"))
    if len(sys.argv) > 1:
        names = [name for name in names if any(word in name for word in sys.argv[1:])]
    now = datetime.now(UTC)
    parts = [
        f"# Measured on {now:%Y-%m-%d}\n\n{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}. The machine was shared; ratios count, absolute times do not.\n"
    ]
    failed = 0
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name}", flush=True)
        try:
            done = subprocess.run(
                [sys.executable, "-m", f"tests.benchmarks.{name}"],
                stdout=subprocess.PIPE, text=True, timeout=LONGEST_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            # What the others measured is kept.
            failed += 1
            so_far = late.stdout.decode(errors="replace") if isinstance(late.stdout, bytes) else late.stdout or ""
            parts.append(f"## {name}\n\n{so_far.strip()}\n\nIt was ended after {LONGEST_SECONDS:g} s.\n")
            continue
        print(done.stdout, flush=True)
        failed += done.returncode != 0
        parts.append(f"## {name}\n\n{done.stdout.strip()}\n")
        if done.returncode:
            parts.append(f"It ended with exit status {done.returncode}.\n")
    target = RESULTS / f"{now:%Y-%m-%d}-{'-'.join(sys.argv[1:]) or 'all'}.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(parts))
    print(f"Written to {target.relative_to(RESULTS.parents[1])}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
