"""What dispatchers and integrators see of what callers heard."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from tests.factories import CallFactory, CallHearingFactory, TurnFactory
from webadmin.calls import pictures, stats
from webadmin.calls.models import Call, Turn

pytestmark = pytest.mark.django_db

STATS = "/api/v1/stats/hearing/"
NOON = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


@pytest.fixture
def api(dispatcher) -> APIClient:
    client = APIClient()
    client.force_authenticate(dispatcher)
    return client


def heard_call(waits: list[float], at: datetime = NOON, tts: str = "espeak", **call: Any) -> Call:
    made = CallFactory(started_at=at, **call)
    for number, seconds in enumerate(waits, 1):
        TurnFactory(call=made, number=number, answer_heard_seconds=seconds)
    CallHearingFactory(call=made, tts=tts)
    return made


def test_the_call_page_draws_who_spoke_and_where_the_wait_went(office):
    call = heard_call([])
    TurnFactory(
        call=call,
        number=1,
        answer_heard_seconds=1.6,
        end_silence=0.6,
        recognition_seconds=0.5,
        decision_seconds=0.1,
        synthesis_seconds=0.2,
        delay_seconds=1.55,
        filler_text="Секунду.",
        reply_whole=False,
        heard_text="Назовите",
        interruptions_resumed=1,
    )
    text = office.get(reverse("admin:calls_call_change", args=[call.pk])).content.decode()
    assert '<rect x="150.0" width="100.0"' in text, "the caller's words, of 20 s"
    assert text.count('<rect class="hl-part-') == 5
    assert '<rect class="hl-part-silence" x="0.0" width="375.0"' in text
    assert "1.60" in text.replace(",", ".")
    assert "Секунду." in text
    assert "Назовите</p>" in text


def test_a_call_that_was_not_measured_has_no_panel(office):
    text = office.get(reverse("admin:calls_call_change", args=[CallFactory().pk])).content.decode()
    assert "hl-hearing" not in text


@pytest.mark.parametrize("details", [{}, [], {"seconds": 0}, {"seconds": 5, "caller": [{"start": "x"}, None, {}]}])
def test_details_of_another_version_break_no_page(office, details):
    call = CallFactory()
    CallHearingFactory(call=call, details=details)
    assert office.get(reverse("admin:calls_call_change", args=[call.pk])).status_code == 200


def test_the_parts_of_a_wait_are_the_wait():
    turn = Turn(answer_heard_seconds=1.0, end_silence=0.4, recognition_seconds=0.3, synthesis_seconds=0.1)
    assert dict(pictures.wait_parts(turn)) == {"silence": 0.4, "recognition": 0.3, "synthesis": 0.1, "rest": 0.2}


def test_what_was_recognised_within_the_silence_cost_nothing():
    turn = Turn(answer_heard_seconds=0.5, end_silence=0.4, recognition_seconds=0.3, synthesis_seconds=0.08)
    assert dict(pictures.wait_parts(turn)) == {"silence": 0.4, "recognition": 0.02, "synthesis": 0.08}


def test_the_list_tells_the_median_and_asks_the_database_no_more_often(office, django_assert_num_queries):
    for _ in range(5):
        heard_call([0.8])
    with django_assert_num_queries(6):
        text = office.get("/admin/calls/call/").content.decode()
    assert text.count('field-heard_answer">0') == 5


def test_percentiles_per_day_and_engines(api):
    heard_call([0.5, 0.7, 0.9])
    heard_call([1.1, 2.0], at=NOON + timedelta(hours=1))
    heard_call([3.0], tts="cloud")
    heard_call([0.2], at=NOON + timedelta(days=1))
    heard_call([9.0], at=NOON - timedelta(days=40))
    found = api.get(STATS, {"from": "2026-11-20", "to": "2026-11-21"}).json()["results"]
    assert [(row["day"], row["tts"], row["calls"], row["answers"]) for row in found] == [
        ("2026-11-20", "cloud", 1, 1),
        ("2026-11-20", "espeak", 2, 5),
        ("2026-11-21", "espeak", 1, 1),
    ]
    assert (found[1]["answer_p50"], found[1]["answer_p95"]) == (0.9, pytest.approx(1.82))
    assert (found[1]["stops"], found[1]["stop_p50"], found[1]["stop_p95"]) == (0, None, None)


def test_days_are_the_offices_own(api):
    # 20:30 UTC is the next day at 01:30 in Almaty.
    heard_call([0.5], at=datetime(2026, 11, 20, 20, 30, tzinfo=UTC))
    assert api.get(STATS, {"from": "2026-11-20", "to": "2026-11-20"}).json()["results"] == []
    (row,) = api.get(STATS, {"from": "2026-11-21", "to": "2026-11-21"}).json()["results"]
    assert row["day"] == "2026-11-21"


def test_door_and_scenario_narrow_it_down(api):
    heard_call([0.5], door="ari")
    heard_call([1.5], door="agi", scenario="other")
    day = {"from": "2026-11-20", "to": "2026-11-20"}
    assert api.get(STATS, {**day, "door": "ari"}).json()["results"][0]["answer_p50"] == 0.5
    assert api.get(STATS, {**day, "scenario": "other"}).json()["results"][0]["answer_p50"] == 1.5
    assert api.get(STATS, {**day, "scenario": "none"}).json()["results"] == []


def test_more_calls_ask_the_database_no_more_often(api, django_assert_num_queries):
    for hour in range(20):
        heard_call([0.5, 0.6], at=NOON - timedelta(hours=6 * hour))
    # Two for permissions, one for everything else.
    with django_assert_num_queries(3):
        assert len(api.get(STATS, {"from": "2026-11-01", "to": "2026-11-20"}).json()["results"]) == 6


def test_python_and_the_database_agree():
    for number in range(12):
        heard_call([0.3 * number, 0.17 * number + 0.1], tts=f"voice{number % 3}")
    Turn.objects.filter(number=1).update(stop_heard_seconds=0.25)
    turns = stats._turns(date(2026, 11, 1), date(2026, 11, 30), "", "")
    assert connection.vendor == "postgresql"
    exact, ours = ([stats._rounded(row) for row in found(turns)] for found in (stats._in_database, stats._in_python))
    assert exact == ours
    assert len(ours) == 3


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2026-11-21", "to": "2026-11-20"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"to": "0001-01-01"},
        {"to": "9999-12-31"},
        {"dor": "ari"},
        {"door": "x" * 99},
        {"scenario": "a\0b"},
    ],
)
def test_a_question_that_makes_no_sense_is_told_so(api, query):
    assert api.get(STATS, query).status_code == 400


def test_it_needs_the_permission_to_see_calls(client, person):
    assert client.get(STATS).status_code == 401
    stranger = APIClient()
    stranger.force_authenticate(person("stranger"))
    assert stranger.get(STATS).status_code == 403


def test_the_api_documents_it(client):
    schema = client.get("/api/schema/", {"format": "json"}).json()
    described = schema["paths"][STATS]["get"]
    assert {one["name"] for one in described["parameters"]} == {"from", "to", "door", "scenario"}
    assert "answer_p95" in schema["components"]["schemas"]["HearingDay"]["properties"]


def test_a_call_of_the_api_tells_what_was_heard(api):
    call = heard_call([0.8])
    assert api.get(f"/api/v1/calls/{call.pk}/").json()["hearing"]["answer_p50"] == 0.8
    assert api.get(f"/api/v1/calls/{CallFactory().pk}/").json()["hearing"] is None
    (turn,) = api.get("/api/v1/turns/", {"call": str(call.pk)}).json()["results"]
    assert turn["answer_heard_seconds"] == 0.8


def test_the_page_of_days_draws_a_line_for_each_set_of_engines(office):
    today = timezone.now()
    heard_call([0.5, 1.5], at=today)
    heard_call([0.7], at=today - timedelta(days=10))
    heard_call([4.0], at=today, tts="cloud")
    assert 'href="/admin/calls/call/hearing/"' in office.get("/admin/calls/call/").content.decode()
    text = office.get("/admin/calls/call/hearing/").content.decode()
    assert "pocketsphinx · rules · cloud" in text
    assert 'hl-line-p50" points="666.7,130.0 1000.0,100.0"' in text, "2 s at the top: 0.7 s, then 1.0 s"
    assert 'hl-line-p95" points="1000.0,0.0 1000.0,0.0"' in text, "4 s is the top of its own chart"


def test_the_page_of_days_says_so_where_nothing_was_measured_and_shows_strangers_nothing(office, client, person):
    assert "hl-chart" not in office.get("/admin/calls/call/hearing/").content.decode()
    stranger = person("clerk", "incidents.view_incident")
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert client.get("/admin/calls/call/hearing/").status_code == 403
