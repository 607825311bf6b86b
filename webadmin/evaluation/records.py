"""Answers kept in a JSON file, to compare a later state with: fields and whether they are right, no caller's words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dialogue.errors import ConfigurationError
from webadmin.evaluation.cases import Case
from webadmin.evaluation.judging import Judged, judge
from webadmin.evaluation.metrics import MEASURES
from webadmin.evaluation.report import Section


def fingerprint(folder: Path) -> str:
    """First 12 hex digits of the SHA-256 over names and contents of the files that a folder's outcome rests on.

    Descriptions (``README.md``) are not among them.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".py", ".yaml", ".md"} and path.name != "README.md":
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def as_document(
    scenario: str, engine: str, made: datetime, versions: dict[str, str], sections: Sequence[Section]
) -> dict[str, Any]:
    """What a file holds: figures by section, and every call's answers.

    Args:
        versions: fingerprints of what the figures rest on, by name.
    """
    return {
        "scenario": scenario,
        "engine": engine,
        "made": made.isoformat(timespec="seconds"),
        "versions": versions,
        "sections": [
            {
                "title": found.title,
                "error_rate": found.error_rate,
                "measures": {measure.name: measure.tally(found.judged).value() for measure in MEASURES},
                "lowered_by_injection": [one.case_id for one in found.injections if one.lowered],
                "calls": [_kept(one) for one in found.judged],
            }
            for found in sections
        ],
    }


def _kept(one: Judged) -> dict[str, Any]:
    answers = dict(one.answers)
    # An address is the caller's words.
    if answers.get("address") is not None:
        answers["address"] = True
    return {"id": one.case.id, "answers": answers, "right": dict(one.right), "error": one.error}


def from_document(path: Path, title: str, cases: Sequence[Case]) -> list[Judged]:
    """Read the answers of one section again, judged by the labels as they are now (addresses: as they were).

    Calls that have gone, and calls of which another set of fields is judged now, are left out.

    Raises:
        ConfigurationError: the file is none of ours, or has no such section.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        section = next((one for one in document["sections"] if one["title"] == title), None)
        if section is None:
            raise ConfigurationError(f"{path} has no section {title!r}; make it again with the same options.")
        known = {case.id: case for case in cases}
        return [
            _again(known[call["id"]], call)
            for call in section["calls"]
            if call["id"] in known and call["right"].keys() == known[call["id"]].judged.keys()
        ]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} was not made by evaluate --json ({type(error).__name__}).") from None


def _again(case: Case, call: dict[str, Any]) -> Judged:
    answers = {**call["answers"], "address": None}
    now = judge(case, answers, error=call["error"])
    kept = {"address": call["right"]["address"]} if "address" in call["right"] else {}
    return Judged(case, call["answers"], {**now.right, **kept}, error=call["error"])
