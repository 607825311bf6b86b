"""A door's record keeping as a whole: from the journal and the PBX's spool to a finished call."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.factories import IncidentFactory
from tests.webadmin.calls.steps import started, whole_call
from tests.webadmin.calls.test_recordings import leave, sound
from tests.webadmin.calls.test_shipping import dead_folder, lines_of, until
from webadmin.calls import keeper, services
from webadmin.calls.journal import DiskJournal
from webadmin.calls.models import Call
from webadmin.incidents.models import Incident

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_call_ends_finished_and_a_dead_neighbours_call_ends_too(
    tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch
):
    settings.SPOOL_DIR, settings.MEDIA_ROOT = tmp_path / "spool", tmp_path / "media"
    monkeypatch.setattr(keeper, "REPORT_SECONDS", 0.05)
    monkeypatch.setattr(keeper, "ADOPT_SECONDS", 0.05)
    monkeypatch.setattr(services, "classify_finally", lambda call: None)
    for name in ("recordings", "ended"):
        (settings.SPOOL_DIR / name).mkdir(parents=True)
    call_id, orphan = uuid4(), uuid4()
    leave(settings.SPOOL_DIR / "recordings" / f"{call_id}.wav", sound())
    journal = DiskJournal(tmp_path / "journal")

    def finished() -> bool:
        return (
            Call.objects.filter(pk=call_id, post_processed_at__isnull=False).exists()
            and Call.objects.filter(pk=orphan, status="failed").exists()
        )

    async def lead() -> None:
        keeping = asyncio.create_task(keeper.keep_records(journal, settings.SPOOL_DIR))
        for event in whole_call():
            await journal.record(str(call_id), event)
        await asyncio.to_thread(dead_folder, journal.root, lines_of(orphan, [started()]))
        report = settings.SPOOL_DIR / "ended" / f"{call_id}.txt"
        report.write_text(f"call_id={call_id}\nended={time.time()}\n")
        os.utime(report, (time.time() - 5, time.time() - 5))
        await until(finished)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(lead())
    journal.close()
    assert Call.objects.get(pk=call_id).recording.seconds == pytest.approx(1.0)
    assert Call.objects.get(pk=orphan).end_reason == "door_died"


def test_without_a_broker_it_also_releases_lapsed_claims(tmp_path: Path, settings):
    settings.SPOOL_DIR = tmp_path
    (tmp_path / "ended").mkdir()
    left = IncidentFactory(status="claimed", claimed_at=timezone.now() - timedelta(hours=1))
    journal = DiskJournal(tmp_path / "journal")

    async def keep() -> None:
        keeping = asyncio.create_task(keeper.keep_records(journal, tmp_path))
        await until(lambda: Incident.objects.filter(pk=left.pk, status="new", claimed_at=None).exists())
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(keep())
    journal.close()
