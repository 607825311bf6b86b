"""``manage.py run_agi``: the turn-by-turn door, the journal's way into the database, and the PBX's end reports."""

from __future__ import annotations

from typing import Any

from webadmin.operations.agi_service import serve
from webadmin.operations.command import HotlineCommand
from webadmin.wiring import config


class Command(HotlineCommand):
    help = "Serve calls that Asterisk hands over with AGI(agi://…)."

    def handle(self, *args: Any, **options: Any) -> None:
        self.run_async(serve(config()))
