"""``manage.py demo``: what `make demo` runs once everything is installed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser

from webadmin.calls.models import Call
from webadmin.operations import demo
from webadmin.operations.command import HotlineCommand


class Command(HotlineCommand):
    help = "Start the sandbox PBX and the services, place a real SIP call and print its incident as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--live", action="store_true", help="the live door: it hears while it speaks")
        parser.add_argument(
            "--language",
            choices=sorted(demo.CALLER_SAYS),
            default="en",
            help="of the caller (en); STT_ENGINE must know it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._show("Preparing the database")
        call_command("migrate", verbosity=0)
        folder = Path(settings.VAR_DIR)
        user = demo.ensure_user(folder / "demo_password")
        self.run_async(self._run(folder, *user, language=options["language"], live=options["live"]))

    async def _run(self, folder: Path, name: str, password: str, *, language: str, live: bool) -> None:
        ports = demo.choose_ports()
        before = {pk async for pk in Call.objects.values_list("pk", flat=True)}
        self._show("Starting the sandbox PBX and the services")
        uri = f"sip:{112 if live else 102}@127.0.0.1:{ports.sip}"
        async with demo.services(ports, folder / "log", self._show, language=language, live=live):
            self._show(f"Calling {uri}")
            await demo.place_call(ports.sip, self._show, language=language, live=live)
            document = await demo.incident_of_newest_call(before)
            if live:
                self._show(await demo.hearing_of(document["call_id"]))
            self._show(f"The admin: http://127.0.0.1:{ports.web}/admin/ (user {name}, password {password})")
            self.stdout.write(demo.as_json(document))
            if sys.stdin.isatty():
                self._show(f"Serving on; call {uri} from any SIP phone. Ctrl-C ends it.")
                await asyncio.Event().wait()

    def _show(self, text: str) -> None:
        self.stdout.write(f"== {text}")
        self.stdout.flush()
