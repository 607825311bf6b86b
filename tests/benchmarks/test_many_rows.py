"""The rows that the office's benchmarks run on fit the tables as they are now."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.benchmarks.many_rows import fill
from webadmin.calls.models import Call
from webadmin.incidents.models import Incident, IncidentStatus, Urgency


@pytest.mark.django_db(transaction=True)
def test_calls_and_incidents_come_with_all_the_indexes_in_place():
    def indexes() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
            return {name for (name,) in cursor.fetchall()}

    before = indexes()
    made = fill(3000)
    assert indexes() == before
    assert made.rows == Call.objects.count() == Incident.objects.count() == 3000
    assert "3,000 calls with an incident each" in str(made)


@pytest.mark.django_db(transaction=True)
def test_they_are_as_various_as_real_ones():
    fill(3000)
    assert set(Incident.objects.values_list("urgency", flat=True)) == {*Urgency.values, None}
    assert set(Incident.objects.values_list("language", flat=True)) == {"ru", "kk", "en"}
    statuses = set(Incident.objects.values_list("status", flat=True))
    assert {IncidentStatus.CLOSED, IncidentStatus.FALSE_CALL, IncidentStatus.DISPATCHED} <= statuses
    assert Call.objects.values("transcript").distinct().count() > 2500
    for incident in Incident.objects.select_related("call")[:200]:
        assert incident.language == incident.call.language
        assert incident.created_at == incident.call.started_at
        if incident.address:
            assert incident.address in incident.call.transcript
        incident.full_clean()
