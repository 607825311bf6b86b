"""``manage.py render_prompts``: what scenarios say word for word is spoken ahead, into the cache that the doors use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from pydantic import ValidationError

from dialogue.errors import ConfigurationError
from dialogue.resilience import Policy
from dialogue.scenarios import registry as scenarios
from webadmin.config import Config
from webadmin.operations.command import HotlineCommand
from webadmin.operations.progress import Progress
from webadmin.operations.prompts import Rendered, announcements, fixed_prompts, render, render_files
from webadmin.wiring import build_speaker, config

PATIENCE = 120
"""Seconds for each prompt: nobody waits on the telephone meanwhile."""


class Command(HotlineCommand):
    help = "Speak the fixed prompts of every scenario ahead; what is there already is not made again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scenario", default="", help="only this one")
        parser.add_argument("--language", default="", help="only this one, e.g. kk")
        parser.add_argument("--engine", default="", help="as TTS_ENGINE, e.g. piper,espeak; as configured by default")
        parser.add_argument(
            "--announcements",
            type=Path,
            metavar="FOLDER",
            help="also the dialplan's announcements that this folder lacks (see sounds/README.md)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = _with_engine(options["engine"])
        found = self.run_async(self._render(chosen, options))
        for what, rendered in found.items():
            self.stdout.write(_told(what, rendered))
        if any(rendered.failed for rendered in found.values()):
            raise CommandError("Not everything was made; `manage.py doctor` says what is wrong with a voice.")

    async def _render(self, chosen: Config, options: dict[str, Any]) -> dict[str, Rendered]:
        known = [options["scenario"]] if options["scenario"] else sorted(scenarios.SCENARIOS)
        loaded = [scenarios.load(name) for name in known]
        languages = sorted({code for scenario in loaded for code in scenario.languages})
        if options["language"] and options["language"] not in languages:
            raise ConfigurationError(f"No scenario speaks {options['language']!r}: {', '.join(languages)}.")
        prompts = [
            prompt
            for scenario in loaded
            for language in scenario.languages
            if language == options["language"] or not options["language"]
            for prompt in fixed_prompts(scenario, language, int(chosen.media_rate))
        ]
        files = []
        if options["announcements"]:
            spoken = [options["language"]] if options["language"] else ["ru", "kk", "uk", "en"]
            manifest = settings.BASE_DIR / "sounds" / "manifest.yaml"
            files = announcements(manifest, options["announcements"], spoken)
        # A voice that lacks one language must not be left alone for the others.
        patience = Policy(PATIENCE, PATIENCE / len(chosen.tts_engine), attempts=1, failures=sys.maxsize)
        speaker = build_speaker(chosen, policy=patience)
        progress = Progress("Prompts", len(prompts) + len(files), sys.stderr)
        try:
            await speaker.start()
            found = {"prompts": await render(speaker, prompts, progress.step)}
            if files:
                found["announcements"] = await render_files(speaker, files, progress.step)
        finally:
            progress.end()
            await speaker.close()
        return found


def _with_engine(asked: str) -> Config:
    """The configuration with other voices. Raises ConfigurationError."""
    if not asked:
        return config()
    try:
        return Config.model_validate({**config().model_dump(), "tts_engine": asked})
    except ValidationError as error:
        raise ConfigurationError(f"{asked}: {error.errors()[0]['msg'].removeprefix('Value error, ')}.") from None


def _told(what: str, rendered: Rendered) -> str:
    by = ", ".join(f"{count} by {engine}" for engine, count in sorted(rendered.made.items()))
    told = f"{what}: {rendered.made.total()} made{f' ({by})' if by else ''}, {rendered.there} were there"
    if rendered.failed:
        failed = ", ".join(f"{count} {language}: {code}" for (language, code), count in sorted(rendered.failed.items()))
        told += f", {rendered.failed.total()} failed ({failed})"
    return told + "."
