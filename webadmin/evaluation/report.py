"""Figures as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dialogue.scenarios.intake_102.schema import Category, Department
from webadmin.evaluation import pictures
from webadmin.evaluation.cases import Accepted, Case
from webadmin.evaluation.comparing import differences, discordances
from webadmin.evaluation.judging import URGENCIES, Judged, judge, levels_over
from webadmin.evaluation.metrics import (
    MEASURES,
    Measure,
    Score,
    abstention,
    class_scores,
    confusion,
    critical_found,
    pairs,
    right,
    triage,
)
from webadmin.evaluation.significance import bootstrap, wilson

ORDERS: dict[str, tuple[str, ...]] = {
    "urgency": URGENCIES,
    "category": tuple(str(one) for one in Category),
    "recommended_department": tuple(str(one) for one in Department),
}
"""Fields that get a table by class and a picture, and the order of their classes."""

_NULLS = ("urgency", "category", "address", "current_danger", "people_involved", "weapons", "recommended_department")


@dataclass(frozen=True, slots=True)
class Injection:
    """One injected call: the fields that are lower than in the same call without it, and those that differ."""

    case_id: str
    lowered: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Calls of one split through one engine.

    Args:
        title: of the section.
        judged: the calls with their answers.
        injections: injected calls against the same without it; empty where they were not compared.
        error_rate: word errors per word of the degraded text; None for text as it is.
    """

    title: str
    judged: Sequence[Judged]
    injections: Sequence[Injection] = ()
    error_rate: float | None = None


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def section(found: Section) -> str:
    """All tables of a section."""
    parts = [f"## {found.title}", _about(found), headline(found.judged), "### Triage", _triage(found.judged)]
    if found.error_rate is not None:
        return "\n\n".join(parts)
    for field in ORDERS:
        title = field.replace("recommended_", "").capitalize()
        parts += [f"### {title} by class", _classes(found.judged, field)]
    parts += ["### Nulls", _nulls(found.judged), "### By tag and by theme", _groups(found.judged)]
    parts += ["### Injections", _injections(found)]
    for field in ("urgency", "category"):
        picture = pictures.as_text(confusion(pairs(found.judged, field)), ORDERS[field])
        parts += [f"### {field.capitalize()}: labels (rows) and answers", f"```text\n{picture}\n```"]
    return "\n\n".join(parts)


def headline(judged: Sequence[Judged]) -> str:
    """Every measure over all calls, with its 95 % interval, and per language."""
    languages = _languages(judged)
    strict = [judge(_label_only(one), one.answers, error=one.error) for one in judged]
    rows = []
    for measure in MEASURES:
        value = measure.tally(judged).value()
        goal = "" if measure.goal is None else f"≥ {measure.goal:.2f} {_met(value, measure.goal)}"
        per_language = [_figure(measure.tally(_of(judged, code)).value()) for code in languages]
        whole = f"**{_figure(value)}** {_interval(measure, judged)}"
        rows.append([measure.name, goal, whole, *per_language, _figure(measure.tally(strict).value())])
    return table(["measure", "goal", "all (95 %)", *languages, "label only"], rows)


def comparison(first: Section, second: Section, names: tuple[str, str]) -> str:
    """Two engines over the same calls, in the same order."""
    one, other = names
    figures = [
        [d.name, _figure(d.first), _figure(d.second), _signed(d.first, d.second, d.interval), _p(d.p)]
        for d in differences(first.judged, second.judged)
    ]
    by_call = [
        [d.name, str(d.both), str(d.only_first), str(d.only_second), str(d.neither), _p(d.p)]
        for d in discordances(first.judged, second.judged)
    ]
    return "\n\n".join(
        [
            f"## {first.title}: {one} against {other} ({len(first.judged)} calls)",
            table(["measure", one, other, "difference (95 %)", "p"], figures),
            "p: paired bootstrap over calls, adjusted for the number of measures (Holm).",
            table(["calls", "both", f"only {one}", f"only {other}", "neither", "p"], by_call),
            "p: McNemar's exact test, adjusted for the number of rows (Holm).",
        ]
    )


