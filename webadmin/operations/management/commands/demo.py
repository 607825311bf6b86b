"""``manage.py demo``: what `make demo` runs once everything is installed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from webadmin.calls.models import Call
from webadmin.operations import demo
from webadmin.operations.command import HotlineCommand


class Command(HotlineCommand):
    help = "Start the sandbox PBX and the services, place a real SIP call and print its incident as JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        self._show("Preparing the database")
        call_command("migrate", verbosity=0)
        folder = Path(settings.VAR_DIR)
        self.run_async(self._run(folder, *demo.ensure_user(folder / "demo_password")))

    async def _run(self, folder: Path, name: str, password: str) -> None:
        ports = demo.choose_ports()
        before = {pk async for pk in Call.objects.values_list("pk", flat=True)}
        self._show("Starting the sandbox PBX and the services")
        async with demo.services(ports, folder / "log", self._show):
            self._show(f"Calling sip:102@127.0.0.1:{ports.sip}")
            await demo.place_call(ports.sip, self._show)
            document = await demo.incident_of_newest_call(before)
            self._show(f"The admin: http://127.0.0.1:{ports.web}/admin/ (user {name}, password {password})")
            self.stdout.write(demo.as_json(document))
            if sys.stdin.isatty():
                self._show(f"Serving on; call sip:102@127.0.0.1:{ports.sip} from any SIP phone. Ctrl-C ends it.")
                await asyncio.Event().wait()

    def _show(self, text: str) -> None:
        self.stdout.write(f"== {text}")
        self.stdout.flush()
