"""``manage.py seed_demo``: a desk with invented calls, led by the scenario's real rules."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from webadmin.operations.command import HotlineCommand
from webadmin.operations.progress import Progress
from webadmin.operations.seed import desk, sound


class Command(HotlineCommand):
    help = "Fill the desk with invented calls of the last days, as the scenario's rules lead them; for a look at it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--calls", type=int, default=300, help="how many invented calls there shall be (300)")
        parser.add_argument("--days", type=int, default=14, help="over how many days they are spread (14)")
        parser.add_argument("--seed", type=int, default=1, help="another number gives other calls (1)")
        parser.add_argument("--clear", action="store_true", help="delete all invented calls instead, and nothing else")
        parser.add_argument("--force", action="store_true", help="also where the database holds real calls")

    def handle(self, *args: Any, calls: int, days: int, seed: int, clear: bool, force: bool, **options: Any) -> None:
        if not 0 <= calls <= desk.MOST_CALLS:
            raise CommandError(f"--calls must be between 0 and {desk.MOST_CALLS}.")
        if not 1 <= days <= desk.MOST_DAYS:
            raise CommandError(f"--days must be between 1 and {desk.MOST_DAYS}.")
        if clear:
            self.stdout.write(f"Removed {desk.clear()} invented calls.")
            return
        if not force and desk.has_real_calls():
            raise CommandError("The database holds real calls: --force adds invented ones beside them.")
        now = timezone.now()
        plans = desk.plan(calls, days, seed, now)
        if not plans:
            self.stdout.write("Nothing to do: these invented calls are there. --clear removes them.")
            return
        voice = sound.program()
        if voice is None:
            self.stdout.write(self.style.WARNING("Neither espeak-ng nor flite is installed: no call can be heard."))
        progress = Progress("Calls", len(plans), sys.stderr)
        measuring = logging.getLogger("webadmin.calls.hearing")
        level = measuring.level
        # A line about each recording would tear the bar apart.
        measuring.setLevel(logging.WARNING)
        try:
            made = desk.make(plans, seed, now, voice, progress.step)
        finally:
            measuring.setLevel(level)
            progress.end()
        self.stdout.write(
            self.style.SUCCESS(
                f"Added {made.calls} invented calls, {made.recordings} with a recording. --clear removes them."
            )
        )
