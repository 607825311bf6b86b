"""``manage.py classify``: JSON lines in, JSON lines out, in the order they came."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import CommandParser
from pydantic import BaseModel, ConfigDict, ValidationError

from dialogue.errors import ConfigurationError, ProviderError
from dialogue.ports import Scenario
from dialogue.resilience import Thinker
from dialogue.scenarios import registry as scenarios
from dialogue.turns import Transcript
from webadmin.operations.command import HotlineCommand
from webadmin.wiring import build_thinker, config, conversation


class Case(BaseModel):
    """One line of input."""

    model_config = ConfigDict(extra="ignore")

    id: str | int
    text: str
    language: str | None = None


class Command(HotlineCommand):
    help = 'Read {"id", "language", "text"} a line from standard input and print {"id", …fields} for each.'

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scenario", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        failed = self.run_async(self._all(scenarios.load(options["scenario"])))
        if failed:
            self.stderr.write(f'{failed} lines could not be classified; each says why in its "error".')
            sys.exit(1)

    async def _all(self, scenario: Scenario) -> int:
        thinker = build_thinker(config())
        failed = 0
        try:
            for line in sys.stdin:
                if not line.strip():
                    continue
                answer = await self._one(scenario, thinker, line)
                failed += "error" in answer
                self.stdout.write(json.dumps(answer, ensure_ascii=False))
                self.stdout.flush()
        finally:
            await thinker.close()
        return failed

    async def _one(self, scenario: Scenario, thinker: Thinker, line: str) -> dict[str, Any]:
        try:
            case = Case.model_validate_json(line)
        except ValidationError as error:
            return {"id": None, "error": f"not a case: {error.errors()[0]['msg']}"}
        language = case.language or scenario.languages[0]
        try:
            talk = conversation(config(), thinker, scenario.name, language)
            assessment = await talk.classify([Transcript(case.text)] if case.text.strip() else [])
        except (ConfigurationError, ProviderError) as error:
            return {"id": case.id, "error": str(error)}
        return {"id": case.id, **assessment.fields}
