"""``manage.py run_watchdog``: takes callers away from a live door that no longer serves them."""

from __future__ import annotations

from typing import Any

from webadmin.operations.command import HotlineCommand
from webadmin.operations.watchdog_service import watch


class Command(HotlineCommand):
    help = "Watch every run_ari over AMI; callers of one that gives no sign of life go to the operators."

    def handle(self, *args: Any, **options: Any) -> None:
        self.run_async(watch())
