"""``manage.py replay_journal``: bring in now what dead processes left in the journal, and end their calls."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from webadmin.calls import services, tasks
from webadmin.calls.segments import folders
from webadmin.calls.shipping import OUTAGE, adopt_dead_folders
from webadmin.wiring import config


class Command(BaseCommand):
    help = "Bring journals of processes that died into the database. A running door does this by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, help="root of the journals; JOURNAL_DIR by default")

    def handle(self, *args: object, folder: Path | None, **options: object) -> None:
        root = folder or config().journal_dir
        before = {found.name for found in folders(root)}
        try:
            ended = adopt_dead_folders(root)
        except OUTAGE as error:
            raise CommandError(f"The database or the disk refused, nothing is lost, try again: {error}") from error
        tasks.ask_to_finish(services.ready_to_finish(ended))
        left = {found.name for found in folders(root)}
        self.stdout.write(
            f"{len(before - left)} journals brought in, {len(ended)} calls ended, {len(left)} journals in use."
        )
