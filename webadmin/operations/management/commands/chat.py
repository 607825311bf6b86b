"""``manage.py chat``: the same conversation, typed."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from dialogue.scenarios import registry as scenarios
from dialogue.turns import NextStep, Transcript
from webadmin.operations.command import HotlineCommand
from webadmin.wiring import build_thinker, config, conversation, engine_names


class Command(HotlineCommand):
    help = "Type the caller's part of a conversation; an empty line is silence, Ctrl-D hangs up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scenario", default="intake_102")
        parser.add_argument("--language", default="", help="ru, kk, …; the scenario's first where missing")

    def handle(self, *args: Any, **options: Any) -> None:
        self.run_async(self._talk(options["scenario"], options["language"]))

    async def _talk(self, scenario: str, language: str) -> None:
        chosen = config()
        language = language or chosen.call_language or scenarios.load(scenario).languages[0]
        self.stderr.write(f"{scenario}, {language}, language model: {engine_names(chosen)['llm']}")
        thinker = build_thinker(chosen)
        try:
            talk = conversation(chosen, thinker, scenario, language)
            reply = talk.greet()
            while True:
                self.stdout.write(f"assistant: {reply.text}")
                if reply.then is not NextStep.LISTEN:
                    why = f" ({reply.reason.value})" if reply.reason else ""
                    self.stdout.write(f"→ {reply.then.value}{why}")
                    break
                self.stdout.write("caller:    ", ending="")
                self.stdout.flush()
                line = await asyncio.to_thread(sys.stdin.readline)
                if not line:
                    self.stdout.write("\n→ caller hung up")
                    break
                if not line.strip():
                    reply = talk.silence()
                    continue
                exchange = await talk.hear(Transcript(line.strip()))
                if exchange.failure is not None:
                    self.stderr.write(f"language model failed: {exchange.failure}")
                reply = exchange.turn.reply
            self.stdout.write(json.dumps(dict(talk.assessment().fields), ensure_ascii=False, indent=2))
        finally:
            await thinker.close()
