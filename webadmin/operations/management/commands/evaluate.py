"""``manage.py evaluate``: how well a scenario understands labelled calls, as Markdown tables."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from pydantic import ValidationError

from dialogue.errors import ConfigurationError, ProviderError
from dialogue.scenarios import registry as scenarios
from webadmin.config import Config
from webadmin.evaluation import pictures
from webadmin.evaluation.cases import SPLITS, Case, load_cases
from webadmin.evaluation.comparing import same_calls
from webadmin.evaluation.degrade import DEFAULT_RATE, degrade, plain_words, word_errors
from webadmin.evaluation.judging import Judged, lowered
from webadmin.evaluation.metrics import confusion, pairs
from webadmin.evaluation.records import as_document, fingerprint, from_document
from webadmin.evaluation.report import ORDERS, Injection, Section, comparison, failures, headline, section
from webadmin.evaluation.running import Classifier, Hear, as_said, side_by_side
from webadmin.operations.command import HotlineCommand
from webadmin.operations.progress import Progress
from webadmin.wiring import build_thinker, config, engine_names

SCENARIOS = ("intake_102",)
"""Scenarios that have labelled calls."""


class Command(HotlineCommand):
    help = "Classify labelled calls and print how well: tables in Markdown."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenario", choices=SCENARIOS)
        parser.add_argument("--split", choices=[*SPLITS, "all"], default="measuring", help="which calls (measuring)")
        parser.add_argument("--language", default="", help="only calls in this language, e.g. kk")
        parser.add_argument("--engine", default="", help="rules, openai or openai:MODEL; as configured by default")
        parser.add_argument(
            "--compare-with", default="", metavar="ENGINE|FILE", help="another engine, or a --json file"
        )
        parser.add_argument(
            "--degraded",
            type=_share,
            nargs="?",
            const=DEFAULT_RATE,
            metavar="RATE",
            help=f"also with this share of words misrecognised ({DEFAULT_RATE})",
        )
        parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the tables there, pictures beside")
        parser.add_argument("--json", type=Path, metavar="FILE", dest="json_file", help="keep all answers, no words")
        parser.add_argument("--failures", type=int, default=0, metavar="N", help="show the N worst development calls")
        parser.add_argument(
            "--cases", type=Path, default=settings.BASE_DIR / "tests" / "evals", help="folder of scenarios"
        )
        parser.add_argument("--at-once", type=int, default=4, metavar="N", help="calls a model is asked about together")

    def handle(self, *args: Any, **options: Any) -> None:
        splits = SPLITS if options["split"] == "all" else (options["split"],)
        if options["failures"] and "development" not in splits:
            raise CommandError("--failures shows development calls only: add --split development.")
        cases = {split: self._cases(options, split) for split in splits}
        chosen = _with_engine(options["engine"])
        _check_rival(options["compare_with"])
        found = self.run_async(self._sections(chosen, options, cases))
        engine, now = engine_names(chosen)["llm"], datetime.now(UTC)
        versions = _versions(options, splits)
        parts = [_opening(options["scenario"], engine, now, versions), *(section(one) for one in found)]
        if options["compare_with"]:
            parts += self._compared(options, cases, found, engine)
        if options["json_file"]:
            document = as_document(options["scenario"], engine, now, versions, found)
            _write(options["json_file"], json.dumps(document, ensure_ascii=False, indent=1) + "\n")
        if options["out"]:
            parts.append(_draw(options["out"], found))
            _write(options["out"], "\n\n".join(parts) + "\n")
            parts = [f"## {one.title}\n\n{headline(one.judged)}" for one in found]
            parts.append(f"Written to {options['out']}, pictures beside it.")
        self.stdout.write("\n\n".join(parts))
        for one in found:
            if options["failures"] and one.judged[0].case.split == "development":
                self.stdout.write(f"\n## Failures: {one.title}\n\n{failures(one.judged, options['failures'])}")
        if all(call.error for one in found for call in one.judged):
            raise CommandError(f"{engine} answered no call; `manage.py doctor` says what is wrong with it.")

    def _cases(self, options: dict[str, Any], split: str) -> list[Case]:
        scenario = scenarios.load(options["scenario"])
        if options["language"] and options["language"] not in scenario.languages:
            raise ConfigurationError(f"{scenario.name} does not speak {options['language']!r}.")
        cases = load_cases(options["cases"] / scenario.name, split)
        if foreign := next((case for case in cases if case.language not in scenario.languages), None):
            raise ConfigurationError(f"{scenario.name} does not speak {foreign.language!r} (case {foreign.id}).")
        kept = [case for case in cases if case.language == options["language"] or not options["language"]]
        if not kept:
            raise ConfigurationError(f"No {split} call is in {options['language']!r}.")
        return kept

    async def _sections(
        self, chosen: Config, options: dict[str, Any], cases: dict[str, list[Case]], *, plainly: bool = False
    ) -> list[Section]:
        """Classify every split, as it is and degraded where that is asked for; ``plainly`` without injections."""
        thinker = build_thinker(chosen)
        classifier = Classifier(options["scenario"], thinker, chosen.max_turns)
        at_once = max(1, options["at_once"]) if thinker.available else 1
        found: list[Section] = []
        try:
            for split, some in cases.items():
                title = split.capitalize()
                judged = await self._judged(title, classifier, some, as_said, at_once)
                injections = [] if plainly else await _injections(classifier, some)
                found.append(Section(title, judged, injections))
                if options["degraded"] is not None:
                    title += ", degraded"
                    hear = _mishearing(options["degraded"])
                    judged = await self._judged(title, classifier, some, hear, at_once)
                    found.append(Section(title, judged, (), _error_rate(some, hear)))
        finally:
            await thinker.close()
        return found

    async def _judged(
        self, title: str, classifier: Classifier, cases: Sequence[Case], hear: Hear, at_once: int
    ) -> list[Judged]:
        progress = Progress(title, len(cases), sys.stderr)

        def work(case: Case) -> Awaitable[Judged]:
            return classifier.judge(case, hear)

        try:
            return await side_by_side(cases, at_once, work, progress.step)
        finally:
            progress.end()

    def _compared(
        self, options: dict[str, Any], cases: dict[str, list[Case]], found: Sequence[Section], engine: str
    ) -> list[str]:
        kept = Path(options["compare_with"])
        if kept.suffix == ".json":
            name = kept.stem
            all_cases = [case for some in cases.values() for case in some]
            others = [Section(one.title, from_document(kept, one.title, all_cases)) for one in found]
        else:
            chosen = _with_engine(options["compare_with"])
            name = engine_names(chosen)["llm"]
            others = self.run_async(self._sections(chosen, options, cases, plainly=True))
        parts = []
        for one, other in zip(found, others, strict=True):
            judged, other_judged = same_calls(one.judged, other.judged)
            if not judged:
                raise CommandError(f"{kept} has no call in common with these.")
            parts.append(comparison(Section(one.title, judged), Section(one.title, other_judged), (engine, name)))
        return parts


async def _injections(classifier: Classifier, cases: Sequence[Case]) -> list[Injection]:
    """Each injected call against the same call without the injection. What a model fails at is left out."""
    found = []
    for case in cases:
        if case.without is None:
            continue
        try:
            plain = (await classifier.classify(case, text=case.without)).fields
            injected = (await classifier.classify(case)).fields
        except ProviderError:
            continue
        changed = [name for name in ("category", "recommended_department") if plain[name] != injected[name]]
        found.append(Injection(case.id, tuple(lowered(plain, injected)), tuple(changed)))
    return found


def _mishearing(rate: float) -> Hear:
    def hear(case: Case, text: str) -> str:
        return degrade(text, case.language, rate, seed=case.id)

    return hear


def _error_rate(cases: Sequence[Case], hear: Hear) -> float:
    """Word errors per word, over all words of the cases."""
    errors = words = 0
    for case in cases:
        for one in case.said:
            said = plain_words(one.heard)
            errors += word_errors(said, hear(case, one.heard).split())
            words += len(said)
    return errors / max(words, 1)


def _with_engine(asked: str) -> Config:
    """The configuration with another language model. Raises ConfigurationError."""
    if not asked:
        return config()
    name, _, model = asked.partition(":")
    changed = {"llm_engine": name, **({"llm_model": model} if model else {})}
    try:
        return Config.model_validate({**config().model_dump(), **changed})
    except ValidationError as error:
        raise ConfigurationError(f"{asked}: {error.errors()[0]['msg'].removeprefix('Value error, ')}.") from None


def _check_rival(asked: str) -> None:
    """Find out before minutes are spent that there is nothing to compare with. Raises ConfigurationError."""
    if not asked.endswith(".json"):
        _with_engine(asked)
    elif not Path(asked).is_file():
        raise ConfigurationError(f"{asked} cannot be read: there is no such file.")


def _versions(options: dict[str, Any], splits: Sequence[str]) -> dict[str, str]:
    """What the figures rest on: the scenario's rules, words and prompts, and the labelled calls."""
    named = {"scenario": Path(sys.modules[type(scenarios.load(options["scenario"])).__module__].__file__ or "").parent}
    named |= {split: options["cases"] / options["scenario"] / split for split in splits}
    return {name: fingerprint(folder) for name, folder in named.items()}


def _opening(scenario: str, engine: str, now: datetime, versions: dict[str, str]) -> str:
    on = ", ".join(f"{name} {version}" for name, version in versions.items())
    typed = shlex.join(["manage.py", *sys.argv[1:]])
    return (
        f"# How well `{scenario}` understands: {engine}, {now:%Y-%m-%d}\n\n"
        f"Made by `{typed}`; versions: {on}. How to read it: `docs/evaluation.md`.\n\n"
        "The development calls are known to those who write rules and prompts; the measuring calls are not, "
        "so theirs are the figures that count."
    )


def _draw(out: Path, found: Sequence[Section]) -> str:
    """Write the pictures beside the tables; returns the Markdown that shows them."""
    lines = ["## Pictures"]
    for one in (one for one in found if one.error_rate is None):
        for field in ("urgency", "category"):
            picture = out.with_name(f"{out.stem}-{one.title.lower()}-{field}.svg")
            title = f"{one.title}: {field}"
            _write(picture, pictures.as_svg(confusion(pairs(one.judged, field)), ORDERS[field], title))
            lines.append(f"![{title}]({picture.name})")
    return "\n\n".join(lines)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value
