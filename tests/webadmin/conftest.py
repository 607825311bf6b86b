"""People with their rights, and a call with an incident, for the pages and the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.test import Client

from dialogue.audio import Audio
from tests.factories import CallFactory, IncidentFactory, TurnFactory
from webadmin.calls.models import Call, Recording
from webadmin.incidents.models import Incident


@pytest.fixture
def person(db):
    """Makes a user of the office with the given permissions, as ``app.codename``."""

    def make(name: str, *permissions: str, **fields) -> User:
        user = User.objects.create_user(name, password="a long pass phrase", is_staff=True, **fields)
        for permission in permissions:
            app, codename = permission.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        return user

    return make


@pytest.fixture
def dispatcher(person) -> User:
    return person(
        "dispatcher",
        "calls.view_call",
        "calls.view_turn",
        "calls.view_recording",
        "incidents.view_incident",
        "incidents.change_incident",
        "incidents.review_incident",
    )


@pytest.fixture
def office(client: Client, dispatcher: User) -> Client:
    """A browser in which the dispatcher is logged in; pages in English."""
    client.force_login(dispatcher)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def sound() -> bytes:
    """Two seconds of a WAV file, different in each part."""
    return Audio(bytes(range(256)) * 250, 16_000).to_wav()


@pytest.fixture
def recording(settings, tmp_path, incident: Incident, sound: bytes) -> Recording:
    settings.MEDIA_ROOT = tmp_path
    recording = Recording(call=incident.call, seconds=2.0, rate=16_000)
    recording.file.save("call.wav", ContentFile(sound))
    return recording


@pytest.fixture
def call(db) -> Call:
    call = CallFactory(caller_number="+77012345678", transcript="caller: у магазина драка, двое с ножом")
    TurnFactory(call=call, number=0, heard="", caller_text="", confidence=None, reply_text="Что случилось?")
    TurnFactory(
        call=call,
        number=1,
        caller_text="у магазина драка, двое с ножом",
        confidence=0.83,
        reply_text="Назовите адрес.",
    )
    return call


@pytest.fixture
def incident(call: Call) -> Incident:
    return IncidentFactory(
        call=call,
        urgency="high",
        category="assault",
        address="улица Абая, 15",
        summary="Драка у магазина",
        recommended_department="rescue",
        weapons=True,
        evidence={"weapons": {"turn": 1, "words": "с ножом"}},
        notes=["weapons: raised by the rules"],
        source="llm",
        engine="openai:model-x",
        prompt_version="abc123",
        model_answer='{"weapons":true,"summary":"<b>Драка</b>"}',
    )
