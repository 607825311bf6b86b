"""What integrators get from the API, and what it refuses."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.factories import CallFactory, IncidentFactory
from webadmin.incidents.models import IncidentVersion

API = "/api/v1"


@pytest.fixture
def api(dispatcher) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=dispatcher).key}")
    return client


@pytest.mark.parametrize("what", ["calls", "turns", "incidents"])
def test_nobody_reads_without_a_token(client, db, what):
    answer = client.get(f"{API}/{what}/")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")


@pytest.mark.parametrize("what", ["calls", "turns", "incidents"])
def test_reading_needs_the_view_permission(person, incident, what):
    client = APIClient()
    client.force_authenticate(person("stranger"))
    assert client.get(f"{API}/{what}/").status_code == 403
    client.force_authenticate(person("reader", f"{'incidents' if what == 'incidents' else 'calls'}.view_{what[:-1]}"))
    assert client.get(f"{API}/{what}/").status_code == 200


def test_a_browser_session_is_enough(office, incident):
    assert office.get(f"{API}/incidents/").status_code == 200


def test_an_incident_has_the_fields_of_the_scenario_and_its_call(api, incident):
    [found] = api.get(f"{API}/incidents/").json()["results"]
    assert found == api.get(f"{API}/incidents/{incident.pk}/").json()
    expected = {
        "urgency": "high",
        "category": "assault",
        "address": "улица Абая, 15",
        "current_danger": True,
        "people_involved": None,
        "weapons": True,
        "recommended_department": "rescue",
        "summary": "Драка у магазина",
        "call_id": str(incident.call_id),
        "transcript": "caller: у магазина драка, двое с ножом",
        "engines": incident.call.engines,
    }
    assert {name: found[name] for name in expected} == expected


def test_a_call_and_its_turns_in_their_order(api, recording):
    call = recording.call
    found = api.get(f"{API}/calls/{call.pk}/").json()
    assert found["incident"] == call.incident.pk
    assert found["recording"].endswith(f"{API}/calls/{call.pk}/recording/")
    turns = api.get(f"{API}/turns/", {"call": str(call.pk)}).json()["results"]
    assert [(turn["number"], turn["caller_text"]) for turn in turns] == [(0, ""), (1, "у магазина драка, двое с ножом")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"urgency": ["critical", "high"]}, {"first", "third"}),
        ({"urgency": "null"}, {"second"}),
        ({"category": "fire"}, {"first"}),
        ({"recommended_department": "akimat"}, {"second"}),
        ({"status": "closed"}, {"second"}),
        ({"language": "kk"}, {"second"}),
        ({"current_danger": "true"}, {"first", "third"}),
        ({"weapons": "true"}, {"second"}),
        ({"call_status": "hung_up"}, {"second"}),
        ({"search": "пылает"}, {"first"}),
        ({"search": "87015554433"}, {"second"}),
        ({"final": "true"}, set()),
    ],
)
def test_filters(api, query, found):
    IncidentFactory(address="first", urgency="critical", category="fire", call=CallFactory(transcript="Пылает склад"))
    IncidentFactory(
        address="second",
        urgency=None,
        recommended_department="akimat",
        language="kk",
        status="closed",
        current_danger=False,
        weapons=True,
        call=CallFactory(status="hung_up", caller_number="+77015554433"),
    )
    IncidentFactory(address="third")
    assert {row["address"] for row in api.get(f"{API}/incidents/", query).json()["results"]} == found


def test_times_bound_what_is_found(api):
    now = timezone.now()
    for hours in range(4):
        CallFactory(started_at=now - timedelta(hours=hours), dialled_number=str(hours))
    query = {"started_after": (now - timedelta(hours=2)).isoformat(), "started_before": now.isoformat()}
    assert [row["dialled_number"] for row in api.get(f"{API}/calls/", query).json()["results"]] == ["1", "2"]


@pytest.mark.parametrize(
    "query",
    [
        {"urgency": "very"},
        {"urgncy": "high"},
        {"created_after": "yesterday"},
        {"created_after": "0001-01-01T00:00:00+05:00"},
        {"call": "not-a-uuid"},
        {"ordering": "address"},
        {"ordering": "call__caller_number"},
        {"search": "a\x00b"},
        {"page_size": "0"},
        {"page_size": "²"},
        {"cursor": "nonsense"},
        {"cursor": base64.b64encode(b"p=not-a-time").decode()},
        {"cursor": base64.b64encode(b"p=%00").decode()},
        {"cursor": base64.b64encode(b"o=99999999999999999999").decode()},
    ],
)
def test_nonsense_is_answered_with_400(api, incident, query):
    assert api.get(f"{API}/incidents/", query).status_code == 400


@pytest.mark.parametrize(
    "address", ["incidents/x/", "incidents/999999999999999999999/", "calls/x/", "calls/x/recording/"]
)
def test_an_address_of_nothing_is_404(api, address):
    assert api.get(f"{API}/{address}").status_code == 404


def test_pages_by_urgency_neither_skip_nor_repeat(api):
    for urgency in ("low", "critical", None, "high", "critical", "low", "critical", "medium", "low"):
        IncidentFactory(urgency=urgency)
    address, ranks, seen = f"{API}/incidents/?ordering=urgency_rank&page_size=2", [], set()
    while address:
        page = api.get(address).json()
        ranks += [row["urgency_rank"] for row in page["results"]]
        seen |= {row["id"] for row in page["results"]}
        address = page["next"]
    assert ranks == [0, 0, 0, 1, 2, 3, 3, 3, 4]
    assert len(seen) == 9


@pytest.mark.parametrize("what", ["calls", "incidents"])
def test_a_longer_page_asks_the_database_no_more_often(api, what, django_assert_num_queries):
    for _ in range(12):
        IncidentFactory()
    # Token, two for permissions, the rows: and no COUNT.
    with django_assert_num_queries(4):
        assert len(api.get(f"{API}/{what}/").json()["results"]) == 12


def test_a_correction_is_a_version_with_its_author(api, incident):
    address = f"{API}/incidents/{incident.pk}/"
    seen = api.get(address)["ETag"]
    answer = api.patch(address, {"urgency": "low", "reason": "a prank"}, format="json", headers={"If-Match": seen})
    assert (answer.status_code, answer.json()["urgency"], answer.json()["urgency_rank"]) == (200, "low", 3)
    newest = IncidentVersion.objects.order_by("-id")[0]
    assert (newest.author, newest.reason, newest.fields["urgency"]) == ("dispatcher", "a prank", "low")


@pytest.mark.parametrize(
    "change",
    [
        {"urgency": "low"},
        {"urgency": "very"},
        {"transcript": "x"},
        {"status": "closed"},
        {"summary": "x", "id": 3},
        {"people_involved": -1},
        ["x"],
    ],
)
def test_what_may_not_be_is_refused_whole(api, incident, change):
    answer = api.patch(f"{API}/incidents/{incident.pk}/", change, format="json", headers={"If-Match": '"0"'})
    assert answer.status_code == 400
    incident.refresh_from_db()
    assert (incident.urgency, incident.summary) == ("high", "Драка у магазина")


def test_correcting_needs_the_change_permission(person, incident):
    client = APIClient()
    client.force_authenticate(person("reader", "incidents.view_incident"))
    assert client.patch(f"{API}/incidents/{incident.pk}/", {"summary": "x"}, format="json").status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_calls_are_read_only(api, call, method):
    assert getattr(api, method)(f"{API}/calls/{call.pk}/", {}, format="json").status_code in (403, 405)


def test_the_recording_or_a_part_of_it(api, recording, sound):
    address = f"{API}/calls/{recording.call_id}/recording/"
    whole = api.get(address, HTTP_ACCEPT="audio/*")
    assert (whole.status_code, whole["Content-Type"]) == (200, "audio/wav")
    assert b"".join(whole.streaming_content) == sound
    part = api.get(address, HTTP_RANGE="bytes=100-199")
    assert (part.status_code, b"".join(part.streaming_content)) == (206, sound[100:200])
    assert api.get(address, HTTP_RANGE="bytes=99999999-").status_code == 416


def test_the_recording_is_for_those_who_may_hear_it(client, person, recording, call):
    address = f"{API}/calls/{recording.call_id}/recording/"
    assert client.get(address).status_code == 401
    deaf = APIClient()
    deaf.force_authenticate(person("deaf", "calls.view_call"))
    assert deaf.get(address).status_code == 403


def test_a_call_without_sound_has_no_recording(api, call):
    assert api.get(f"{API}/calls/{call.pk}/recording/").status_code == 404


def test_the_schema_is_openapi_3_1_and_the_page_loads_nothing_from_elsewhere(client, db):
    schema = client.get("/api/schema/", {"format": "json"}).json()
    assert schema["openapi"].startswith("3.1")
    assert f"{API}/calls/{{id}}/recording/" in schema["paths"]
    page = client.get("/api/docs/").content.decode()
    assert "swagger-ui" in page
    assert 'src="http' not in page
