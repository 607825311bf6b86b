"""A whole call with the real language-model client over HTTP, against a server that is right, wrong, slow or broken."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from dialogue.call import Call, CallFacts
from dialogue.conversation import Conversation
from dialogue.events import Assessed, StageFailed
from dialogue.ports import ListenLimits
from dialogue.providers.llm.openai import OpenAI, OpenAIConfig
from dialogue.resilience import Policy, Recogniser, Speaker, Thinker
from dialogue.scenarios.intake_102.schema import IncidentReport
from dialogue.scenarios.registry import load
from dialogue.turns import TransferReason
from tests.fakes import openai_server as fake
from tests.fakes.dialogue import MemoryJournal, ScriptedLine, ScriptedStt, ScriptedTts, says

CALL_ID = "7d8ac1a6-6be4-4d4b-9d6f-0a6f6f1f3f11"
SAID = "somebody stole my car last night at twelve green street"
POLICY = Policy(budget=1.5, attempt=1.0, attempts=1)


def report(**fields: Any) -> str:
    """A model's answer, all fields null but these."""
    known = {"language": "en", "summary": "A car was stolen.", **fields}
    return json.dumps({name: known.get(name) for name in IncidentReport.model_fields})


@pytest.fixture
async def server() -> AsyncIterator[fake.FakeOpenAI]:
    async with fake.FakeOpenAI() as running:
        yield running


async def lead(server: fake.FakeOpenAI, *utterances: str) -> tuple[ScriptedLine, MemoryJournal]:
    model = OpenAI(OpenAIConfig(model="tried", api_key="secret", base_url=server.base_url))
    thinker = Thinker([model], POLICY)
    line, journal = ScriptedLine([says(text) for text in utterances]), MemoryJournal()
    try:
        await Call(
            CallFacts(CALL_ID, "intake_102", "en", "simulate", "", "102", {}),
            line,
            Conversation(load("intake_102").open("en"), thinker),
            Recogniser([ScriptedStt()], POLICY),
            Speaker([ScriptedTts()], None, POLICY),
            journal,
            ListenLimits(),
        ).run()
    finally:
        await thinker.close()
    return line, journal


async def test_a_models_answer_decides_above_the_rules(server: fake.FakeOpenAI) -> None:
    server.then(fake.says(report(urgency="high", category="theft", address="12 Green Street", current_danger=False)))

    _, journal = await lead(server, SAID, "no")

    first = journal.of(Assessed)[0]
    assert (first.source, first.engine) == ("llm", "openai:fake-1")
    assert first.fields["urgency"] == "high"
    assert first.model_answer is not None
    assert first.prompt_version


async def test_a_model_lowers_nothing_below_the_rules(server: fake.FakeOpenAI) -> None:
    server.then(fake.says(report(urgency="low", category="noise", weapons=False, current_danger=False)))

    line, journal = await lead(server, "a man with a knife is attacking my wife at twelve green street")

    fields = journal.of(Assessed)[0].fields
    assert (fields["urgency"], fields["weapons"]) == ("critical", True)
    assert line.transferred is TransferReason.CRITICAL


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (fake.says("The caller's car was stolen, I think."), "invalid_answer"),
        (fake.says(report(urgency="extreme")), "invalid_answer"),
        (fake.says(report(people_involved="many")), "invalid_answer"),
        (fake.not_json, None),
        (fake.ten_megabytes, None),
        (fake.half, None),
        (fake.silent, "timeout"),
        (fake.fails(500), "server_error"),
        (fake.fails(401), "unauthorised"),
        (fake.fails(429, retry_after="30"), "rate_limited"),
    ],
)
async def test_a_model_that_is_wrong_or_broken_leaves_an_incident_a_log_line_and_a_person(
    server: fake.FakeOpenAI, behaviour: Any, code: str | None
) -> None:
    server.then(behaviour)

    with structlog.testing.capture_logs() as logs:
        line, journal = await lead(server, SAID)

    assert line.transferred is (TransferReason.INVALID_ANSWER if code == "invalid_answer" else line.transferred)
    assert line.transferred in {TransferReason.INVALID_ANSWER, TransferReason.FAILURE}
    assessed = journal.of(Assessed)[-1]
    assert (assessed.source, assessed.fields["category"]) == ("rules", "theft")
    assert "Green" in assessed.fields["address"]
    failed = journal.of(StageFailed)[-1]
    assert failed.stage == "language_model"
    assert code is None or failed.code == code
    lines = [entry for entry in logs if entry["event"] == "stage_failed"]
    assert [(entry["call_id"], entry["stage"]) for entry in lines] == [(CALL_ID, "language_model")]
    assert not any("Green" in str(entry) or "secret" in str(entry) for entry in logs)
