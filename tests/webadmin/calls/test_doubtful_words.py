"""What the office makes of words that look invented."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from dialogue.events import CallEnded, CallStatus, Recognised
from dialogue.turns import Assessment
from tests.webadmin.calls.steps import entries, said, started
from webadmin.calls import services
from webadmin.calls.models import Call
from webadmin.calls.projection import apply_batch
from webadmin.calls.selectors import DOUBTS, conversation

pytestmark = pytest.mark.django_db

STEPS = [
    started(),
    said(0, "Здравствуйте.", purpose="greeting"),
    Recognised(1, "Продолжение следует...", "ru", 0.3, "whisper", 0.2, ("known_phrase", "no_speech")),
    said(1, "Повторите, пожалуйста.", purpose="apology"),
    Recognised(2, "украли телефон", "ru", 0.8, "whisper", 0.2, (), "Субтитры сделал DimaTorzok"),
]


@pytest.fixture
def call() -> Call:
    call_id = uuid4()
    apply_batch(entries(call_id, [*STEPS, CallEnded(CallStatus.COMPLETED)]))
    return Call.objects.get(pk=call_id)


def test_they_are_told_apart_in_the_transcript(call: Call) -> None:
    assert "caller?: Продолжение следует...\n" in call.transcript
    assert "caller: украли телефон" in call.transcript
    assert "DimaTorzok" not in call.transcript


def test_the_page_shows_why_they_are_doubtful_and_what_was_left_out(call: Call, admin_client) -> None:
    rows = conversation(call)
    assert rows[1]["doubts"] == [str(DOUBTS["known_phrase"]), str(DOUBTS["no_speech"])]
    page = admin_client.get(reverse("admin:calls_call_change", args=[call.pk])).content.decode()
    assert "фраза, которую распознаватели выдумывают, речи не слышно" in page
    assert "<s>Субтитры сделал DimaTorzok</s>" in page


def test_they_are_not_classified_after_the_call(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def classify(scenario: str, language: str, words: list[str]) -> Assessment:
        asked.append(words)
        return Assessment({}, "rules", "rules")

    monkeypatch.setattr(services, "_classify", classify)
    services.classify_finally(call)
    assert asked == [["украли телефон"]]
