"""A dispatcher's day in a real browser."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from webadmin.calls.models import Recording
from webadmin.incidents.models import Incident

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LIST = "/admin/incidents/incident/"


def heard_incident() -> Incident:
    """An incident of a call with a recording."""
    return Recording.objects.order_by("call__started_at").last().call.incident


def test_from_the_list_to_the_conversation(page: Page):
    page.goto(LIST)
    page.locator("#changelist-filter").get_by_role("link", name="Critical", exact=True).click()
    page.wait_for_url("**urgency__exact=critical**")
    labels = page.locator("#result_list .field-urgency_label")
    assert set(labels.all_inner_texts()) == {"Critical"}
    labels.first.get_by_role("link").click()
    page.wait_for_url("**/change/**")
    turns = page.locator(".hl-turn")
    assert turns.count() >= 2
    expect(page.locator(".hl-caller .hl-words").first).not_to_be_empty()
    expect(page.locator(".hl-caller mark").first).to_be_visible()


def test_the_category_menu_filters_at_once(page: Page):
    page.goto(LIST)
    page.get_by_label("category", exact=True).select_option(label="Noise")
    page.wait_for_url("**category__exact=noise**")
    assert set(page.locator("#result_list .field-category").all_inner_texts()) == {"Noise"}


def test_a_date_range_is_kept_with_the_other_filters(page: Page):
    page.goto(f"{LIST}?urgency__exact=low&o=1")
    page.get_by_label("from", exact=True).fill("2001-01-01")
    page.get_by_label("to", exact=True).fill("2001-01-31")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**created_at_to=2001-01-31**")
    assert "urgency__exact=low" in page.url
    assert "o=1" in page.url
    expect(page.locator("#result_list")).to_have_count(0)


def test_the_recording_plays_and_a_click_on_a_time_seeks(page: Page):
    incident = heard_incident()
    page.goto(f"{LIST}{incident.pk}/change/")
    player = page.locator("audio#recording")
    page.wait_for_function("document.querySelector('audio#recording').readyState >= 1")
    duration = player.evaluate("player => player.duration")
    assert duration == pytest.approx(incident.call.recording.seconds, abs=0.1)
    time = page.locator(".hl-caller .hl-time").first
    second = float(time.get_attribute("data-second"))
    assert second > 0
    time.click()
    page.wait_for_function(f"document.querySelector('audio#recording').currentTime >= {second}")


def test_the_export_button_downloads_what_is_listed(page: Page, tmp_path: Path):
    page.goto(f"{LIST}?urgency__exact=high")
    listed = page.locator("#result_list tbody tr").count()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    target = tmp_path / "export.csv"
    download.value.save_as(target)
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == listed > 0
    assert {row["urgency"] for row in rows} == {"high"}


def test_a_script_in_what_a_caller_says_does_not_run(page: Page):
    incident = heard_incident()
    attack = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    incident.call.turns.update(caller_text=attack, reply_text=attack)
    Incident.objects.filter(pk=incident.pk).update(address=attack, summary=attack, model_answer=attack, notes=[attack])
    for address in (LIST, f"{LIST}{incident.pk}/change/", f"/admin/calls/call/{incident.call_id}/change/"):
        page.goto(address, wait_until="load")
        assert attack in page.locator("body").inner_text()
        assert page.locator("img[src=x]").count() == 0
        assert page.title() != "owned"


def test_a_correction_stands_in_the_history(page: Page):
    incident = Incident.objects.filter(urgency="high", claimed_by=None, merged_into=None).first()
    page.goto(f"{LIST}{incident.pk}/change/")
    page.get_by_label("Urgency").select_option("low")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("Say why the urgency is lowered.")).to_be_visible()
    page.get_by_label("reason for the change").fill("the caller rang again: a mistake")
    page.get_by_role("button", name="Save and continue editing").click()
    newest = page.locator(".hl-history tbody tr").first
    expect(newest).to_contain_text("dispatcher")
    expect(newest).to_contain_text("the caller rang again: a mistake")
    expect(newest).to_contain_text("High → Low")


def test_the_language_is_switched_in_the_header(page: Page):
    page.goto(LIST)
    page.get_by_role("button", name="RU").click()
    expect(page.get_by_role("link", name="Выгрузить CSV")).to_be_visible()
    page.get_by_role("button", name="KK").click()
    expect(page.get_by_role("link", name="CSV шығару")).to_be_visible()


def test_the_api_page_shows_the_operations(page: Page):
    page.goto("/api/docs/")
    expect(page.get_by_text("/api/v1/incidents/", exact=True).first).to_be_visible()
