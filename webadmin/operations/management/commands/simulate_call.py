"""``manage.py simulate_call``: a whole call without Asterisk, journalled and stored like a real one."""

from __future__ import annotations

import json
import uuid
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dialogue.audio import Audio, AudioFormatError, read_wav
from dialogue.call import Call, CallFacts
from dialogue.events import Event, Interrupted, Recognised, Said
from dialogue.live.call import LiveCall
from dialogue.ports import Journal
from dialogue.scenarios import registry as scenarios
from webadmin.calls import services
from webadmin.incidents.documents import incident_document
from webadmin.operations.command import HotlineCommand
from webadmin.operations.door import open_journal_here
from webadmin.operations.file_line import FileLine
from webadmin.operations.live_file_line import RATE, LiveFileLine, Step
from webadmin.wiring import call_language, config, conversation, listen_limits, live_settings, open_engines


class ShownJournal:
    """A journal whose steps are shown as they are written."""

    def __init__(self, journal: Journal, show: Callable[[str], None]) -> None:
        self._journal = journal
        self._show = show

    async def record(self, call_id: str, event: Event) -> None:
        """Write a step down and show it. Raises JournalError."""
        await self._journal.record(call_id, event)
        match event:
            case Recognised():
                self._show(f"heard:     {event.text or '(no words)'}")
            case Interrupted():
                what = "falls silent" if event.outcome == "dropped" else "goes on after a moment"
                self._show(f"           the assistant {what} at {event.heard_seconds:.1f} s")
            case Said():
                delay = (
                    "" if event.delay_seconds is None else f" [{event.delay_seconds * 1000:.0f} ms after the caller]"
                )
                self._show(f"assistant: {event.text if event.whole else event.heard_text + ' …'}{delay}")


class Command(HotlineCommand):
    help = "Run a call whose caller says one WAV file a turn; prints the conversation and the incident as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scenario", default="intake_102")
        parser.add_argument("--language", default="")
        parser.add_argument("--live", action="store_true", help="in real time, hearing while it speaks")
        parser.add_argument("--cut-in", type=float, metavar="S", help="with --live: say each file S s into the reply")
        parser.add_argument(
            "--save", type=Path, help="folder for what the caller heard: one WAV a sentence; with --live one in stereo"
        )
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE.wav")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cut_in"] is not None and not options["live"]:
            raise CommandError("--cut-in needs --live: turn by turn nobody can cut in.")
        try:
            line = self._live_line(options) if options["live"] else FileLine(options["files"], self.stderr.write)
        except AudioFormatError as error:
            raise CommandError(str(error)) from error
        call_id = self.run_async(self._call(line, options["scenario"], options["language"]))
        services.finish_call(call_id)
        if options["save"]:
            options["save"].mkdir(parents=True, exist_ok=True)
            self._save(line, options["save"])
        self.stdout.write(json.dumps(incident_document(call_id), ensure_ascii=False, indent=2))

    def _live_line(self, options: dict[str, Any]) -> LiveFileLine:
        files: list[Path] = options["files"]
        steps = [Step(read_wav(path), into=options["cut_in"], name=path.name) for path in files]
        return LiveFileLine(steps, self.stderr.write)

    async def _call(self, line: FileLine | LiveFileLine, scenario: str, asked: str) -> str:
        chosen, call_id = config(), str(uuid.uuid4())
        language = call_language(chosen, scenarios.load(scenario), asked)
        async with open_engines(chosen) as engines, open_journal_here(chosen) as journal:
            facts = CallFacts(call_id, scenario, language, "simulate", "", "", engines.names)
            talk = conversation(chosen, engines.thinker, scenario, language)
            hears, speaks = engines.recogniser, engines.speaker
            if isinstance(line, LiveFileLine):
                shown = ShownJournal(journal, self.stderr.write)
                settings = live_settings(chosen)
                await LiveCall(facts, line, talk, hears, speaks, shown, engines.live_voice, settings).run()
            else:
                await Call(facts, line, talk, hears, speaks, journal, listen_limits(chosen)).run()
        return call_id

    def _save(self, line: FileLine | LiveFileLine, folder: Path) -> None:
        if isinstance(line, FileLine):
            self._save_sentences(line.heard, folder)
            return
        with wave.open(str(folder / "call.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(line.stereo())

    def _save_sentences(self, heard: list[Audio], folder: Path) -> None:
        for number, sound in enumerate(heard):
            (folder / f"{number:02d}.wav").write_bytes(sound.to_wav())
