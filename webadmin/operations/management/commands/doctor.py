"""``manage.py doctor``: tries every part for real and says what to do about each that fails."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from dialogue.errors import ConfigurationError, ProviderError
from webadmin.config import Config
from webadmin.operations.checks import Finding, check_all
from webadmin.operations.command import HotlineCommand
from webadmin.operations.pbx_checks import check_live_door
from webadmin.wiring import config, engine_names, open_engines


class Command(HotlineCommand):
    help = "Try database, journal, spool, engines, door and broker, one after the other."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        engines: dict[str, str] = {}
        try:
            chosen = config()
            engines = engine_names(chosen)
            findings = self.run_async(self._examine(chosen))
        except ConfigurationError as error:
            findings = [Finding("configuration", False, str(error), "Correct it in .env.")]
        except ProviderError as error:
            findings = [Finding(error.stage.value, False, error.detail or error.code, "No engine of it starts.")]
        if options["json"]:
            document = {"engines": engines, "findings": [dataclasses.asdict(found) for found in findings]}
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            for stage, name in engines.items():
                self.stdout.write(f"  {stage}: {name}")
            for found in findings:
                mark = self.style.SUCCESS("ok  ") if found.ok else self.style.ERROR("FAIL")
                self.stdout.write(f"{mark} {found.name}: {found.detail}")
                if not found.ok:
                    self.stdout.write(f"     → {found.advice}")
        if not all(found.ok for found in findings):
            sys.exit(1)

    async def _examine(self, chosen: Config) -> list[Finding]:
        async with open_engines(chosen) as engines:
            return [*await check_all(chosen, engines), *await check_live_door(chosen)]
