"""What the office sees of a call after its steps are brought into the database."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from itertools import chain, zip_longest
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue.events import CallEnded, CallStarted, CallStatus, Listened
from tests.webadmin.calls.steps import START, assessed, entries, recognised, said, started, whole_call
from webadmin.calls.models import Call, CallEvent
from webadmin.calls.projection import apply_batch
from webadmin.calls.segments import Entry
from webadmin.incidents.models import Incident
from webadmin.incidents.services import edit_incident

pytestmark = pytest.mark.django_db


def test_a_call_becomes_turns_a_transcript_and_an_incident():
    call_id = uuid4()
    applied = apply_batch(entries(call_id, whole_call()))
    call = Call.objects.get(pk=call_id)
    assert applied.ended == {call_id}
    assert (call.status, call.scenario, call.caller_number) == ("completed", "intake_102", "+77010000001")
    assert call.started_at == START
    assert call.assistant_ended_at == START + timedelta(seconds=6)
    assert call.transcript == (
        "assistant: Здравствуйте, это автоматический помощник.\ncaller: на улице драка\nassistant: Наряд выехал."
    )
    greeting, exchange = call.turns.all()
    assert (greeting.number, greeting.caller_text, greeting.reply_purpose) == (0, "", "greeting")
    assert (exchange.caller_text, exchange.audio, exchange.confidence) == ("на улице драка", "utterances/1.wav", 0.8)
    incident = call.incident
    assert (incident.urgency, incident.category, incident.address, incident.weapons) == (
        "high",
        "assault",
        "Абая 10",
        None,
    )
    assert [version.author for version in incident.versions.all()] == ["ai:rules"]


def test_the_transcript_claims_no_words_that_the_caller_did_not_hear():
    call_id = uuid4()
    cut = said(0, "Служба сто два. Разговор записывается.", purpose="greeting", whole=False, heard_text="Служба сто")
    apply_batch(entries(call_id, [started(), cut, recognised(1, "помогите")]))
    assert Call.objects.get(pk=call_id).transcript == "assistant: Служба сто …\ncaller: помогите"


def test_replaying_changes_nothing():
    call_id = uuid4()
    steps = entries(call_id, whole_call())
    apply_batch(steps)
    before = list(Call.objects.filter(pk=call_id).values()), list(CallEvent.objects.filter(call=call_id).values())
    again = apply_batch(steps + steps)
    assert again.new == 0
    assert again.ended == set()
    after = list(Call.objects.filter(pk=call_id).values()), list(CallEvent.objects.filter(call=call_id).values())
    assert before == after
    assert Incident.objects.get(call=call_id).versions.count() == 1


def test_steps_that_come_one_by_one_and_twice_give_the_same_as_all_at_once():
    one, all_ = uuid4(), uuid4()
    for step in entries(one, whole_call()):
        apply_batch([step])
        apply_batch([step, step])
    apply_batch(entries(all_, whole_call()))
    ignored = {"id", "call_id"}
    first, second = (
        [{k: v for k, v in turn.items() if k not in ignored} for turn in Call.objects.get(pk=pk).turns.values()]
        for pk in (one, all_)
    )
    assert first == second
    assert Call.objects.get(pk=one).transcript == Call.objects.get(pk=all_).transcript


def test_two_calls_at_once_do_not_mix():
    one, other = uuid4(), uuid4()
    mixed = chain.from_iterable(
        zip_longest(entries(one, whole_call("пожар", "critical")), entries(other, whole_call("шум", "low")))
    )
    apply_batch([step for step in mixed if step])
    fire, noise = Call.objects.get(pk=one), Call.objects.get(pk=other)
    assert "пожар" in fire.transcript
    assert "шум" not in fire.transcript
    assert "шум" in noise.transcript
    assert (fire.incident.urgency, noise.incident.urgency) == ("critical", "low")


def test_a_step_that_makes_no_sense_is_kept_and_blocks_no_other():
    call_id, other = uuid4(), uuid4()
    steps = entries(call_id, whole_call())
    steps[3] = dataclasses.replace(steps[3], data={"turn": "the third"})
    steps[4] = dataclasses.replace(steps[4], kind="from_the_future")
    applied = apply_batch(steps + entries(other, whole_call()))
    assert applied.rejected == []
    call = Call.objects.get(pk=call_id)
    assert call.status == "completed"
    assert call.events.count() == len(steps)
    assert "Наряд выехал." in call.transcript
    assert Call.objects.get(pk=other).incident.urgency == "high"


def test_the_same_call_led_on_by_another_process_loses_no_step():
    call_id = uuid4()
    apply_batch(entries(call_id, [started(), said(0, "Здравствуйте.")]))
    second = entries(call_id, whole_call(), start=START + timedelta(minutes=1))
    apply_batch(second)
    apply_batch(second)
    call = Call.objects.get(pk=call_id)
    assert call.events.count() == 2 + len(second)
    assert list(call.events.values_list("number", flat=True)) == list(range(1, 3 + len(second)))
    assert call.status == "completed"


def test_several_replies_in_one_turn_stand_in_one_row():
    call_id = uuid4()
    apply_batch(entries(call_id, [started(), said(1, "Понял."), said(1, "Назовите адрес.")]))
    assert Call.objects.get(pk=call_id).turns.get().reply_text == "Понял.\nНазовите адрес."


def test_a_machine_never_lowers_urgency():
    call_id = uuid4()
    apply_batch(entries(call_id, [started(), assessed({"urgency": "critical"}), assessed({"urgency": "low"}, turn=2)]))
    incident = Incident.objects.get(call=call_id)
    assert incident.urgency == "critical"
    assert any("urgency" in note for note in incident.notes)


def test_a_machine_raises_urgency_and_forgets_nothing_it_knew():
    call_id = uuid4()
    first = assessed({"urgency": "low", "address": "Абая 10", "suspect": "в маске"}, evidence={"address": {"turn": 1}})
    second = assessed({"urgency": "high", "address": None, "suspect": None}, turn=2)
    apply_batch(entries(call_id, [started(), first, second]))
    incident = Incident.objects.get(call=call_id)
    assert (incident.urgency, incident.address) == ("high", "Абая 10")
    assert incident.details["suspect"] == "в маске"
    assert incident.evidence["address"] == {"turn": 1}
    assert incident.versions.count() == 2


def test_what_a_person_set_stays_set():
    call_id = uuid4()
    apply_batch(entries(call_id, [started(), assessed({"urgency": "high", "category": "assault", "address": "Абая"})]))
    incident = Incident.objects.get(call=call_id)
    person = User.objects.create_user("aigerim")
    edit_incident(incident.pk, {"urgency": "low", "address": None}, person=person, reason="шутка")
    later = entries(
        call_id,
        [assessed({"urgency": "critical", "category": "robbery", "address": "Сатпаева 5"}, turn=2)],
        start=START + timedelta(minutes=1),
        first=3,
    )
    apply_batch(later)
    incident.refresh_from_db()
    assert (incident.urgency, incident.address, incident.category) == ("low", None, "robbery")
    assert any("urgency" in note and "critical" in note for note in incident.notes)
    assert incident.suggestions == {"urgency": "critical", "address": "Сатпаева 5"}


def test_values_no_column_takes_become_null_and_a_note():
    call_id = uuid4()
    bad = {
        "urgency": "apocalyptic",
        "category": 7,
        "people_involved": -3,
        "weapons": "yes",
        "address": "А" * 5000,
        "summary": "нуль\0байт",
        "recommended_department": ["police"],
    }
    apply_batch(entries(call_id, [started(), assessed(bad, model_answer="x\0" * 200_000)]))
    incident = Incident.objects.get(call=call_id)
    assert (incident.urgency, incident.category, incident.people_involved, incident.weapons) == (None,) * 4
    assert incident.recommended_department is None
    assert len(incident.address) == 500
    assert incident.summary == "нульбайт"
    assert {note.partition(":")[0] for note in incident.notes} >= {"urgency", "category", "people_involved", "weapons"}


def test_a_silent_call_has_an_incident_without_a_summary_and_loses_none_it_had():
    call_id = uuid4()
    silent = assessed({"category": "silent", "summary": ""})
    assert apply_batch(entries(call_id, [started(), silent])).rejected == []
    incident = Incident.objects.get(call=call_id)
    assert (incident.category, incident.summary) == ("silent", "")
    later = [assessed({"summary": "Кража"}, turn=2), assessed({"summary": " "}, turn=3)]
    apply_batch(entries(call_id, later, start=START + timedelta(minutes=1), first=3))
    incident.refresh_from_db()
    assert incident.summary == "Кража"


def test_a_call_taken_for_lost_comes_back_when_its_journal_arrives():
    call_id = uuid4()
    Call.objects.create(pk=call_id, status="failed", end_reason="door_unreachable", started_at=START)
    apply_batch(entries(call_id, whole_call()))
    call = Call.objects.get(pk=call_id)
    assert (call.status, call.end_reason, call.scenario) == ("completed", "", "intake_102")


def test_the_last_end_counts():
    call_id = uuid4()
    ends = [CallEnded(CallStatus.TRANSFERRED, "danger"), CallEnded(CallStatus.FAILED, "line")]
    apply_batch(entries(call_id, [started(), *ends]))
    call = Call.objects.get(pk=call_id)
    assert (call.status, call.end_reason) == ("failed", "line")


def test_a_caller_id_full_of_traps_is_only_text():
    call_id = uuid4()
    trap = "';DROP TABLE calls_call;--\0${SHELL(id)}\"\n" + "9" * 200
    steps = [started(caller=trap, dialled="\ud800", language="xx"), Listened(1, "key", 0.1, key="12345")]
    apply_batch(entries(call_id, [*steps, recognised(1, "\0", confidence=float("nan"), language="KK-kz")]))
    call = Call.objects.get(pk=call_id)
    assert call.caller_number == trap.replace("\0", "")[:64]
    assert call.language == ""
    turn = call.turns.get()
    assert (turn.key, turn.caller_text, turn.confidence, turn.caller_language) == ("1", "", None, "kk")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
NAMES = sorted({field.name for cls in (CallStarted, Listened, CallEnded) for field in dataclasses.fields(cls)})
DATA = st.dictionaries(st.sampled_from([*NAMES, "text", "fields", "notes", "evidence", "engine"]), JSON, max_size=12)
KINDS = st.sampled_from(["call_started", "listened", "recognised", "assessed", "said", "call_ended", "?\0"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(KINDS, DATA), min_size=1, max_size=4))
def test_no_step_however_broken_stops_the_journal(steps: list[tuple[str, dict[str, object]]]):
    call_id = uuid4()
    batch = [
        Entry(call_id, number, START + timedelta(seconds=number), kind, data)
        for number, (kind, data) in enumerate(steps, 1)
    ]
    ending = entries(call_id, [CallEnded(CallStatus.COMPLETED)], start=START + timedelta(minutes=1), first=99)
    applied = apply_batch([*batch, *ending])
    assert applied.rejected == []
    assert CallEvent.objects.filter(call=call_id).count() == len(batch) + 1
    assert Call.objects.get(pk=call_id).status == "completed"
