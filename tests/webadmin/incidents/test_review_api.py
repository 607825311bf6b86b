"""The review over the API: steps, optimistic locking, and what is answered where a step is refused."""

from __future__ import annotations

import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.factories import IncidentFactory
from webadmin.audit.models import AuditEntry
from webadmin.incidents import review

API = "/api/v1/incidents"


@pytest.fixture
def api(dispatcher) -> APIClient:
    client = APIClient(HTTP_ACCEPT_LANGUAGE="en")
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=dispatcher).key}")
    return client


def post(api: APIClient, incident, step: str, body: dict | None = None, seen: str | None = None):
    headers = {"If-Match": seen or api.get(f"{API}/{incident.pk}/")["ETag"]}
    return api.post(f"{API}/{incident.pk}/{step}/", body or {}, format="json", headers=headers)


def test_the_whole_way_and_each_answer_has_the_next_tag(api, incident):
    tag = api.get(f"{API}/{incident.pk}/")["ETag"]
    assert tag == '"0"'
    for step, body, status in (
        ("claim", {}, "claimed"),
        ("release", {}, "new"),
        ("confirm", {}, "confirmed"),
        ("dispatch", {"department": "ambulance"}, "dispatched"),
        ("close", {"reason": "done"}, "closed"),
        ("reopen", {}, "dispatched"),
        ("false-call", {"reason": "nobody there"}, "false_call"),
    ):
        answer = post(api, incident, step, body, tag)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert answer["ETag"] != tag
        tag = answer["ETag"]
        assert api.get(f"{API}/{incident.pk}/")["ETag"] == tag
    assert answer.json()["dispatched_to"] == "ambulance"


def test_duplicates_and_links(api, incident):
    other = IncidentFactory()
    assert post(api, incident, "link", {"incident": other.pk}).status_code == 200
    assert post(api, incident, "link", {"incident": other.pk}).status_code == 409
    assert post(api, incident, "unlink", {"incident": other.pk}).status_code == 200
    assert post(api, incident, "merge", {"incident": other.pk}).json()["merged_into"] == other.pk
    assert [row["id"] for row in api.get(f"{API}/", {"merged_into": other.pk}).json()["results"]] == [incident.pk]
    assert [row["id"] for row in api.get(f"{API}/", {"waiting": "true"}).json()["results"]] == [other.pk]
    assert post(api, incident, "split").json()["merged_into"] is None
    assert post(api, incident, "merge", {"incident": 10**12}).json() == {"incident": ["There is no such incident."]}


def test_a_write_without_a_tag_is_asked_for_one(api, incident):
    address = f"{API}/{incident.pk}/"
    assert api.patch(address, {"summary": "x"}, format="json").status_code == 428
    assert api.post(f"{address}claim/", format="json").status_code == 428
    assert api.post(f"{address}claim/", format="json", headers={"If-Match": "*"}).status_code == 428


@pytest.mark.parametrize("tag", ['"999"', "0", 'W/"0"', '"x"', '"0", "1"', '"²"', '"99999999999999999999"'])
def test_a_write_with_another_tag_changes_nothing(api, incident, tag):
    address = f"{API}/{incident.pk}/"
    assert api.patch(address, {"summary": "x"}, format="json", headers={"If-Match": tag}).status_code == 412
    assert api.patch(address, {}, format="json", headers={"If-Match": tag}).status_code == 412
    answer = post(api, incident, "claim", seen=tag)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    incident.refresh_from_db()
    assert (incident.summary, incident.status) == ("Драка у магазина", "new")


def test_what_somebody_else_has_in_hand_or_the_state_forbids_is_a_conflict(api, incident, person):
    refused = post(api, incident, "close")
    assert (refused.status_code, refused.json()) == (
        409,
        {"detail": "Confirm or correct the incident first.", "code": "not_possible"},
    )
    review.claim(incident.pk, person=person("aigerim"), seen_version=0)
    answer = post(api, incident, "confirm")
    assert (answer.status_code, answer.json()["code"]) == (409, "claimed_by_another")
    assert answer.json()["detail"] == "This incident is in work with aigerim."
    tag = api.get(f"{API}/{incident.pk}/")["ETag"]
    change = api.patch(f"{API}/{incident.pk}/", {"summary": "x"}, format="json", headers={"If-Match": tag})
    assert change.status_code == 409
    assert api.get(f"{API}/{incident.pk}/").json()["claimed_by"] == "aigerim"


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("false-call", {}),
        ("false-call", {"reason": " "}),
        ("dispatch", {"department": "navy"}),
        ("dispatch", {}),
        ("merge", {}),
        ("merge", {"incident": -1}),
        ("merge", {"incident": 10**30}),
        ("link", {"incident": "x"}),
        ("close", {"reason": "x" * 201}),
    ],
)
def test_nonsense_is_answered_with_400(api, incident, step, body):
    assert post(api, incident, step, body).status_code == 400


@pytest.mark.parametrize("permission", ["incidents.change_incident", "incidents.review_incident"])
def test_a_step_needs_both_permissions(person, incident, permission):
    client = APIClient()
    client.force_authenticate(person("half", "incidents.view_incident", permission))
    assert post(client, incident, "claim").status_code == 403
    assert not AuditEntry.objects.exists()


def test_an_incident_that_is_not_there(api, incident):
    for pk in (10**17, "x", 10**30):
        assert api.post(f"{API}/{pk}/claim/", headers={"If-Match": '"0"'}).status_code == 404


def test_the_number_of_queries_does_not_depend_on_the_history(api, incident, django_assert_num_queries):
    for step in ("claim", "confirm", "reopen", "confirm"):
        post(api, incident, step)
    # Token, two for permissions, the version, the incident.
    with django_assert_num_queries(5):
        api.get(f"{API}/{incident.pk}/")


def test_the_schema_names_the_steps_and_the_tag(client, db):
    paths = client.get("/api/schema/", {"format": "json"}).json()["paths"]
    for step in (
        "claim release confirm dispatch close false-call reopen merge split link unlink".split()  # noqa: SIM905
    ):
        operation = paths[f"{API}/{{id}}/{step}/"]["post"]
        assert "If-Match" in [parameter["name"] for parameter in operation["parameters"]]
        assert {"200", "409", "412", "428"} <= set(operation["responses"])
    assert "If-Match" in [each["name"] for each in paths[f"{API}/{{id}}/"]["patch"]["parameters"]]
