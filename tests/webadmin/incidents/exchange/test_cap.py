"""An incident as a CAP alert: valid, escaped, and without personal data."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from tests.webadmin.incidents.exchange.conftest import DOMAIN, reports
from tests.webadmin.incidents.exchange.schemas import cap_schema
from webadmin.incidents.exchange.cap import NAMESPACE, cap_alert
from webadmin.incidents.exchange.report import Report


@pytest.fixture(scope="session")
def schema(schemas):
    return cap_schema(schemas)


def alert(report: Report, status: str = "Actual", **options) -> etree._Element:
    return etree.fromstring(cap_alert(report, domain=DOMAIN, status=status, **options))


def said(element: etree._Element, *names: str) -> list[str | None]:
    return [element.findtext(f".//{{{NAMESPACE}}}{name}") for name in names]


def test_a_fight(told, schema):
    found = alert(told)
    schema.assertValid(found)
    assert said(found, "sender", "sent", "status", "msgType", "scope") == [
        DOMAIN,
        "2026-03-08T12:30:15-00:00",
        "Actual",
        "Alert",
        "Restricted",
    ]
    assert said(found, "language", "category", "event", "urgency", "severity", "certainty", "areaDesc") == [
        "ru",
        "Security",
        "Нападение",
        "Expected",
        "Severe",
        "Possible",
        "улица Абая, 15",
    ]
    assert said(found, "restriction") == ["Только для служб, которые занимаются этим происшествием."]
    pairs = {
        tuple(child.text for child in pair)
        for pair in found.iter(f"{{{NAMESPACE}}}parameter", f"{{{NAMESPACE}}}eventCode")
    }
    assert {("APCO ANS 2.103.2", "ASSAULT"), ("weapons", "true"), ("caller_safe_to_talk", "false")} <= pairs


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(report=reports)
def test_whatever_stands_in_its_fields_it_is_valid(report, schema):
    for with_summary in (False, True):
        schema.assertValid(alert(report, with_summary=with_summary))


def test_what_people_said_is_text_and_never_markup(told):
    told.incident.summary = "<b>Драка</b> & ]]> \x00\x1b🔥"
    told.incident.address = "Абая & <15>"
    description, place = said(alert(told, with_summary=True), "description", "areaDesc")
    assert description is not None
    assert description.startswith("<b>Драка</b> & ]]> 🔥\n")
    assert place == "Абая & <15>"


def test_no_word_of_the_caller_and_no_number_unless_the_summary_is_asked_for(told):
    told.incident.summary = "Иван Петров, 8 701 234 56 78, сообщает о драке"
    plain = cap_alert(told, domain=DOMAIN, status="Actual").decode()
    for private in ("Петров", "234", "с ножом", "333", "7273334455"):
        assert private not in plain
    assert (
        "Иван Петров, •••, сообщает о драке"
        in cap_alert(told, domain=DOMAIN, status="Actual", with_summary=True).decode()
    )


def test_a_place_that_is_not_sure_is_not_told(told):
    assert said(alert(replace(told, address_sure=False)), "areaDesc") == ["Место пока точно не известно."]


@pytest.mark.parametrize(
    ("fields", "urgency", "severity"),
    [
        ({"urgency": "critical"}, "Immediate", "Extreme"),
        ({"urgency": "critical", "current_danger": True}, "Immediate", "Extreme"),
        ({"urgency": "medium"}, "Expected", "Moderate"),
        ({"urgency": "low"}, "Future", "Minor"),
        ({"urgency": "low", "current_danger": True}, "Immediate", "Severe"),
        ({"urgency": None, "current_danger": None}, "Unknown", "Unknown"),
        ({"urgency": "critical", "status": "closed"}, "Past", "Extreme"),
    ],
)
def test_urgency_and_severity_go_by_urgency_and_danger(told, fields, urgency, severity):
    for name, value in fields.items():
        setattr(told.incident, name, value)
    assert said(alert(told), "urgency", "severity") == [urgency, severity]


def test_certainty_goes_by_what_people_found(told):
    assert said(alert(told), "certainty") == ["Possible"]
    assert said(alert(replace(told, checked=True)), "certainty") == ["Likely"]
    told.incident.status = "false_call"
    assert said(alert(told), "certainty") == ["Unlikely"]


def test_an_exercise_says_so(told):
    assert said(alert(told, status="Exercise"), "status") == ["Exercise"]


def test_a_changed_incident_is_another_alert_of_the_same_incident(told):
    before = alert(told)
    told.incident.updated_at += timedelta(milliseconds=1)
    after = alert(told)
    assert said(before, "identifier") != said(after, "identifier")
    assert said(before, "incidents") == said(after, "incidents")


def test_a_kind_that_nobody_knows_is_said_to_be_unknown(told):
    told.incident.category = None
    told.incident.language = "en"
    assert said(alert(told), "language", "event", "category") == ["en", "Kind of incident unknown", "Other"]
