"""``manage.py retain``: delete what is past its time, now; for sites that run neither Celery's beat nor a door."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from webadmin.calls.services import apply_retention


class Command(BaseCommand):
    help = "Delete recordings and calls past RECORDING_RETENTION_DAYS and CALL_RETENTION_DAYS."

    def handle(self, *args: object, **options: object) -> None:
        counts = apply_retention()
        self.stdout.write(", ".join(f"{count} {name}" for name, count in counts.items()) + " deleted.")
