"""How long the rules of `intake_102` take for one call, on the development calls.

python -m tests.benchmarks.bench_rules [--rounds 5]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from dialogue.scenarios.intake_102.scenario import classify
from tests.benchmarks.bench_journal import percentile
from webadmin.evaluation.cases import Case, load_cases

CASES = Path(__file__).parents[1] / "evals" / "intake_102"
LIMIT_MS = 20.0
MINUTE = 1200
"""Characters of a minute of fast speech."""


def timed(text: str, language: str) -> float:
    """Return the milliseconds of one classification."""
    began = time.perf_counter()
    classify(text, language)
    return 1000 * (time.perf_counter() - began)


def minutes(cases: list[Case]) -> list[tuple[str, str]]:
    """Return texts as long as a minute of speech, out of the calls of one language each, with the language."""
    made: list[tuple[str, str]] = []
    for language in sorted({case.language for case in cases}):
        words = " ".join(one.heard for case in cases if case.language == language for one in case.said)
        made += [(words[start : start + MINUTE], language) for start in range(0, len(words) - MINUTE, MINUTE)]
    return made


def measure(rounds: int = 5) -> dict[str, float]:
    """Run and return the figures, in milliseconds but for counts and ratios."""
    cases = load_cases(CASES, "development")
    texts = [(" ".join(one.heard for one in case.said), case.language) for case in cases]
    classify("", "ru")
    first = [timed(*text) for text in texts]
    again = [timed(*text) for _ in range(rounds) for text in texts]
    long = [timed(*text) for _ in range(rounds) for text in minutes(cases)]
    return {
        "calls": len(cases),
        "first_p99": percentile(first, 0.99),
        "p50": percentile(again, 0.5),
        "p99": percentile(again, 0.99),
        "most": max(first + again),
        "minute_p99": percentile(long, 0.99),
        "ratio": LIMIT_MS / max(percentile(first, 0.99), percentile(again, 0.99)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    found = measure(parser.parse_args().rounds)
    print(
        f"- {found['calls']} development calls classified by rules: p50 {found['p50']:.2f} ms, "
        f"p99 {found['p99']:.2f} ms, "
        f"words met for the first time p99 {found['first_p99']:.2f} ms, worst {found['most']:.1f} ms; "
        f"the limit of {LIMIT_MS:.0f} ms is {found['ratio']:.1f} times the worse p99 (wanted ≥ 1)\n"
        f"- a minute of speech in one utterance ({MINUTE:,} characters): p99 {found['minute_p99']:.2f} ms"
    )
    return 0 if found["ratio"] >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
