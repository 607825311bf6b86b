"""EIDO and CAP over the API and from the incident's page."""

from __future__ import annotations

import pytest
from django.utils import timezone
from lxml import etree
from rest_framework.test import APIClient

from tests.factories import IncidentFactory, TurnFactory
from tests.webadmin.incidents.exchange.schemas import cap_schema, eido_validator
from webadmin.audit.models import AuditEntry
from webadmin.incidents.models import IncidentLink, IncidentVersion

API = "/api/v1/incidents"


@pytest.fixture
def reader(person) -> APIClient:
    client = APIClient()
    client.force_authenticate(person("reader", "incidents.view_incident"))
    return client


def add_version(incident, author: str, **fields) -> None:
    IncidentVersion.objects.create(incident=incident, at=timezone.now(), author=author, fields=fields)


def correct_address(incident) -> None:
    """Let a person set the address."""
    add_version(incident, "ai:rules", address="Абая")
    add_version(incident, "dispatcher", address=incident.address)


@pytest.mark.parametrize(("form", "content_type"), [("eido", "application/json"), ("cap", "application/cap+xml")])
def test_it_is_a_file_of_its_own_type_whatever_is_accepted(reader, incident, form, content_type):
    for accepted in ("*/*", "application/cap+xml", "text/html"):
        answer = reader.get(f"{API}/{incident.pk}/{form}/", HTTP_ACCEPT=accepted)
        assert (answer.status_code, answer["Content-Type"]) == (200, content_type)
    assert f"incident-{incident.pk}.{form}" in answer["Content-Disposition"]
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("form", ["eido", "cap"])
def test_it_is_read_by_those_who_may_read_incidents(client, person, incident, form):
    address = f"{API}/{incident.pk}/{form}/"
    assert client.get(address).status_code == 401
    stranger = APIClient()
    stranger.force_authenticate(person("stranger", "calls.view_call"))
    assert stranger.get(address).status_code == 403


@pytest.mark.parametrize("form", ["eido", "cap"])
@pytest.mark.parametrize("nothing", ["x", "0", "999999999999999999999", "1%00"])
def test_an_address_of_nothing_is_404(reader, incident, form, nothing):
    assert reader.get(f"{API}/{nothing}/{form}/").status_code == 404


@pytest.mark.parametrize("query", ["eido/?numbers=1", "cap/?summary=perhaps", "cap/?sumary=true"])
def test_nonsense_is_answered_with_400(reader, incident, query):
    assert reader.get(f"{API}/{incident.pk}/{query}").status_code == 400


def test_the_number_is_for_those_who_may_see_numbers(reader, person, incident):
    address = f"{API}/{incident.pk}/eido/"
    assert "callbackComponent" not in reader.get(address).json()
    client = APIClient()
    client.force_authenticate(person("trusted", "incidents.view_incident", "calls.view_caller_number"))
    [callback] = client.get(address).json()["callbackComponent"]
    assert callback["callBackInformationUri"] == ["tel:+77012345678"]


def test_an_address_is_sure_once_a_person_set_it(reader, incident):
    address = f"{API}/{incident.pk}/eido/"
    assert "locationComponent" not in reader.get(address).json()
    correct_address(incident)
    [location] = reader.get(address).json()["locationComponent"]
    assert location["locationDescriptionText"] == "улица Абая, 15"


def test_an_address_is_sure_where_the_assistant_is(reader, incident):
    incident.details = {"address_confidence": "high"}
    incident.save()
    alert = etree.fromstring(reader.get(f"{API}/{incident.pk}/cap/").content)
    assert alert.findtext(".//{*}areaDesc") == "улица Абая, 15"


def test_it_is_checked_once_a_person_corrected_it_and_not_by_taking_it_up(reader, incident):
    def certainty() -> str | None:
        return etree.fromstring(reader.get(f"{API}/{incident.pk}/cap/").content).findtext(".//{*}certainty")

    fields = {"status": "new", "urgency": "medium"}
    add_version(incident, "ai:rules", **fields)
    add_version(incident, "dispatcher", **fields | {"status": "claimed"})
    add_version(incident, "system:claims", **fields)
    assert certainty() == "Possible"
    add_version(incident, "dispatcher", **fields | {"urgency": "high"})
    assert certainty() == "Likely"


