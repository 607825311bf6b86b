"""The same journal on SQLite, which the demo and small sites use: two processes apply it at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from tests.webadmin.calls.steps import entries, whole_call
from webadmin.calls.segments import Folder

APPLY = """
import json, sys
from pathlib import Path
import django
django.setup()
from webadmin.calls.models import Call, CallEvent
from webadmin.calls.segments import Entry, Folder, Place
from webadmin.calls.projection import apply_batch
from webadmin.calls.services import apply_retention, overdue
for line in Folder(Path(sys.argv[1])).read(Place()).lines:
    apply_batch([Entry.from_line(line)])
overdue()
apply_retention()
print(json.dumps([CallEvent.objects.count(), list(Call.objects.values_list("status", "incident__urgency"))]))
"""


def test_two_processes_apply_the_same_journal_to_sqlite_once(tmp_path: Path):
    folder = Folder.create(tmp_path / "journal", "door")
    calls = [entries(uuid4(), whole_call()) for _ in range(5)]
    folder.segment(1).write_bytes(b"".join(entry.to_line() for call in calls for entry in call))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webadmin.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
    }
    migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
    subprocess.run(migrate, env=environment, check=True, timeout=60)
    command = [sys.executable, "-c", APPLY, str(folder.path)]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=60)[0].splitlines()[-1]) for process in both]
    folder.release()
    assert max(count for count, _ in answers) == sum(map(len, calls))
    assert max(answers)[1] == [["completed", "high"]] * 5
