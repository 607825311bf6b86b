"""The rules' finding and the trained classifier's opinion, joined into the floor under a model and a later turn.

What the rules found plainly stands, unless the classifier, which knows what they found, all but rules it out; it may
raise it. Where the rules found nothing or only guessed, it decides. Orders to the machine in a
caller's speech lower nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dialogue.scenarios.intake_102 import classifier
from dialogue.scenarios.intake_102.classifier import Floats, Opinion
from dialogue.scenarios.intake_102.features import extract
from dialogue.scenarios.intake_102.reading import Reading
from dialogue.scenarios.intake_102.rules import GUESSED, Answers, Evidence, Finding
from dialogue.scenarios.intake_102.schema import SEVERITY, Category, Department, IncidentReport, Urgency

LEAST = {Urgency.CRITICAL: 0.15, Urgency.HIGH: 0.5, Urgency.MEDIUM: 0.5}
"""Probability of "at least this urgent" from which it is taken as such. A critical call missed costs more than one too
many, so less is enough there."""

RAISING = {Urgency.CRITICAL: 0.5, Urgency.HIGH: 0.7, Urgency.MEDIUM: 0.7}
"""The same where it is more than the rules found plainly."""

_KEPT = {Urgency.CRITICAL: 0.05, Urgency.HIGH: 0.15, Urgency.MEDIUM: 0.15, Urgency.LOW: 0.0}
"""What the rules found plainly stands, unless "at least this urgent" is less likely than this."""

_SURE = 0.8
"""Probability of a kind of incident that is no guess: it needs no further question, and is a floor under a model."""

_OVERRULING = 0.5
"""Probability of another kind of incident than the one the rules found plainly."""

_CLAIMED = 0.5
"""Probability from which a weapon or danger is claimed."""

_RULED_OUT = {"weapons": 0.05, "current_danger": 0.1}
"""A weapon or danger that the rules found is left open where it is less likely than this."""

_CALM = 0.5
"""The same for weapons in a call that is more likely than not less urgent than high: most are tools, toys or talk."""

_FLAT = 0.15
"""Where no kind of incident is likelier than this, the words tell nothing."""

_FEW = 3
"""Words of a call up to which only a kind of incident that is sure is believed."""

_LONGEST_QUOTE = 12
"""Words of a clause that a finding rests on, at most."""

BY_CLASSIFIER = "by the trained classifier"
"""In the notes of what no rule said."""

_ORDERS = "order_to_machine"
_AROUND_ORDERS = ((0, 0), (0, 4), (4, 0))
"""Words before and behind an order that are left out with it, tried one after the other."""


def at_least(chances: Mapping[str, float], level: Urgency) -> float:
    """Probability of an urgency or a graver one."""
    return sum(chance for name, chance in chances.items() if SEVERITY[Urgency(name)] >= SEVERITY[level])


def rising(chances: Mapping[str, float], least: Mapping[Urgency, float] = LEAST) -> Urgency:
    """The gravest urgency of which "at least this" is likely enough."""
    return next((level for level in least if at_least(chances, level) >= least[level]), Urgency.LOW)


def weigh_up(readings: Sequence[Reading], rules: Finding, answers: Answers) -> Finding:
    """Join the classifier's opinion with what the rules found.

    Args:
        readings: everything the caller said.
        rules: what they concluded from it.
        answers: what the caller answered to a question: nothing is held against it.

    Raises:
        ConfigurationError: the model file cannot be read.
    """
    if not any(reading.tokens for reading in readings):
        return rules
    plain = rules.report.urgency is not None and GUESSED not in rules.notes
    opinion = _opinion(readings, rules)
    join = _Join(readings, opinion, rules.report.model_copy(), dict(rules.evidence), list(rules.notes))
    kind, chance = opinion.likeliest("category")
    if plain:
        join.correct()
    elif chance < _enough(rules.report, len(opinion.pushes)) or kind == Category.SILENT:
        return rules
    else:
        join.decide(sure=chance >= _SURE)
    join.claim("weapons")
    if answers.danger is None:
        join.claim("current_danger")
    return Finding(join.report, join.evidence, tuple(join.notes))


def _enough(found: IncidentReport, words: int) -> float:
    """Probability of a kind of incident from which it is believed: of a few words or a mere denial, when it is sure."""
    return _SURE if words <= _FEW or found.weapons is False else _FLAT


def _opinion(readings: Sequence[Reading], rules: Finding) -> Opinion:
    """Ask with and without the orders that a caller gives to the machine: the gravest opinion counts."""
    features = extract(readings, rules.report, GUESSED in rules.notes)
    words = sum(len(reading.tokens) for reading in readings)
    model = classifier.load()
    opinions = [model.ask(features, words)]
    for before, behind in _AROUND_ORDERS if _has_orders(readings) else ():
        ordered = _ordered(readings, words, before, behind)
        if not ordered.all():
            opinions.append(model.ask(features.without(ordered), words))
    return max(opinions, key=_gravity)


def _gravity(opinion: Opinion) -> tuple[int, float]:
    chances = opinion.chances["urgency"]
    return SEVERITY[rising(chances)], at_least(chances, Urgency.HIGH)


def _has_orders(readings: Sequence[Reading]) -> bool:
    return any(reading.has(_ORDERS) for reading in readings)


def _ordered(readings: Sequence[Reading], words: int, before: int, behind: int) -> NDArray[np.bool_]:
    """Which words of the call are orders to the machine, or stand by one."""
    found = np.zeros(words, dtype=np.bool_)
    first = 0
    for reading in readings:
        end = first + len(reading.tokens)
        for mention in reading.mentions:
            if mention.concept == _ORDERS:
                found[max(first, first + mention.start - before) : min(end, first + mention.end + behind)] = True
        first = end
    return found


@dataclass(slots=True)
class _Join:
    """The finding while the classifier's opinion goes into it."""

    readings: Sequence[Reading]
    opinion: Opinion
    report: IncidentReport
    evidence: Evidence
    notes: list[str]

    def decide(self, *, sure: bool) -> None:
        """Take everything from the classifier: the rules found nothing plain."""
        self._set_urgency(rising(self.opinion.chances["urgency"]))
        self._set_category()
        self.notes = [note for note in self.notes if note != GUESSED]
        if not sure:
            self.notes.append(GUESSED)

    def correct(self) -> None:
        """Raise what the rules found plainly, or lower what is all but ruled out; correct the kind of incident."""
        held = self.report.urgency
        assert held is not None
        chances = self.opinion.chances["urgency"]
        raised = rising(chances, RAISING)
        if SEVERITY[raised] > SEVERITY[held]:
            self._set_urgency(raised)
        elif at_least(chances, held) < _KEPT[held] and not _has_orders(self.readings):
            self._set_urgency(rising(chances))
        kind, chance = self.opinion.likeliest("category")
        if kind not in {self.report.category, Category.SILENT} and chance >= _OVERRULING:
            self._set_category()

    def claim(self, name: str) -> None:
        """A weapon or danger that the rules leave open, and none where it is all but ruled out."""
        chance = self.opinion.chances["facts"][name]
        held = getattr(self.report, name)
        if held is None and chance >= _CLAIMED:
            setattr(self.report, name, True)
            self._rest(name, "facts", name, chance)
        elif held and chance < self._ruled_out(name) and not _has_orders(self.readings):
            setattr(self.report, name, None)
            self.evidence.pop(name, None)
            if name == "weapons":
                self.report.weapon_kind = None
                self.evidence.pop("weapon_kind", None)
            self.notes.append(f"{name} left open {BY_CLASSIFIER} ({chance:.2f})")

    def _ruled_out(self, name: str) -> float:
        calm = at_least(self.opinion.chances["urgency"], Urgency.HIGH) < _CALM
        return _CALM if calm and name == "weapons" else _RULED_OUT[name]

    def _set_urgency(self, urgency: Urgency) -> None:
        self.report.urgency = urgency
        self._rest("urgency", "urgency", urgency, self.opinion.chances["urgency"][urgency])

    def _set_category(self) -> None:
        kind, chance = self.opinion.likeliest("category")
        self.report.category = Category(kind)
        self._rest("category", "category", kind, chance)
        department, likely = self.opinion.likeliest("recommended_department")
        self.report.recommended_department = Department(department)
        self._rest("recommended_department", "recommended_department", department, likely)

    def _rest(self, field: str, head: str, name: str, chance: float) -> None:
        """Say who found it, how likely it is, and in which words."""
        self.evidence[field] = _quote(self.readings, self.opinion.push(head, name))
        self.notes.append(f"{field} {getattr(self.report, field)} {BY_CLASSIFIER} ({chance:.2f})")


def _quote(readings: Sequence[Reading], pushes: Floats) -> dict[str, object]:
    """The clause that speaks most for a class, or of a long one the words that do."""
    best: tuple[float, Reading, int, int] | None = None
    first = 0
    for reading in readings:
        clauses = [token.clause for token in reading.tokens]
        for start in range(len(clauses)):
            if start and clauses[start] == clauses[start - 1] and start % (_LONGEST_QUOTE // 2):
                continue
            end = start + 1
            while end < len(clauses) and clauses[end] == clauses[start] and end - start < _LONGEST_QUOTE:
                end += 1
            weight = float(pushes[first + start : first + end].sum())
            if best is None or weight > best[0]:
                best = weight, reading, start, end
        first += len(clauses)
    assert best is not None
    _, reading, start, end = best
    return {"turn": reading.turn, "words": reading.words(start, end)}