def test_the_summary_is_in_the_alert_only_where_it_is_asked_for(reader, incident):
    assert incident.summary not in reader.get(f"{API}/{incident.pk}/cap/").content.decode()
    assert incident.summary in reader.get(f"{API}/{incident.pk}/cap/", {"summary": "true"}).content.decode()


def test_ids_and_status_are_the_settings(reader, incident, settings):
    settings.EIDO_DOMAIN, settings.CAP_STATUS = "102.example.kz", "Test"
    assert reader.get(f"{API}/{incident.pk}/eido/").json()["issuingElementIdentification"] == "102.example.kz"
    assert b"<status>Test</status>" in reader.get(f"{API}/{incident.pk}/cap/").content


@pytest.mark.parametrize(("form", "queries"), [("eido", 8), ("cap", 5)])
def test_a_longer_conversation_asks_the_database_no_more_often(
    reader, incident, form, queries, django_assert_num_queries
):
    for number in range(2, 12):
        TurnFactory(call=incident.call, number=number)
        correct_address(incident)
        other = IncidentFactory(merged_into=incident)
        IncidentLink.objects.create(one=incident, other=other, at=timezone.now(), author="dispatcher")
    # Two for permissions, the incident, its versions, the audit log; for EIDO turns, duplicates, linked incidents.
    with django_assert_num_queries(queries):
        assert reader.get(f"{API}/{incident.pk}/{form}/").status_code == 200


def test_merged_and_linked_incidents_are_named(reader, incident):
    duplicate, relative = IncidentFactory(merged_into=incident), IncidentFactory()
    IncidentLink.objects.create(one=incident, other=relative, at=timezone.now(), author="dispatcher")

    def document(of) -> dict:
        return reader.get(f"{API}/{of.pk}/eido/").json()

    def merged(of) -> list[tuple[str, str]]:
        components = document(of)["mergeComponent"]
        return [(one["incidentTrackingIdentifier"], one["incidentMergeDirectionCode"]) for one in components]

    ids = {each.pk: document(each)["$id"] for each in (incident, duplicate, relative)}
    assert merged(incident) == [(ids[duplicate.pk], "REPLACED")]
    assert merged(duplicate) == [(ids[incident.pk], "REPLACING")]
    for one, other in ((incident, relative), (relative, incident)):
        [link] = document(one)["linkComponent"]
        assert (link["incidentTrackingIdentifier"], link["linkDirectionCode"]) == (ids[other.pk], "RELATED")
    alert = etree.fromstring(reader.get(f"{API}/{duplicate.pk}/cap/").content)
    assert alert.findtext("{*}incidents") == f"{ids[duplicate.pk]} {ids[incident.pk]}"


@pytest.mark.parametrize(("form", "name"), [("eido", "eido.json"), ("cap", "cap.xml")])
def test_who_took_an_incident_out_is_on_record(reader, incident, form, name):
    reader.get(f"{API}/{incident.pk}/{form}/")
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.object_id, entry.call_id, entry.detail) == (
        "reader",
        "export",
        str(incident.pk),
        incident.call_id,
        {"form": name},
    )


def test_what_the_database_has_is_valid(reader, incident, schemas):
    IncidentFactory(merged_into=incident)
    eido_validator(schemas).validate(reader.get(f"{API}/{incident.pk}/eido/").json())
    cap_schema(schemas).assertValid(etree.fromstring(reader.get(f"{API}/{incident.pk}/cap/").content))


def test_the_schema_describes_both(client, db):
    paths = client.get("/api/schema/", {"format": "json"}).json()["paths"]
    assert set(paths[f"{API}/{{id}}/eido/"]["get"]["responses"]["200"]["content"]) == {"application/json"}
    cap = paths[f"{API}/{{id}}/cap/"]["get"]
    assert set(cap["responses"]["200"]["content"]) == {"application/cap+xml"}
    assert "summary" in {parameter["name"] for parameter in cap["parameters"]}


def test_the_incidents_page_offers_both(office, incident):
    page = office.get(f"/admin/incidents/incident/{incident.pk}/change/").content.decode()
    for form, text in (("eido", "Save as EIDO"), ("cap", "Save as CAP")):
        assert f'<a href="{API}/{incident.pk}/{form}/">{text}</a>' in page
