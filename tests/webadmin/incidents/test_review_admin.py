"""The review on the incident's page."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import IncidentFactory
from tests.webadmin.test_admin import form_of, page
from webadmin.incidents import merging, review
from webadmin.incidents.services import latest_version


def press(office, incident, step: str, **button):
    """A button of the page: its form goes with it."""
    address = reverse(f"admin:incidents_incident_{step}", args=[incident.pk])
    answer = office.post(address, {**form_of(incident), **button}, follow=True)
    incident.refresh_from_db()
    return answer.content.decode()


def test_the_buttons_lead_an_incident_to_its_end(office, incident):
    assert "In work with <strong>dispatcher</strong>" in press(office, incident, "claim")
    press(office, incident, "confirm")
    press(office, incident, "dispatch", department="rescue")
    text = press(office, incident, "close", reason="done")
    assert (incident.status, incident.dispatched_to) == ("closed", "rescue")
    assert '<span class="hl-label hl-status-closed">Closed</span>' in text
    assert "Undo the last step" in text
    assert "Take into work" not in text


def test_only_possible_steps_have_a_button(office, incident):
    text = office.get(page(incident)).content.decode()
    for step, there in (("claim", True), ("confirm", True), ("dispatch", False), ("release", False), ("split", False)):
        assert (f"/incidents/incident/{incident.pk}/{step}/" in text) == there


def test_what_somebody_has_in_hand_is_shown_and_refused(office, incident, person):
    review.claim(incident.pk, person=person("aigerim"), seen_version=0)
    text = office.get(page(incident)).content.decode()
    assert "<strong>aigerim</strong>" in text
    assert "Take into work" not in text
    assert "This incident is in work with aigerim." in press(office, incident, "confirm")
    assert incident.status == "claimed"
    saved = office.post(page(incident), form_of(incident, summary="x")).content.decode()
    assert "This incident is in work with aigerim." in saved


def test_the_enter_key_saves_and_takes_no_step(office, incident):
    text = office.get(page(incident)).content.decode()
    form = text[text.index('id="incident_form"') :]
    assert re.search(r'<(?:button|input)[^>]*type="submit"[^>]*>', form)[0].count('name="_continue"') == 1


def test_a_page_left_open_takes_no_step(office, incident, dispatcher):
    stale = form_of(incident)
    review.claim(incident.pk, person=dispatcher, seen_version=0)
    address = reverse("admin:incidents_incident_confirm", args=[incident.pk])
    assert "Reload the page" in office.post(address, stale, follow=True).content.decode()


def test_a_step_does_not_lose_corrections_that_are_not_saved(office, incident):
    assert "Save your corrections first." in press(office, incident, "confirm", address="Абая 17")
    assert incident.status == "new"


def test_a_false_call_needs_a_reason(office, incident):
    assert "Say why this is a false call." in press(office, incident, "false_call")
    press(office, incident, "false_call", reason="a prank")
    assert incident.status == "false_call"


def test_a_duplicate_is_suggested_merged_and_split(office, incident):
    other = IncidentFactory(address="ул. Абая д. 15")
    assert "Merge into that one" in office.get(page(incident)).content.decode()
    assert "Duplicate of incident" in press(office, incident, "merge", other=str(other.pk))
    assert incident.merged_into == other
    assert f"№ {incident.pk}</a>" in office.get(page(other)).content.decode()
    press(office, incident, "split")
    assert incident.merged_into is None
    press(office, incident, "false_call", reason="a prank")
    assert "Merge into that one" not in office.get(page(incident)).content.decode()


def test_more_duplicates_and_links_ask_the_database_no_more_often(
    office, incident, dispatcher, django_assert_max_num_queries
):
    def add() -> None:
        _suggested, duplicate, linked = (IncidentFactory(address="Абая 15") for _ in range(3))
        merging.merge(duplicate.pk, incident.pk, person=dispatcher, seen_version=0)
        seen = latest_version(incident.pk)
        merging.link(incident.pk, linked.pk, person=dispatcher, seen_version=seen)

    add()
    office.get(page(incident))
    with CaptureQueriesContext(connection) as first:
        office.get(page(incident))
    for _ in range(4):
        add()
    with django_assert_max_num_queries(len(first)):
        text = office.get(page(incident)).content.decode()
    assert text.count("Take the link back") == 5


@pytest.mark.parametrize("number", ["x", "", "²", "9" * 30, "-1", "999999"])
def test_a_duplicate_of_nothing_is_a_message(office, incident, number):
    assert "There is no such incident." in press(office, incident, "merge", other=number)


def test_a_step_needs_the_permission_and_a_post(client, person, office, incident):
    address = reverse("admin:incidents_incident_claim", args=[incident.pk])
    assert office.get(address).status_code == 405
    client.force_login(person("editor", "incidents.view_incident", "incidents.change_incident"))
    assert client.post(address, form_of(incident)).status_code == 403
    assert "Take into work" not in client.get(page(incident)).content.decode()


def test_the_page_marks_what_has_no_evidence_and_what_contradicts(office, incident):
    incident.evidence = {"weapons": {"turn": 1, "words": "с топором"}}
    incident.save()
    text = office.get(page(incident)).content.decode()
    assert "contradicts the conversation" in text
    assert "no evidence" in text
