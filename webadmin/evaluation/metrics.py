"""Figures over judged calls. Pure: lists in, numbers out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webadmin.evaluation.judging import URGENCIES, Judged, levels_over

Pairs = Sequence[tuple[Any, Any]]
"""Label and counted answer, one pair a case."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one class: right answers, cases that have the label, answers that say it."""

    hits: int
    wanted: int
    given: int

    @property
    def precision(self) -> float | None:
        """Share of the answers that are right; None without answers."""
        return self.hits / self.given if self.given else None

    @property
    def recall(self) -> float | None:
        """Share of the cases that were found; None without cases."""
        return self.hits / self.wanted if self.wanted else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None where the class is neither wanted nor given."""
        return 2 * self.hits / (self.wanted + self.given) if self.wanted + self.given else None


@dataclass(frozen=True, slots=True)
class Tally:
    """What each case adds to a measure: arrays of shape (cases, classes).

    A measure is the mean over its classes of ``2 × hits / (wanted + given)``: macro-F1 with several classes, F1 with
    one; and where every case is wanted and given once, the share of right answers.
    """

    hits: NDArray[np.float64]
    wanted: NDArray[np.float64]
    given: NDArray[np.float64]

    def value(self) -> float | None:
        """The measure; None without a case that counts."""
        found = float(self.values(np.ones((1, len(self.hits))))[0])
        return None if np.isnan(found) else found

    def values(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The measure for each row of ``weights``, of shape (rows, cases): how often each case counts."""
        if not self.hits.size:
            return np.full(len(weights), np.nan)
        hits, wanted, given = weights @ self.hits, weights @ self.wanted, weights @ self.given
        # A class that no label has does not count: its wrong answers already cost the classes they were taken from.
        counts = (wanted > 0) if self.hits.shape[1] > 1 else (wanted + given > 0)
        f1 = np.divide(2 * hits, wanted + given, out=np.zeros_like(hits), where=wanted + given > 0)
        number = counts.sum(axis=1)
        total = np.where(counts, f1, 0.0).sum(axis=1)
        means: NDArray[np.float64] = np.divide(total, number, out=np.full(len(weights), np.nan), where=number > 0)
        return means


def pairs(judged: Sequence[Judged], field: str) -> list[tuple[Any, Any]]:
    """Label and counted answer of every case in which a field is judged."""
    return [(one.case.judged[field], one.counted(field)) for one in judged if field in one.right]


def class_scores(found: Pairs) -> dict[Any, Score]:
    """Per class, null left out, those of labels and answers together."""
    hits = Counter(wanted for wanted, given in found if wanted == given)
    wanted_by, given_by = Counter(w for w, _ in found), Counter(g for _, g in found)
    return {
        name: Score(hits[name], wanted_by[name], given_by[name]) for name in wanted_by | given_by if name is not None
    }


def confusion(found: Pairs) -> Counter[tuple[Hashable, Hashable]]:
    """How often each label met each answer."""
    return Counter(found)


def _class_tally(judged: Sequence[Judged], field: str) -> Tally:
    found = [pair for pair in pairs(judged, field) if pair[0] is not None or pair[1] is not None]
    classes = sorted({name for pair in found for name in pair if name is not None})
    shape = (len(found), len(classes))
    wanted = np.array([[float(pair[0] == name) for name in classes] for pair in found]).reshape(shape)
    given = np.array([[float(pair[1] == name) for name in classes] for pair in found]).reshape(shape)
    return Tally(wanted * given, wanted, given)


def _flag_tally(judged: Sequence[Judged], field: str) -> Tally:
    """Only ``True`` is a claim: false and null count alike."""
    found = pairs(judged, field)
    wanted = np.array([[float(pair[0] is True)] for pair in found]).reshape(-1, 1)
    given = np.array([[float(pair[1] is True)] for pair in found]).reshape(-1, 1)
    return Tally(wanted * given, wanted, given)


def _slot_tally(judged: Sequence[Judged], field: str) -> Tally:
    """A wrong value is both one too many and one too few."""
    found = [(*pair, one.right[field]) for one in judged if field in one.right for pair in pairs([one], field)]
    wanted = np.array([[float(label is not None)] for label, _, _ in found]).reshape(-1, 1)
    given = np.array([[float(answer is not None)] for _, answer, _ in found]).reshape(-1, 1)
    hits = np.array([[float(right and label is not None)] for label, _, right in found]).reshape(-1, 1)
    return Tally(hits, wanted, given)


def _share_tally(right: Sequence[bool]) -> Tally:
    hits = np.array([[float(one)] for one in right]).reshape(-1, 1)
    return Tally(hits, np.ones_like(hits), np.ones_like(hits))


def critical_found(judged: Sequence[Judged]) -> list[bool]:
    """Of each call labelled critical, whether it was taken as such."""
    return [given == URGENCIES[0] for wanted, given in pairs(judged, "urgency") if wanted == URGENCIES[0]]


def right(judged: Sequence[Judged], field: str) -> list[bool]:
    """Of each call in which a field is judged, whether it is right."""
    return [one.right[field] for one in judged if field in one.right]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that is reported: its name, the goal where the project has one, and how cases are tallied."""

    name: str
    goal: float | None
    tally: Callable[[Sequence[Judged]], Tally]
    is_share: bool = False


MEASURES = (
    Measure("critical recall", 0.95, lambda judged: _share_tally(critical_found(judged)), is_share=True),
    Measure("urgency macro-F1", 0.80, lambda judged: _class_tally(judged, "urgency")),
    Measure("category macro-F1", 0.75, lambda judged: _class_tally(judged, "category")),
    Measure("weapons F1", 0.90, lambda judged: _flag_tally(judged, "weapons")),
    Measure("current danger F1", None, lambda judged: _flag_tally(judged, "current_danger")),
    Measure("address F1", None, lambda judged: _slot_tally(judged, "address")),
    Measure("people involved F1", None, lambda judged: _slot_tally(judged, "people_involved")),
    Measure("weapon kind F1", None, lambda judged: _slot_tally(judged, "weapon_kind")),
    Measure(
        "department right",
        None,
        lambda judged: _share_tally(right(judged, "recommended_department")),
        is_share=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Triage:
    """How far urgencies lie from their labels, in cases. An accepted answer is right."""

    cases: int
    right: int
    under_by_one: int
    under_by_more: int
    over_by_one: int
    over_by_more: int
    none_given: int


def triage(found: Pairs) -> Triage:
    """Count under- and over-triage over the cases whose label is an urgency."""
    labelled = [(wanted, given) for wanted, given in found if wanted is not None]
    levels = Counter(levels_over(wanted, given) for wanted, given in labelled if given is not None)
    return Triage(
        len(labelled),
        levels[0],
        levels[-1],
        sum(count for level, count in levels.items() if level <= -2),
        levels[1],
        sum(count for level, count in levels.items() if level >= 2),
        sum(given is None for _, given in labelled),
    )


@dataclass(frozen=True, slots=True)
class Abstention:
    """Nulls of one field: given where something is known, and something claimed where nothing may be."""

    known: int
    withheld: int
    unknown: int
    claimed: int


def abstention(judged: Sequence[Judged], field: str) -> Abstention:
    """Count a field's nulls. An accepted null counts as the label, and so does an accepted claim."""
    found = pairs(judged, field)
    known = [given for wanted, given in found if wanted is not None]
    unknown = [given for wanted, given in found if wanted is None]
    return Abstention(len(known), sum(g is None for g in known), len(unknown), sum(g is not None for g in unknown))
