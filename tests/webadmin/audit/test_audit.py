"""The audit log: what gets into it, who reads it, and that nobody changes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from tests.webadmin.test_csv import EXPORT, rows_of
from webadmin.audit.models import Action, AuditEntry
from webadmin.audit.services import record
from webadmin.incidents.services import edit_incident

LIST = "/admin/audit/auditentry/"


@pytest.fixture
def auditor(client, person):
    client.force_login(person("auditor", "audit.view_auditentry"))
    client.cookies["django_language"] = "en"
    return client


def entries() -> list[tuple[str, str, str, dict]]:
    found = AuditEntry.objects.order_by("id")
    return [(entry.actor, entry.action, entry.object_kind, entry.detail) for entry in found]


def test_an_entry_stays_as_it_is(db):
    entry = record(Action.CLAIM, actor="aigerim", kind="incident", object_id=1)
    attempts = (
        lambda: AuditEntry.objects.update(actor="somebody else"),
        AuditEntry.objects.all().delete,
        entry.delete,
        entry.save,
    )
    for attempt in attempts:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            attempt()
    assert AuditEntry.objects.get().actor == "aigerim"


def test_the_same_on_sqlite(tmp_path: Path):
    attempt = """
import django
django.setup()
from django.core.management import call_command
from django.db import IntegrityError
from django.contrib.auth.models import User
from webadmin.audit.models import Action, AuditEntry
from webadmin.audit.services import record
from webadmin.incidents import desk, review
from webadmin.calls.models import Call
from webadmin.incidents.models import Incident
from django.utils import timezone
call_command("migrate", verbosity=0)
call = Call.objects.create(started_at=timezone.now())
incident = Incident.objects.create(call=call, created_at=timezone.now(), urgency="high")
person = User.objects.create_user("aigerim")
assert list(desk.waiting()) == [incident]
review.claim(incident.pk, person=person, seen_version=0)
assert list(desk.waiting()) == [] and list(desk.raised_after_review()) == []
for change in (lambda: AuditEntry.objects.update(actor="x"), AuditEntry.objects.all().delete):
    try:
        change()
    except IntegrityError as error:
        print(error)
call_command("migrate", "incidents", "0001", verbosity=0)
call_command("migrate", "audit", "zero", verbosity=0)
"""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webadmin.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
    }
    done = subprocess.run([sys.executable, "-c", attempt], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("audit entries are append-only") == 2


def test_a_playback_is_one_entry_however_it_is_fetched(office, recording):
    address = reverse("calls:recording", args=[recording.call_id])
    office.head(address)
    office.get(address, headers={"Range": "bytes=99999999-"})
    assert entries() == []
    b"".join(office.get(address, headers={"Range": "bytes=100-"}).streaming_content)
    b"".join(office.get(address, headers={"Range": "bytes=200-"}).streaming_content)
    assert entries() == [("dispatcher", "playback", "recording", {})]
    b"".join(office.get(address).streaming_content)
    assert len(entries()) == 2
    b"".join(office.get(f"/api/v1/calls/{recording.call_id}/recording/").streaming_content)
    assert {str(entry.call_id) for entry in AuditEntry.objects.all()} == {str(recording.call_id)}
    assert len(entries()) == 3


def test_exports_are_on_record_without_what_was_looked_for(office, incident):
    rows_of(office.get(EXPORT, {"q": "87012345678", "separator": "semicolon"}), ";")
    data = {"action": "export_selected", "_selected_action": [incident.pk]}
    rows_of(office.post("/admin/incidents/incident/", data))
    assert entries() == [
        ("dispatcher", "export", "incident", {"filters": ["q"]}),
        ("dispatcher", "export", "incident", {"filters": []}),
    ]


def test_an_entry_outlives_what_it_is_about_and_has_no_words_of_callers(client, person, incident, dispatcher):
    edit_incident(incident.pk, {"address": "Абая 17", "summary": "Тайна"}, person=dispatcher)
    client.force_login(person("root", is_superuser=True))
    client.post(reverse("admin:calls_call_delete", args=[incident.call_id]), {"post": "yes"})
    assert entries() == [
        ("dispatcher", "correct", "incident", {"fields": ["address", "summary"], "from": "new", "to": "corrected"}),
        ("root", "delete", "call", {}),
    ]


def test_the_log_is_read_and_filtered_and_nothing_else(auditor, incident, dispatcher):
    edit_incident(incident.pk, {"address": "Абая 17"}, person=dispatcher)
    record(Action.EXPORT, actor="aigerim", kind="call")
    text = auditor.get(LIST).content.decode()
    assert "dispatcher" in text
    assert "exported" in text
    for query, there in (
        ({"action__exact": "export"}, "aigerim"),
        ({"q": "aigerim"}, "aigerim"),
        ({"q": str(incident.call_id)}, "dispatcher"),
        ({"q": str(incident.pk)}, "dispatcher"),
    ):
        rows = auditor.get(LIST, query).context["cl"].result_list
        assert [entry.actor for entry in rows] == [there]
    entry = AuditEntry.objects.first()
    assert auditor.get(f"{LIST}{entry.pk}/change/").status_code == 200
    assert auditor.post(f"{LIST}{entry.pk}/change/", {"actor": "x"}).status_code == 403
    assert auditor.get(f"{LIST}add/").status_code == 403
    assert auditor.get(f"{LIST}{entry.pk}/delete/").status_code == 403


def test_the_log_is_not_for_dispatchers(office):
    assert office.get(LIST).status_code == 403


def test_a_longer_log_asks_the_database_no_more_often(auditor, django_assert_num_queries):
    for _ in range(20):
        record(Action.CLAIM, actor="aigerim", kind="incident")
    auditor.get(LIST)
    # Session, user, two for permissions, the count for the pages, the rows.
    with django_assert_num_queries(6):
        auditor.get(LIST)