def failures(judged: Sequence[Judged], most: int) -> str:
    """The worst answers with the words of the call. Only for calls of the development split.

    Raises:
        ValueError: one of the calls is for measuring.
    """
    if any(one.case.split != "development" for one in judged):
        raise ValueError("texts of measuring cases are not shown")
    wrong = sorted((one for one in judged if not all(one.right.values())), key=_weight, reverse=True)
    lines = [f"{len(wrong)} of {len(judged)} calls have a wrong field; the worst first."]
    for one in wrong[:most]:
        lines.append(f"\n{one.case.id} ({', '.join([one.case.language, *one.case.tags])})")
        lines += [f"  {said.asked}: {words}" for said, words in zip(one.case.said, one.heard, strict=True)]
        if one.error:
            lines.append(f"  no answer: {one.error}")
        for field in (name for name, good in one.right.items() if not good):
            wanted = " or ".join(str(value) for value in dict.fromkeys(one.case.accepted(field)))
            lines.append(f"  {field}: {one.answers[field]}, wanted {wanted}")
        if one.case.why:
            lines.append(f"  why: {one.case.why}")
    return "\n".join(lines)


def _weight(one: Judged) -> tuple[int, int]:
    """How bad an answer is: levels of urgency under the label first, then the number of wrong fields."""
    wanted, given = one.case.judged.get("urgency"), one.answers.get("urgency")
    under = 0
    if wanted is not None and not one.right["urgency"]:
        under = 4 if given is None else max(0, -levels_over(wanted, given))
    return under, sum(not good for good in one.right.values())


def _about(found: Section) -> str:
    judged = found.judged
    counts = ", ".join(f"{code} {len(_of(judged, code))}" for code in _languages(judged))
    hard = sum("hard" in one.case.tags for one in judged)
    spent = sorted(one.seconds for one in judged)
    parts = [f"{len(judged)} calls ({counts}; {hard} hard)."]
    if found.error_rate is not None:
        parts.append(f"Text degraded as 8 kHz recognition does it: word error rate {found.error_rate:.2f}.")
    failed = [one for one in judged if one.error]
    if failed:
        codes = ", ".join(sorted({str(one.error) for one in failed}))
        parts.append(f"**{len(failed)} calls got no answer ({codes}); they count as wrong everywhere.**")
    if spent and spent[-1]:
        at = [1000 * spent[min(len(spent) - 1, int(share * len(spent)))] for share in (0.5, 0.99)]
        parts.append(f"One call took {at[0]:.1f} ms (median), {at[1]:.1f} ms (99 %).")
    return " ".join(parts)


def _triage(judged: Sequence[Judged]) -> str:
    head = ["", "calls", "right", "under by 1", "under by 2 or 3", "over by 1", "over by 2 or 3", "none given"]
    rows = []
    for name, some in _by_language(judged):
        found = triage(pairs(some, "urgency"))
        counts = (
            found.right,
            found.under_by_one,
            found.under_by_more,
            found.over_by_one,
            found.over_by_more,
            found.none_given,
        )
        rows.append([name, str(found.cases), *(_share(count, found.cases) for count in counts)])
    return table(head, rows)


def _classes(judged: Sequence[Judged], field: str) -> str:
    languages = _languages(judged)
    scores = class_scores(pairs(judged, field))
    by_language = {code: class_scores(pairs(_of(judged, code), field)) for code in languages}
    rows = []
    for name in (name for name in ORDERS[field] if name in scores):
        one = scores[name]
        local = [_figure(by_language[code].get(name, Score(0, 0, 0)).f1) for code in languages]
        figures = [_figure(one.precision), _figure(one.recall), _figure(one.f1)]
        rows.append([name, str(one.wanted), *figures, *local])
    return table(["class", "calls", "precision", "recall", "F1", *(f"F1 {code}" for code in languages)], rows)


