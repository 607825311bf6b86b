"""``manage.py run_ari``: the live door, the journal's way into the database, and the PBX's end reports."""

from __future__ import annotations

from typing import Any

from webadmin.operations.ari_service import serve
from webadmin.operations.command import HotlineCommand
from webadmin.wiring import config


class Command(HotlineCommand):
    help = "Serve calls that Asterisk hands over with Stasis(…): it hears while it speaks."

    def handle(self, *args: Any, **options: Any) -> None:
        self.run_async(serve(config()))
