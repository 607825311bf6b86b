"""Exports that a spreadsheet opens as what they are."""

from __future__ import annotations

import csv
import io

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections

from tests.factories import CallFactory, IncidentFactory
from webadmin.calls.csv_export import cell

EXPORT = "/admin/incidents/incident/export/"


def rows_of(answer, separator=",") -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:]), delimiter=separator))


def test_the_button_exports_what_is_filtered(office):
    IncidentFactory(urgency="critical", address="здесь", call=CallFactory(transcript="caller: пожар"))
    IncidentFactory(urgency="low", address="там")
    listed = office.get("/admin/incidents/incident/", {"urgency__exact": "critical"}).content.decode()
    assert f'href="{EXPORT}?urgency__exact=critical"' in listed
    answer = office.get(EXPORT, {"urgency__exact": "critical"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    [row] = rows_of(answer)
    assert (row["urgency"], row["address"], row["transcript"]) == ("critical", "здесь", "caller: пожар")


def test_header_names_are_stable(office, incident):
    [row] = rows_of(office.get(EXPORT))
    assert list(row) == [
        "id",
        "call_id",
        "created_at",
        "urgency",
        "category",
        "address",
        "current_danger",
        "people_involved",
        "weapons",
        "recommended_department",
        "summary",
        "language",
        "status",
        "caller_number",
        "call_status",
        "source",
        "engine",
        "prompt_version",
        "transcript",
    ]


def test_selected_rows_are_exported_by_the_action(office):
    chosen = IncidentFactory(address="chosen")
    IncidentFactory()
    data = {"action": "export_selected", "_selected_action": [chosen.pk]}
    assert [row["address"] for row in rows_of(office.post("/admin/incidents/incident/", data))] == ["chosen"]


def test_calls_are_exported_too(office, incident):
    CallFactory(status="failed")
    rows = rows_of(office.get("/admin/calls/call/export/", {"status__exact": "completed"}))
    assert [(row["caller_number"], row["urgency"]) for row in rows] == [("'+77012345678", "high")]


def test_excel_of_a_comma_country_gets_semicolons(office, incident):
    [row] = rows_of(office.get(EXPORT, {"separator": "semicolon", "urgency__exact": "high"}), ";")
    assert row["address"] == "улица Абая, 15"


def test_an_export_needs_the_permission_to_look(client, person, incident):
    client.force_login(person("stranger", "calls.view_call"))
    assert client.get(EXPORT).status_code == 403
    client.logout()
    assert client.get(EXPORT).status_code == 302


def test_a_nonsense_filter_exports_nothing(office, incident):
    assert office.get(EXPORT, {"nonsense": "1"}).status_code == 302


def test_a_long_export_asks_the_database_no_more_often(office, django_assert_max_num_queries):
    for _ in range(30):
        IncidentFactory()
    with django_assert_max_num_queries(8):
        assert len(rows_of(office.get(EXPORT))) == 30


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n"])
def test_no_cell_starts_a_formula(sign):
    assert cell(f"{sign}SUM(1)").startswith("'")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("  =1+1", "  '=1+1"),
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
        ('a",=1', "a\",'=1"),
        ("a\n@x", "a\n'@x"),
        ("улица Абая, 15", "улица Абая, 15"),
        ("two-storey house", "two-storey house"),
    ],
)
def test_a_formula_is_disarmed_wherever_a_cell_may_begin(text, safe):
    assert cell(text) == safe


def test_numbers_stay_numbers():
    assert [cell(value) for value in (None, True, False, 3, -1.5)] == ["", "true", "false", "3", "-1.5"]


@pytest.mark.django_db(transaction=True)
async def test_an_asynchronous_server_gets_the_export_piece_by_piece(async_client):
    user = await sync_to_async(User.objects.create_superuser)("root", password="a long pass phrase")
    for _ in range(3):
        await sync_to_async(IncidentFactory)(summary="ш" * 20_000)
    await sync_to_async(async_client.force_login)(user)
    answer = await async_client.get(EXPORT)
    assert answer.is_async
    pieces = [piece async for piece in answer.streaming_content]
    assert len(pieces) > 1
    assert b"".join(pieces).decode().count("ш") == 60_000
    # The thread that served outlives the test; its connection must not.
    await sync_to_async(connections.close_all)()