def _nulls(judged: Sequence[Judged]) -> str:
    groups = _by_language(judged)
    rows = []
    for field in _NULLS:
        found = [abstention(some, field) for _, some in groups]
        rows.append(
            [
                field,
                *(_share(one.withheld, one.known) for one in found),
                _share(found[0].claimed, found[0].unknown),
            ]
        )
    note = "Null where the label is known, by language; and, last, something claimed where nothing may be."
    return table(["field", *(name for name, _ in groups), "claimed (all)"], rows) + "\n\n" + note


def _theme(one: Judged) -> str:
    """What follows the language in the file's name."""
    return one.case.file.partition("_")[2] or "without a theme"


def _groups(judged: Sequence[Judged]) -> str:
    tags = sorted({tag for one in judged for tag in one.case.tags})
    groups = [(tag, [one for one in judged if tag in one.case.tags]) for tag in tags]
    groups.append(("not hard", [one for one in judged if "hard" not in one.case.tags]))
    themes = sorted({_theme(one) for one in judged})
    groups += [(f"theme: {theme}", [one for one in judged if _theme(one) == theme]) for theme in themes]
    rows = []
    for tag, some in groups:
        found = triage(pairs(some, "urgency"))
        rows.append(
            [
                tag,
                str(len(some)),
                _of_all(critical_found(some)),
                _of_all(right(some, "urgency")),
                str(found.under_by_one + found.under_by_more + found.none_given),
                _of_all(right(some, "category")),
                _of_all(right(some, "weapons")),
                _of_all(right(some, "address")),
            ]
        )
    return table(["", "calls", "critical found", "urgency", "under-triage", "category", "weapons", "address"], rows)


def _injections(found: Section) -> str:
    number = len(found.injections)
    injected = [one for one in found.judged if "injection" in one.case.tags]
    under = triage(pairs(injected, "urgency"))
    below = under.under_by_one + under.under_by_more + under.none_given
    lowered = [one for one in found.injections if one.lowered]
    changed = [one for one in found.injections if one.changed]
    lines = [
        f"- {len(injected)} calls with an injection; {below} of them less urgent than their label",
        f"- {len(lowered)} of {number} lowered against the same call without it (wanted 0)",
        f"- {len(changed)} of {number} with another category or department than without it",
    ]
    lines += [f"- lowered: {one.case_id}: {', '.join(one.lowered)}" for one in lowered]
    return "\n".join(lines)


def _label_only(one: Judged) -> Case:
    return one.case.model_copy(update={"accept": Accepted()})


def _languages(judged: Sequence[Judged]) -> list[str]:
    return sorted({one.case.language for one in judged}, key=lambda code: (code != "ru", code != "kk", code))


def _of(judged: Sequence[Judged], language: str) -> list[Judged]:
    return [one for one in judged if one.case.language == language]


def _by_language(judged: Sequence[Judged]) -> list[tuple[str, Sequence[Judged]]]:
    return [("all", judged), *((code, _of(judged, code)) for code in _languages(judged))]


def _interval(measure: Measure, judged: Sequence[Judged]) -> str:
    tally = measure.tally(judged)
    if measure.is_share:
        found: tuple[float, float] | None = wilson(int(tally.hits.sum()), len(tally.hits))
    else:
        found = bootstrap(tally)
    return "" if found is None or not tally.hits.size else f"({found[0]:.2f}–{found[1]:.2f})"


def _met(value: float | None, goal: float) -> str:
    return "—" if value is None else "✓" if value >= goal else "✗"


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.1f} %)" if of else "—"


def _of_all(rights: Sequence[bool]) -> str:
    return f"{sum(rights)}/{len(rights)}" if rights else "—"


def _signed(first: float | None, second: float | None, interval: tuple[float, float] | None) -> str:
    if first is None or second is None or interval is None:
        return "—"
    return f"{second - first:+.3f} ({interval[0]:+.2f} to {interval[1]:+.2f})"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
