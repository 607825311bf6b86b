"""``manage.py simulate_call``: a whole call without Asterisk, journalled and stored like a real one."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dialogue.audio import Audio, AudioFormatError
from dialogue.call import Call, CallFacts
from dialogue.scenarios import registry as scenarios
from webadmin.calls import services
from webadmin.incidents.documents import incident_document
from webadmin.operations.agi_service import open_journal
from webadmin.operations.command import HotlineCommand
from webadmin.operations.file_line import FileLine
from webadmin.wiring import call_language, config, conversation, listen_limits, open_engines


class Command(HotlineCommand):
    help = "Run a call whose caller says one WAV file a turn; prints the conversation and the incident as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scenario", default="intake_102")
        parser.add_argument("--language", default="")
        parser.add_argument("--save", type=Path, help="folder for what the caller heard, one WAV a sentence")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE.wav")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            line = FileLine(options["files"], self.stderr.write)
        except AudioFormatError as error:
            raise CommandError(str(error)) from error
        call_id = self.run_async(self._call(line, options["scenario"], options["language"]))
        services.finish_call(call_id)
        if options["save"]:
            self._save(line.heard, options["save"])
        self.stdout.write(json.dumps(incident_document(call_id), ensure_ascii=False, indent=2))

    async def _call(self, line: FileLine, scenario: str, asked: str) -> str:
        chosen, call_id = config(), str(uuid.uuid4())
        language = call_language(chosen, scenarios.load(scenario), asked)
        async with open_engines(chosen) as engines, open_journal(chosen) as journal:
            facts = CallFacts(call_id, scenario, language, "simulate", "", "", engines.names)
            talk = conversation(chosen, engines.thinker, scenario, language)
            await Call(facts, line, talk, engines.recogniser, engines.speaker, journal, listen_limits(chosen)).run()
        return call_id

    def _save(self, heard: list[Audio], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, sound in enumerate(heard):
            (folder / f"{number:02d}.wav").write_bytes(sound.to_wav())
