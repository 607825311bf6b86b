"""An incident as EIDO JSON: valid, true, and without what must not be told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from tests.webadmin.incidents.exchange.conftest import DOMAIN, reports
from tests.webadmin.incidents.exchange.schemas import eido_validator, type_codes
from webadmin.incidents.exchange.eido import PRIORITIES, eido_document
from webadmin.incidents.exchange.report import TYPE_CODES, UNKNOWN_TYPE_CODE
from webadmin.incidents.models import Category, Urgency


@pytest.fixture(scope="session")
def validator(schemas):
    return eido_validator(schemas)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def notes(document: dict[str, Any]) -> str:
    return "\n".join(note["notesActionComments"] for note in document.get("notesComponent", []))


def test_a_fight_with_all_that_is_known(told, validator):
    document = eido_document(told, domain=DOMAIN, with_numbers=True)
    validator.validate(document)
    assert document["$id"] == f"urn:emergency:uid:incidentid:0b7c3a529d1e4f6b8a775f1d2c3b4a59:{DOMAIN}"
    incident = document["incidentComponent"]
    expected = {
        "incidentTypeCommonRegistryText": "ASSAULT",
        "incidentTypeInternalText": "Нападение",
        "incidentCommonPriorityNumber": 7,
        "incidentPriorityInternalText": "high",
        "incidentStatusCommonRegistryText": ["Active"],
        "internalIncidentId": "41",
    }
    assert {name: incident[name] for name in expected} == expected
    [call] = document["callComponent"]
    assert (call["callStateRegistryText"], call["callStartTimestamp"]) == (
        "callQueued",
        "2026-03-08T12:30:15.250+00:00",
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(report=reports)
def test_whatever_stands_in_its_fields_it_is_valid(report, validator):
    for with_numbers in (False, True):
        document = eido_document(report, domain=DOMAIN, with_numbers=with_numbers)
        validator.validate(document)
        json.dumps(document, ensure_ascii=False).encode()
        ids = [node["$id"] for node in nodes(document) if "$id" in node]
        assert len(ids) == len(set(ids))
        assert {node["$ref"] for node in nodes(document) if "$ref" in node} <= set(ids)


def test_a_word_that_the_schema_does_not_know_is_found(told, validator):
    document = eido_document(told, domain=DOMAIN)
    document["incidentComponent"]["incidentPriority"] = 7
    assert not validator.is_valid(document)


def test_a_sure_address_is_a_location(told):
    told.incident.address = "Абая <15> & «угол»"
    document = eido_document(told, domain=DOMAIN)
    [location] = document["locationComponent"]
    assert document["incidentComponent"]["locationReference"] == [{"$ref": location["$id"]}]
    pidf = etree.fromstring(location["locationByValue"].encode())
    assert pidf.findtext(".//{urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr}LOC") == "Абая <15> & «угол»"
    assert location["locationTypeDescriptionRegistryText"] == "CurrentIncident"
    assert "точность адреса" not in notes(document)


def test_an_address_that_is_not_sure_is_only_the_callers_words(told):
    document = eido_document(replace(told, address_sure=False), domain=DOMAIN)
    assert "locationComponent" not in document
    assert "locationReference" not in document["incidentComponent"]
    assert "<p>Адрес со слов звонившего, не точно: улица Абая, 15</p>" in notes(document)


def test_numbers_are_told_to_who_may_see_them(told):
    document = eido_document(told, domain=DOMAIN, with_numbers=True)
    [callback] = document["callbackComponent"]
    assert callback["callBackInformationUri"] == ["tel:+77012345678"]
    assert callback["updatedCbn"]["updatedCbnIdentifierUri"] == "tel:+77273334455"
    assert document["personComponent"][0]["callBackReference"] == {"$ref": callback["$id"]}


def test_nobody_else_finds_a_number_anywhere(told):
    told.incident.summary = "Перезвонить на 8 701 234 56 78"
    text = json.dumps(eido_document(told, domain=DOMAIN), ensure_ascii=False)
    assert "callbackComponent" not in text
    for number in ("234", "7273334455", "333-44-55", "семь семьсот двадцать семь"):
        assert number not in text
    assert "Абая 15, звоните на •••" in text


@pytest.mark.parametrize(
    ("number", "uri"),
    [
        ("8 (701) 234-56-78", f"tel:87012345678;phone-context={DOMAIN}"),
        ("anonymous", None),
        ("", None),
        ("+7701<script>", None),
    ],
)
def test_only_what_can_be_dialled_is_a_number_to_call(told, number, uri):
    told.incident.call.caller_number = number
    told.incident.details = {}
    callbacks = eido_document(told, domain=DOMAIN, with_numbers=True).get("callbackComponent", [])
    assert [callback["callBackInformationUri"][0] for callback in callbacks] == ([uri] if uri else [])


def test_what_people_said_is_text_and_never_markup(told):
    told.turns[1].caller_text = '<script>alert("x")</script>\x00\x08'
    text = notes(eido_document(told, domain=DOMAIN))
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;</p>" in text
    assert "<script" not in text


def test_each_value_stands_with_the_words_it_rests_on_in_the_incidents_language(told):
    text = notes(eido_document(told, domain=DOMAIN))
    assert "<p>оружие: да — «с ножом»</p>" in text
    assert "<p>Звонивший: у магазина драка, двое с ножом</p>" in text
    assert '<div lang="ru">' in text


def test_it_says_that_nobody_has_checked_it_until_somebody_has(told):
    unchecked = "Ни один человек этого ещё не проверил."
    assert unchecked in notes(eido_document(told, domain=DOMAIN))
    document = eido_document(replace(told, changed_by_person=True, checked=True), domain=DOMAIN)
    assert unchecked not in notes(document)
    assert document["updatedByAgentReference"] == {"$ref": f"dispatcher@{DOMAIN}"}


def test_what_is_unknown_is_left_out(told):
    told.incident.urgency = told.incident.category = told.incident.people_involved = None
    incident = eido_document(told, domain=DOMAIN)["incidentComponent"]
    assert incident["incidentTypeCommonRegistryText"] == UNKNOWN_TYPE_CODE
    assert not {"incidentCommonPriorityNumber", "incidentTypeInternalText"} & set(incident)


def test_every_category_has_a_code_of_apco_and_every_urgency_a_priority(schemas):
    assert set(TYPE_CODES) == set(Category.values)
    assert {*TYPE_CODES.values(), UNKNOWN_TYPE_CODE} <= type_codes(schemas)
    assert sorted(Urgency.values, key=lambda urgency: -PRIORITIES[urgency]) == Urgency.values
