"""What a dispatcher's desk shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import IncidentFactory
from tests.webadmin.incidents.test_merging import assess
from webadmin.incidents import desk, review
from webadmin.incidents.models import Incident
from webadmin.incidents.places import Told, same_place
from webadmin.incidents.services import edit_incident, latest_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]


def test_the_most_urgent_wait_first_and_among_them_the_oldest(dispatcher, person, django_assert_num_queries):
    now = timezone.now()
    for urgency, minutes in (("low", 9), ("critical", 1), ("critical", 2), (None, 3)):
        IncidentFactory(urgency=urgency, created_at=now - timedelta(minutes=minutes), address=f"{urgency} {minutes}")
    taken, left, ended = (IncidentFactory(urgency="critical", created_at=now, address=name) for name in "abc")
    review.claim(taken.pk, person=dispatcher, seen_version=0)
    review.confirm(left.pk, person=person("gone"), seen_version=0)
    Incident.objects.filter(pk=left.pk).update(claimed_at=now - timedelta(hours=1))
    review.mark_false(ended.pk, person=dispatcher, seen_version=0, reason="x")
    with django_assert_num_queries(1):
        waiting = [incident.address for incident in desk.waiting() if incident.call.status]
    assert waiting == ["critical 2", "critical 1", "b", "low 9", "None 3"]
    with django_assert_num_queries(1):
        assert list(desk.in_hand_of(dispatcher)) == [taken]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ru", "улица Абая, 15"), ("ru", "ул. Абая 15")),
        (("kk", "Абай көшесі 15"), ("ru", "на Абая, пятнадцать")),
        (("kk", "Абай көшесі он бес"), ("ru", "Абая 15")),
        (("kk", "Абай көшесі елу үш"), ("ru", "Абая 53")),
        (("ru", "Абая двадцать пять"), ("ru", "АБАЯ, д. 25")),
        (("ru", "Абая сто двадцать пять"), ("ru", "Абая 125")),
        (("ru", "Алматы, Сатпаева 5"), ("ru", "проспект Сатпаева, дом 5")),
        (("en", "Baker Street 221b"), ("en", "221B Baker St")),
        (("ru", "микрорайон 5 дом 12"), ("ru", "5 мкр 12")),
    ],
)
def test_one_place_in_other_words(one, other):
    (language, address), (other_language, other_address) = one, other
    assert same_place(Told(address, language), Told(other_address, other_language))
    assert same_place(Told(other_address, other_language), Told(address, language))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Абая 25", "Абая 20"),
        ("Абая двадцать пять", "Абая 205"),
        ("Абая 15", "Абая 15 а"),
        ("Сатпаева", "Сатпаева 5"),
        ("Сатпаева 5", "Абая 5"),
        ("дом 5", "дом 5"),
        ("улица", "проспект"),
        ("", ""),
    ],
)
def test_two_places(one, other):
    assert not same_place(Told(one, "ru"), Told(other, "ru"))


def test_the_same_place_within_half_an_hour_is_perhaps_one_event(dispatcher, django_assert_num_queries):
    now = timezone.now()
    incident = IncidentFactory(address="Абая 15", created_at=now)
    near = IncidentFactory(address="ул. Абая, д. 15", created_at=now - timedelta(minutes=2))
    nearer = IncidentFactory(address="Абая пятнадцать", created_at=now + timedelta(minutes=1))
    IncidentFactory(address="Абая 15", created_at=now - timedelta(minutes=31))
    IncidentFactory(address="Абая 17", created_at=now)
    IncidentFactory(address=None, created_at=now)
    IncidentFactory(address="Абая 15", created_at=now, merged_into=near)
    with django_assert_num_queries(1):
        assert desk.possible_duplicates(incident) == [nearer, near]
    assert desk.possible_duplicates(IncidentFactory(address=None)) == []


def test_each_field_tells_who_said_what(incident, dispatcher, django_assert_num_queries):
    incident.evidence = {"weapons": {"turn": 1, "words": "с ножом"}, "category": {"turn": 1, "words": "пожар"}}
    incident.notes = ["contradiction: current_danger True by the model, False by the words"]
    incident.save()
    edit_incident(incident.pk, {"address": "Абая 17"}, person=dispatcher)
    incident.refresh_from_db()
    with django_assert_num_queries(3):  # the call, the versions, the turns
        rows = {row["field"]: row for row in desk.field_rows(incident)}
    assert (rows["address"]["first"], rows["address"]["now"]) == ("улица Абая, 15", "Абая 17")
    assert (rows["address"]["set_by"], rows["address"]["mark"]) == ("dispatcher", "")
    assert rows["weapons"]["evidence"] == [{"words": "с ножом", "turn": 1}]
    marks = {name: row["mark"] for name, row in rows.items()}
    assert marks == {
        "urgency": "unsupported",
        "category": "contradicted",
        "address": "",
        "current_danger": "contradicted",
        "people_involved": "",
        "weapons": "",
        "recommended_department": "unsupported",
        "summary": "",
        "language": "",
    }


def test_a_machine_neither_undoes_a_confirmation_nor_is_its_word_lost(incident, dispatcher):
    incident.people_involved, incident.category = None, "theft"
    incident.save()
    review.confirm(incident.pk, person=dispatcher, seen_version=0)
    seen = latest_version(incident.pk)
    assess(incident, urgency="critical", category="robbery", people_involved=2, injuries=True)
    assert (incident.status, incident.urgency, incident.category) == ("confirmed", "high", "theft")
    assert (incident.people_involved, incident.details) == (2, {"injuries": True})
    assert incident.suggestions == {"urgency": "critical", "category": "robbery"}
    assert latest_version(incident.pk) > seen, "whoever has the page open is told"
    assert list(desk.raised_after_review()) == [incident]
    [urgency] = [row for row in desk.field_rows(incident) if row["field"] == "urgency"]
    assert (urgency["now"], urgency["suggestion"]) == ("High", "Critical")
    edit_incident(incident.pk, {"urgency": "critical"}, person=dispatcher)
    incident.refresh_from_db()
    assert incident.suggestions == {"category": "robbery"}


def test_of_two_suggested_urgencies_the_higher_stays_until_a_person_answers(incident, dispatcher):
    incident.urgency = "low"
    incident.save()
    review.confirm(incident.pk, person=dispatcher, seen_version=0)
    for urgency in ("critical", "medium", "low"):
        assess(incident, urgency=urgency)
    assert incident.suggestions == {"urgency": "critical"}
    decided = review.dispatch(incident.pk, "police", person=dispatcher, seen_version=latest_version(incident.pk))
    assert decided.suggestions == {}
    assert not desk.raised_after_review().exists()
    kept = [version.fields["suggestions"] for version in incident.versions.order_by("id")]
    assert kept == [None, None, {"urgency": "critical"}, None]


def test_a_machine_that_repeats_itself_leaves_no_further_version(incident, dispatcher):
    review.confirm(incident.pk, person=dispatcher, seen_version=0)
    assess(incident, urgency="critical")
    count = incident.versions.count()
    assess(incident, urgency="critical")
    assert incident.versions.count() == count


def test_a_machine_does_not_suggest_less_urgency(incident, dispatcher):
    review.confirm(incident.pk, person=dispatcher, seen_version=0)
    assess(incident, urgency="low")
    assert (incident.urgency, incident.suggestions) == ("high", {})
