"""What becomes of incidents from before the review."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

MIGRATE = """
import json, uuid
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from webadmin.calls.models import Call
call_command("migrate", "calls", verbosity=0)
call_command("migrate", "incidents", "0001", verbosity=0)
now = timezone.now()
for status in ("new", "reviewed", "closed"):
    call = Call.objects.create(started_at=now)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO incidents_incident (call_id, summary, language, status, details, evidence, notes, source,"
            " engine, prompt_version, model_answer, final, created_at, updated_at)"
            " VALUES (%s, '', '', %s, '{}', '{}', '[]', '', '', '', '', 0, %s, %s)",
            [call.pk.hex, status, now, now],
        )
call_command("migrate", verbosity=0)
from webadmin.incidents.models import Incident
rows = Incident.objects.order_by("id").values_list("status", "closed_at", "updated_at")
print(json.dumps([[status, closed == updated if closed else None] for status, closed, updated in rows]))
"""


def test_reviewed_becomes_confirmed_and_what_was_closed_has_its_time(tmp_path: Path):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webadmin.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
    }
    done = subprocess.run([sys.executable, "-c", MIGRATE], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [["new", None], ["confirmed", None], ["closed", True]]
