"""What a caller lives through, over a scripted line, with the real scenario and its rules."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dialogue.call import Call, CallFacts
from dialogue.conversation import Conversation
from dialogue.errors import CallerHungUp, LineError, Stage
from dialogue.events import Assessed, CallEnded, CallStarted, CallStatus, Listened, Recognised, Said, StageFailed
from dialogue.ports import ListenLimits
from dialogue.resilience import Policy, Recogniser, Speaker, Thinker
from dialogue.scenarios.registry import load
from dialogue.turns import Key, Silence, TransferReason
from tests.fakes.dialogue import (
    FAIL,
    HANG_UP,
    MemoryJournal,
    ScriptedLine,
    ScriptedModel,
    ScriptedStt,
    ScriptedTts,
    failing,
    says,
)

CALL_ID = "5f0c9f0e-55ce-4a51-9c53-0d8bb5b2a0cd"
POLICY = Policy(budget=2.0, attempt=1.0, attempts=1)


def a_call(
    line: ScriptedLine,
    journal: MemoryJournal,
    *,
    stt: ScriptedStt | None = None,
    tts: ScriptedTts | None = None,
    model: ScriptedModel | None = None,
    language: str = "en",
    max_turns: int = 8,
) -> Call:
    thinker = Thinker([model] if model else [], POLICY)
    facts = CallFacts(CALL_ID, "intake_102", language, "simulate", "+77010000000", "102", {"llm": "rules"})
    return Call(
        facts,
        line,
        Conversation(load("intake_102").open(language), thinker, max_turns=max_turns),
        Recogniser([stt or ScriptedStt()], POLICY),
        Speaker([tts or ScriptedTts()], None, POLICY),
        journal,
        ListenLimits(),
    )


async def lead(script: list[Any], **options: Any) -> tuple[ScriptedLine, MemoryJournal, CallStatus]:
    line = ScriptedLine(script, options.pop("during_speech", ()))
    journal = options.pop("journal", None) or MemoryJournal()
    status = await a_call(line, journal, **options).run()
    return line, journal, status


def last_fields(journal: MemoryJournal) -> dict[str, Any]:
    return dict(journal.of(Assessed)[-1].fields)


async def test_a_theft_is_asked_for_its_address_and_closed_with_a_farewell() -> None:
    line, journal, status = await lead(
        [says("somebody stole my car last night"), says("twelve green street"), says("no")]
    )

    assert status is CallStatus.COMPLETED
    assert line.hung_up
    assert line.transferred is None
    assert "automatic" in line.said[0].lower()
    assert "address" in line.said[1].lower() or "where" in line.said[1].lower()
    fields = last_fields(journal)
    assert fields["category"] == "theft"
    assert "green" in fields["address"].lower()
    assert journal.of(CallEnded) == [CallEnded(CallStatus.COMPLETED)]


async def test_each_step_is_journalled_in_the_order_it_happened() -> None:
    _, journal, _ = await lead([says("somebody stole my car last night"), says("twelve green street"), says("no")])

    kinds = [type(event) for _, event in journal.events]
    assert kinds[:6] == [CallStarted, Said, Listened, Recognised, Assessed, Said]
    assert kinds[-1] is CallEnded
    assert {call_id for call_id, _ in journal.events} == {CALL_ID}


async def test_a_knife_goes_straight_to_a_person_with_a_briefing() -> None:
    line, journal, status = await lead([says("a man with a knife is attacking my wife at twelve green street")])

    assert status is CallStatus.TRANSFERRED
    assert line.transferred is TransferReason.CRITICAL
    assert line.briefing is not None
    assert line.briefing.fields["weapons"] is True
    assert journal.of(CallEnded) == [CallEnded(CallStatus.TRANSFERRED, "critical")]


@pytest.mark.parametrize("during_speech", [(), ("0",)])
async def test_key_zero_reaches_the_operator_while_listening_and_while_being_spoken_to(
    during_speech: tuple[str, ...],
) -> None:
    line, _, status = await lead([] if during_speech else [Key("0")], during_speech=during_speech)

    assert status is CallStatus.TRANSFERRED
    assert line.transferred is TransferReason.CALLER_ASKED


async def test_another_key_does_not_end_the_callers_turn() -> None:
    line, journal, _ = await lead([Key("5"), says("a man with a knife is attacking my wife")])

    assert line.transferred is TransferReason.CRITICAL
    assert [event.key for event in journal.of(Listened)] == ["5", ""]


@pytest.mark.parametrize(("language", "words"), [("ru", "соедините с оператором"), ("en", "operator please")])
async def test_asking_for_an_operator_reaches_one(language: str, words: str) -> None:
    line, _, _ = await lead([says(words)], language=language)

    assert line.transferred is TransferReason.CALLER_ASKED


async def test_two_silences_reach_a_person_and_leave_an_incident() -> None:
    line, journal, _ = await lead([Silence(6.0), Silence(6.0)])

    assert line.transferred is TransferReason.SILENCE
    assert last_fields(journal)["category"] == "silent"


async def test_two_failed_recognitions_reach_a_person() -> None:
    line, _, _ = await lead([says("?"), says("?")])

    assert line.transferred is TransferReason.NOT_UNDERSTOOD


async def test_a_conversation_that_does_not_end_reaches_a_person() -> None:
    line, _, _ = await lead([says("somebody stole my car last night")] * 12, max_turns=2)

    assert line.transferred is TransferReason.TURN_LIMIT
    assert len(line.said) == 3


async def test_a_fault_of_our_own_sends_the_caller_to_a_person_and_ends_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Conversation, "hear", broken)
    line, journal, status = await lead([says("somebody stole my car last night")])

    assert status is CallStatus.FAILED
    assert line.transferred is TransferReason.FAILURE
    assert journal.of(CallEnded) == [CallEnded(CallStatus.FAILED, "unexpected")]


@pytest.mark.parametrize(
    ("script", "during_speech"),
    [
        ([], (HANG_UP,)),
        ([HANG_UP], ()),
        ([says("somebody stole my car last night")], (None, HANG_UP)),
        ([says("?"), HANG_UP], ()),
    ],
)
async def test_a_caller_who_hangs_up_anywhere_ends_the_call_as_such(
    script: list[Any], during_speech: tuple[Any, ...]
) -> None:
    line, journal, status = await lead(script, during_speech=during_speech)

    assert status is CallStatus.HUNG_UP
    assert line.transferred is None
    assert journal.of(CallEnded) == [CallEnded(CallStatus.HUNG_UP)]


async def test_words_cut_off_by_a_hang_up_still_become_an_incident() -> None:
    _, journal, status = await lead([CallerHungUp(says("there is a fire at twelve green street people are inside"))])

    assert status is CallStatus.HUNG_UP
    assert last_fields(journal)["category"] == "fire"
    assert last_fields(journal)["urgency"] == "critical"


async def test_a_recogniser_that_fails_sends_the_caller_to_a_person_who_is_announced() -> None:
    stt = ScriptedStt(failing(Stage.SPEECH_TO_TEXT))
    line, journal, status = await lead([says("help")], stt=stt)

    assert status is CallStatus.TRANSFERRED
    assert line.transferred is TransferReason.FAILURE
    assert len(line.said) == 2
    assert [(event.stage, event.code) for event in journal.of(StageFailed)] == [("speech_to_text", "timeout")]


async def test_a_voice_that_fails_sends_the_caller_to_a_person_unannounced() -> None:
    line, journal, status = await lead([says("help")], tts=ScriptedTts(failing(Stage.TEXT_TO_SPEECH, "not_installed")))

    assert status is CallStatus.FAILED
    assert line.transferred is TransferReason.FAILURE
    assert line.said == []
    assert journal.of(CallEnded)[-1].reason == "not_installed"


@pytest.mark.parametrize(
    ("code", "reason"), [("invalid_answer", TransferReason.INVALID_ANSWER), ("timeout", TransferReason.FAILURE)]
)
async def test_a_model_that_fails_leaves_the_rules_incident_and_a_person(code: str, reason: TransferReason) -> None:
    model = ScriptedModel(failing(Stage.LANGUAGE_MODEL, code))
    line, journal, _ = await lead([says("somebody stole my car last night at twelve green street")], model=model)

    assert line.transferred is reason
    assert last_fields(journal)["category"] == "theft"
    assert journal.of(Assessed)[-1].source == "rules"
    assert journal.of(StageFailed)[-1].code == code


@pytest.mark.parametrize("fails_at", [0, 1, 3, 5])
async def test_a_journal_that_cannot_write_sends_the_caller_to_a_person(fails_at: int) -> None:
    journal = MemoryJournal(fails_at)
    line, _, status = await lead(
        [says("somebody stole my car last night"), says("twelve green street")], journal=journal
    )

    assert status is CallStatus.FAILED
    assert line.transferred is TransferReason.FAILURE


@pytest.mark.parametrize(("script", "during_speech"), [([FAIL], ()), ([], (FAIL,))])
async def test_a_broken_line_is_left_to_the_dialplan(script: list[Any], during_speech: tuple[Any, ...]) -> None:
    line, journal = ScriptedLine(script, during_speech), MemoryJournal()

    with pytest.raises(LineError):
        await a_call(line, journal).run()

    assert line.transferred is None
    assert journal.of(CallEnded)[-1].status is CallStatus.FAILED


async def test_a_call_stopped_with_its_door_gets_a_final_status() -> None:
    listening = asyncio.Event()

    class Waiting(ScriptedLine):
        async def listen(self, limits: ListenLimits) -> Any:
            listening.set()
            await asyncio.Event().wait()

    journal = MemoryJournal()
    task = asyncio.create_task(a_call(Waiting([]), journal).run())
    await asyncio.wait_for(listening.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert journal.of(CallEnded) == [CallEnded(CallStatus.FAILED, "door_stopped")]


async def test_two_calls_at_once_do_not_mix() -> None:
    (one, first, _), (two, second, _) = await asyncio.gather(
        lead([says("a man with a knife is attacking my wife")]),
        lead([says("somebody stole my car last night"), says("fifteen garden street"), says("no")]),
    )

    assert last_fields(first)["category"] != last_fields(second)["category"]
    assert one.transferred is TransferReason.CRITICAL
    assert two.transferred is None
