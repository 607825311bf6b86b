"""What a dispatcher sees and may do in the admin."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import CallFactory, IncidentFactory
from webadmin.calls.models import Call, CallEvent
from webadmin.incidents.models import Incident, IncidentVersion

LIST = "/admin/incidents/incident/"


def addresses(response) -> list[str]:
    return re.findall(r'class="hl-place">([^<]*)<', response.content.decode())


def page(incident: Incident) -> str:
    return reverse("admin:incidents_incident_change", args=[incident.pk])


def form_of(incident: Incident, **changes) -> dict[str, str]:
    """What a browser sends when the page is saved."""
    newest = incident.versions.order_by("-id").first()
    return {
        "urgency": incident.urgency or "",
        "status": incident.status,
        "category": incident.category or "",
        "recommended_department": incident.recommended_department or "",
        "address": incident.address or "",
        "current_danger": {None: "unknown", True: "true", False: "false"}[incident.current_danger],
        "weapons": {None: "unknown", True: "true", False: "false"}[incident.weapons],
        "people_involved": "" if incident.people_involved is None else str(incident.people_involved),
        "language": incident.language,
        "summary": incident.summary,
        "reason": "",
        "seen_version": str(newest.pk if newest else 0),
        **changes,
    }


def test_the_most_urgent_come_first_when_asked(office):
    for urgency in ("low", None, "critical", "medium", "high"):
        IncidentFactory(urgency=urgency, address=urgency or "unknown")
    assert addresses(office.get(LIST, {"o": "1"})) == ["critical", "high", "medium", "low", "unknown"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"urgency__exact": "critical"}, "first"),
        ({"urgency__isnull": "True"}, "second"),
        ({"category__exact": "fire"}, "first"),
        ({"recommended_department__exact": "akimat"}, "second"),
        ({"status__exact": "closed"}, "second"),
        ({"language__exact": "kk"}, "second"),
        ({"current_danger__exact": "1"}, "first"),
        ({"weapons__exact": "1"}, "second"),
        ({"call__status__exact": "hung_up"}, "second"),
        ({"q": "FIRST"}, "first"),
        ({"q": "пылает склад"}, "first"),
        ({"q": '"пылает СКЛАД"'}, "first"),
        ({"q": "8 (701) 555-44-33"}, "second"),
    ],
)
def test_filters_and_search_find_the_one(office, query, found):
    IncidentFactory(
        address="first",
        urgency="critical",
        category="fire",
        recommended_department="rescue",
        language="ru",
        current_danger=True,
        weapons=False,
        call=CallFactory(transcript="caller: Пылает склад"),
    )
    IncidentFactory(
        address="second",
        urgency=None,
        category="noise",
        recommended_department="akimat",
        language="kk",
        status="closed",
        current_danger=False,
        weapons=True,
        call=CallFactory(status="hung_up", caller_number="+77015554433"),
    )
    assert addresses(office.get(LIST, query)) == [found]


def test_a_date_range_includes_both_its_days(office):
    today = timezone.localtime().replace(hour=12)
    for days in range(4):
        IncidentFactory(address=str(days), created_at=today - timedelta(days=days))
    day = (today - timedelta(days=2)).date().isoformat()
    until = (today - timedelta(days=1)).date().isoformat()
    found = office.get(LIST, {"created_at_from": day, "created_at_to": until})
    assert sorted(addresses(found)) == ["1", "2"]


@pytest.mark.parametrize(
    "query", [{"created_at_from": "yesterday"}, {"created_at_to": "9999-12-31"}, {"urgency__x": "1"}]
)
def test_a_nonsense_filter_is_no_server_error(office, query):
    IncidentFactory()
    assert office.get(LIST, query).status_code in (200, 302)


def test_a_longer_list_asks_the_database_no_more_often(office, django_assert_num_queries):
    IncidentFactory()
    office.get(LIST)
    for _ in range(12):
        IncidentFactory()
    # Session, user, two for permissions, the count for the pages, the rows.
    with django_assert_num_queries(6):
        assert len(addresses(office.get(LIST))) == 13


def test_a_longer_list_of_calls_asks_the_database_no_more_often(office, django_assert_num_queries):
    for _ in range(12):
        IncidentFactory()
    CallFactory()
    with django_assert_num_queries(6):
        office.get("/admin/calls/call/")


def test_the_page_shows_the_conversation_and_what_the_fields_rest_on(office, incident):
    text = office.get(page(incident)).content.decode()
    assert text.index("Что случилось?") < text.index("у магазина драка") < text.index("Назовите адрес.")
    assert "<mark>с ножом</mark>" in text
    assert "83 %" in text
    assert "weapons: raised by the rules" in text
    assert "openai:model-x" in text
    assert "abc123" in text
    assert "&quot;summary&quot;: &quot;&lt;b&gt;Драка&lt;/b&gt;&quot;" in text


def test_people_read_the_departments_in_russian(office, incident):
    office.cookies["django_language"] = "ru"
    text = office.get(page(incident)).content.decode()
    for department in ("Полиция", "Скорая", "МЧС", "Акимат"):
        assert f">{department}</option>" in text
    assert "Hotline" in text


def test_the_language_can_be_switched_in_the_header(office, incident):
    assert "Происшествия" not in office.get(LIST).content.decode()
    office.post("/i18n/setlang/", {"language": "ru", "next": LIST})
    assert "Происшествия" in office.get(LIST).content.decode()


def test_text_of_callers_and_models_is_shown_as_text(office, incident):
    attack = "<script>alert(1)</script>"
    incident.call.turns.filter(number=1).update(caller_text=attack, reply_text=attack)
    Incident.objects.update(
        address=attack,
        summary=attack,
        model_answer=attack,
        notes=[attack],
        evidence={attack: {"turn": 1, "words": attack}},
    )
    CallEvent.objects.create(call=incident.call, number=1, at=timezone.now(), kind=attack[:32], data={"text": attack})
    for address in (LIST, page(incident), reverse("admin:calls_call_change", args=[incident.call_id])):
        text = office.get(address).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    "evidence",
    [
        {"weapons": "с ножом"},
        {"weapons": ["с ножом", {"turn": 1, "words": "двое"}]},
        {"weapons": {"turn": "1", "words": None}},
        {"save": {"turn": 99, "words": ["a", "b"]}},
        ["not a mapping"],
        None,
    ],
)
def test_evidence_of_any_shape_shows_a_page(office, incident, evidence):
    incident.evidence = [] if evidence is None else evidence
    incident.save()
    assert office.get(page(incident)).status_code == 200


def test_a_correction_is_kept_with_its_author_and_shown(office, incident, dispatcher):
    answer = office.post(page(incident), form_of(incident, address="улица Абая, 17", urgency="critical"))
    assert answer.status_code == 302
    incident.refresh_from_db()
    assert (incident.address, incident.urgency, incident.urgency_rank) == ("улица Абая, 17", "critical", 0)
    before, after = incident.versions.order_by("id")
    assert before.fields["address"] == "улица Абая, 15"
    assert (after.author, after.fields["address"]) == ("dispatcher", "улица Абая, 17")
    text = office.get(page(incident)).content.decode()
    assert "<del>улица Абая, 15</del> → <ins>улица Абая, 17</ins>" in text


@pytest.mark.parametrize("lower", ["low", ""])
def test_urgency_goes_down_only_with_a_reason(office, incident, lower):
    refused = office.post(page(incident), form_of(incident, urgency=lower))
    assert "Say why the urgency is lowered." in refused.content.decode()
    incident.refresh_from_db()
    assert incident.urgency == "high"
    assert office.post(page(incident), form_of(incident, urgency=lower, reason="a prank")).status_code == 302
    incident.refresh_from_db()
    assert incident.urgency == (lower or None)
    assert incident.versions.order_by("-id").first().reason == "a prank"


def test_a_page_left_open_does_not_undo_what_happened_meanwhile(office, incident):
    stale = form_of(incident, summary="what I wrote")
    Incident.objects.filter(pk=incident.pk).update(urgency="critical")
    IncidentVersion.objects.create(incident=incident, at=timezone.now(), author="ai:rules", fields={})
    assert "Reload the page" in office.post(page(incident), stale).content.decode()
    incident.refresh_from_db()
    assert (incident.urgency, incident.summary) == ("critical", "Драка у магазина")


def test_saving_without_a_change_leaves_no_version(office, incident):
    assert office.post(page(incident), form_of(incident)).status_code == 302
    assert not incident.versions.exists()


def test_who_may_only_look_cannot_change(client, person, incident):
    client.force_login(person("reader", "incidents.view_incident"))
    assert client.get(page(incident)).status_code == 200
    assert client.post(page(incident), form_of(incident, summary="x")).status_code == 403


def test_what_happened_is_only_read(office, incident):
    call_page = reverse("admin:calls_call_change", args=[incident.call_id])
    assert office.get(call_page).status_code == 200
    assert office.post(call_page, {"caller_number": "1"}).status_code == 403
    for address in ("/admin/calls/call/add/", f"{LIST}add/", f"{call_page}../delete/", f"{page(incident)}../delete/"):
        assert office.get(address).status_code == 403


def test_a_superuser_deletes_a_call_with_its_sound(client, person, recording, django_capture_on_commit_callbacks):
    client.force_login(person("root", is_superuser=True))
    storage, name = recording.file.storage, recording.file.name
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("admin:calls_call_delete", args=[recording.call_id]), {"post": "yes"})
    assert not Call.objects.exists()
    assert not storage.exists(name)


def test_the_player_is_there_for_who_may_listen(office, client, person, recording):
    address = reverse("calls:recording", args=[recording.call_id])
    assert f'src="{address}"' in office.get(page(recording.call.incident)).content.decode()
    client.logout()
    client.force_login(person("deaf", "incidents.view_incident", "calls.view_call"))
    assert f'src="{address}"' not in client.get(page(recording.call.incident)).content.decode()


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("", 200, slice(None)),
        ("bytes=0-", 206, slice(0, None)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=63000-999999", 206, slice(63000, None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=9-2", 200, slice(None)),
    ],
)
def test_a_player_gets_the_part_it_asks_for(office, recording, sound, asked, status, part):
    answer = office.get(reverse("calls:recording", args=[recording.call_id]), headers={"Range": asked} if asked else {})
    body = b"".join(answer.streaming_content)
    assert (answer.status_code, answer["Content-Type"]) == (status, "audio/wav")
    assert body == sound[part]
    assert answer["Content-Length"] == str(len(body))
    if status == 206:
        first = part.indices(len(sound))[0]
        assert answer["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(sound)}"


@pytest.mark.parametrize("asked", ["bytes=9999999-", "bytes=-0"])
def test_a_part_beyond_the_end_is_refused(office, recording, sound, asked):
    answer = office.get(reverse("calls:recording", args=[recording.call_id]), headers={"Range": asked})
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(sound)}")


def test_a_recording_is_for_those_who_may_hear_it(client, person, recording):
    address = reverse("calls:recording", args=[recording.call_id])
    assert client.get(address).status_code == 302
    client.force_login(person("deaf", "calls.view_call"))
    assert client.get(address).status_code == 403


def test_a_recording_gone_from_the_storage_is_not_found(office, recording):
    recording.file.storage.delete(recording.file.name)
    assert office.get(reverse("calls:recording", args=[recording.call_id])).status_code == 404


def test_health_tells_whether_the_database_answers(client, db):
    assert client.get("/healthz").json() == {"status": "ok"}
