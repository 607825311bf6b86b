"""The review of an incident in a real browser, by the keyboard alone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.factories import IncidentFactory
from webadmin.incidents import review
from webadmin.incidents.models import Incident

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def look_at(page: Page, incident: Incident) -> None:
    page.goto(f"/admin/incidents/incident/{incident.pk}/change/")


def press(page: Page, button: str, status: str) -> None:
    page.get_by_role("button", name=button, exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#review .hl-label").first).to_have_text(status)


def test_from_new_to_closed_and_one_step_back(page: Page):
    incident = IncidentFactory(urgency="critical")
    look_at(page, incident)
    press(page, "Take into work", "In work")
    press(page, "Confirm", "Confirmed")
    press(page, "Dispatched: Rescue service", "Dispatched")
    press(page, "Close the incident", "Closed")
    press(page, "Undo the last step", "Dispatched")
    incident.refresh_from_db()
    assert (incident.status, incident.dispatched_to) == ("dispatched", "rescue")


def test_the_enter_key_in_a_field_saves_the_correction(page: Page):
    incident = IncidentFactory()
    look_at(page, incident)
    page.locator("#id_address").fill("Абая 17")
    page.keyboard.press("Enter")
    expect(page.locator("#review .hl-label").first).to_have_text("Corrected")
    expect(page.locator(".hl-history tbody tr").first).to_contain_text("Абая 10 → Абая 17")


def test_who_comes_second_is_told_who_was_first(page: Page):
    incident = IncidentFactory()
    look_at(page, incident)
    review.claim(incident.pk, person=User.objects.create_user("aigerim"), seen_version=0)
    page.get_by_role("button", name="Take into work", exact=True).click()
    expect(page.get_by_text("This incident is in work with aigerim.")).to_be_visible()
    expect(page.get_by_role("button", name="Take into work", exact=True)).to_have_count(0)


def test_a_duplicate_is_merged_where_it_is_suggested_and_split_again(page: Page):
    first, second = IncidentFactory(address="улица Сейфуллина, 512"), IncidentFactory(address="Сейфуллина 512")
    look_at(page, second)
    page.locator(".hl-duplicates").get_by_role("button", name="Merge into that one").click()
    expect(page.get_by_text("Duplicate of incident")).to_contain_text(f"№ {first.pk}")
    press(page, "Split off", "New")
    second.refresh_from_db()
    assert second.merged_into is None
