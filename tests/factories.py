"""Rows for tests: calls, turns, recordings and incidents as they look after a real call."""

from __future__ import annotations

from datetime import timedelta

import factory
from django.utils import timezone

from webadmin.calls.models import Call, CallHearing, Recording, Status, Turn
from webadmin.incidents.models import ENDED_STATUSES, Category, Department, Incident, IncidentStatus, Urgency


class CallFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Call

    scenario = "intake_102"
    door = "agi"
    language = "ru"
    caller_number = factory.Sequence(lambda n: f"+7701{n:07d}")
    dialled_number = "102"
    engines = factory.LazyFunction(lambda: {"stt": "pocketsphinx", "llm": "rules", "tts": "espeak"})
    status = Status.COMPLETED
    started_at = factory.LazyFunction(timezone.now)
    assistant_ended_at = factory.LazyAttribute(lambda call: call.started_at + timedelta(seconds=40))


class TurnFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Turn

    call = factory.SubFactory(CallFactory)
    number = factory.Sequence(lambda n: n)
    started_at = factory.LazyAttribute(lambda turn: turn.call.started_at)
    heard = "utterance"
    caller_text = "на улице драка"
    caller_language = "ru"
    confidence = 0.9
    reply_text = "Назовите адрес."
    reply_language = "ru"
    reply_purpose = "question"


class RecordingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Recording

    call = factory.SubFactory(CallFactory)
    file = factory.django.FileField(filename="call.wav", data=b"RIFF")
    seconds = 40.0
    rate = 8000


class CallHearingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CallHearing

    call = factory.SubFactory(CallFactory)
    answers = 2
    answer_p50 = 0.8
    answer_p95 = 1.15
    answer_longest = 1.2
    stt = "pocketsphinx"
    llm = "rules"
    tts = "espeak"
    computed_at = factory.LazyAttribute(lambda hearing: hearing.call.started_at + timedelta(seconds=60))
    details = factory.LazyFunction(
        lambda: {
            "seconds": 20.0,
            "caller": [{"start": 3.0, "end": 5.0}],
            "agent": [{"start": 0.5, "end": 2.5}],
            "silences": [],
        }
    )


class IncidentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Incident

    call = factory.SubFactory(CallFactory)
    urgency = Urgency.HIGH
    category = Category.ASSAULT
    address = "Абая 10"
    current_danger = True
    recommended_department = Department.POLICE
    summary = "Драка на улице"
    language = "ru"
    status = IncidentStatus.NEW
    source = "rules"
    engine = "rules"
    created_at = factory.LazyAttribute(lambda incident: incident.call.started_at)
    closed_at = factory.LazyAttribute(
        lambda incident: incident.created_at if incident.status in ENDED_STATUSES else None
    )
