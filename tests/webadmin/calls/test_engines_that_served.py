"""Which engine served each turn stands on the call, also where it was not the first of its chain."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from dialogue.events import CallEnded, CallStatus, Recognised
from tests.webadmin.calls.steps import entries, said, started
from webadmin.calls.models import Call
from webadmin.calls.projection import apply_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> Call:
    call_id = uuid4()
    steps = [
        started(),
        Recognised(1, "украли телефон", "ru", 0.8, "whisper@worker", 0.2),
        said(1, "Где это случилось?"),
        Recognised(2, "на Абая", "ru", 0.8, "faster_whisper", 0.2),
        said(2, "Спасибо."),
        CallEnded(CallStatus.COMPLETED),
    ]
    apply_batch(entries(call_id, steps))
    return Call.objects.get(pk=call_id)


def test_each_turn_names_who_recognised_and_who_spoke(call: Call) -> None:
    turns = list(call.turns.order_by("number"))
    assert [turn.recognised_by for turn in turns] == ["whisper@worker", "faster_whisper"]
    assert all(turn.spoken_by for turn in turns)


def test_the_page_and_the_api_show_it(call: Call, admin_client) -> None:
    page = admin_client.get(reverse("admin:calls_call_change", args=[call.pk])).content.decode()
    assert "whisper@worker" in page
    assert "faster_whisper" in page
    listed = admin_client.get("/api/v1/turns/", {"call": str(call.pk)}).json()["results"]
    assert {turn["recognised_by"] for turn in listed} == {"whisper@worker", "faster_whisper"}
