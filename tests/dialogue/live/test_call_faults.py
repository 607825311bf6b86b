"""What a caller of the live door goes through where an engine, the line, the disk or a scenario fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from dialogue.audio import Audio
from dialogue.errors import LineError, ProviderError, Stage
from dialogue.events import Assessed, CallEnded, CallStatus, Listened, Said, StageFailed, TransferRequested
from dialogue.scenarios.registry import load
from dialogue.turns import TransferReason
from tests.dialogue.live.conftest import KNIFE, SENTENCE, THEFT, LiveTrial, says, voice
from tests.fakes.dialogue import ScriptedModel


def test_a_slow_engine_is_bridged_by_an_honest_phrase_that_is_no_answer(trial: LiveTrial) -> None:
    trial.stt.delay = 1.2
    trial.run([says(THEFT)], patience=2.5)

    purposes = [event.purpose for event in trial.journal.of(Said)]
    assert purposes[:3] == ["greeting", "filler", "question"]
    assert trial.journal.of(Said)[2].delay_seconds > 1.0


def test_an_engine_that_hangs_costs_a_bounded_wait_and_then_a_person_comes(trial: LiveTrial) -> None:
    trial.stt.delay = 30.0
    trial.run([says(THEFT)], patience=30.0)

    assert trial.line.transferred is TransferReason.FAILURE
    assert [event.code for event in trial.journal.of(StageFailed)] == ["timeout"]
    assert any(event.heard == "utterance" for event in trial.journal.of(Listened))


def test_a_recogniser_that_fails_brings_a_person(trial: LiveTrial) -> None:
    trial.stt.error = ProviderError(Stage.SPEECH_TO_TEXT, "server_error")
    trial.run([says(THEFT)])

    assert trial.line.transferred is TransferReason.FAILURE
    assert trial.journal.of(TransferRequested)


def test_a_model_that_fails_brings_a_person_with_what_the_rules_found(trial: LiveTrial) -> None:
    trial.models = [ScriptedModel(ProviderError(Stage.LANGUAGE_MODEL, "server_error"))]
    trial.run([says(THEFT)])

    assert trial.line.transferred is TransferReason.FAILURE
    assert trial.journal.of(Assessed)[-1].fields["category"] == "theft"


def test_without_a_voice_the_caller_still_reaches_a_person(trial: LiveTrial) -> None:
    trial.tts.error = ProviderError(Stage.TEXT_TO_SPEECH, "server_error")
    status = trial.run([])

    assert status is CallStatus.FAILED
    assert trial.line.transferred is TransferReason.FAILURE


def test_a_voice_that_never_begins_is_not_waited_for(trial: LiveTrial) -> None:
    trial.tts.delay = 30.0
    trial.settings = replace(trial.settings, voice_timeout=0.6)
    trial.run([], patience=30.0)

    assert trial.line.transferred is TransferReason.FAILURE
    assert trial.journal.of(StageFailed)[0].stage == Stage.TEXT_TO_SPEECH.value


def test_a_line_that_breaks_leaves_the_caller_to_the_dialplan(
    trial: LiveTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: Any) -> None:
        raise LineError("media_closed")

    monkeypatch.setattr("webadmin.operations.live_file_line.LiveFileLine.play", breaks)
    with pytest.raises(LineError, match="media_closed"):
        trial.run([])
    assert trial.journal.of(CallEnded) == [CallEnded(CallStatus.FAILED, "media_closed")]
    assert trial.line.transferred is None


def test_a_fault_in_a_scenario_brings_a_person(trial: LiveTrial) -> None:
    class Broken(type(load("intake_102").open("en"))):  # type: ignore[misc]
        def decide(self, *_: Any) -> Any:
            raise RuntimeError("a bug")

    trial.session = Broken("en")
    trial.run([says(THEFT)])

    assert trial.line.transferred is TransferReason.FAILURE


def test_a_voice_that_hangs_in_mid_sentence_brings_a_person_and_leaves_what_was_heard(trial: LiveTrial) -> None:
    async def hangs(text: str, language: str) -> AsyncIterator[bytes]:
        yield voice(SENTENCE).pcm
        await asyncio.sleep(1000)

    trial.tts.synthesise = hangs  # type: ignore[method-assign]
    status = trial.run([], patience=30.0)

    assert status is CallStatus.FAILED
    assert trial.line.transferred is TransferReason.FAILURE
    assert len(trial.line.assistant_track) / 2 / trial.line.rate < SENTENCE + 5.0
    (greeting,) = trial.journal.of(Said)
    assert not greeting.whole
    assert greeting.played_seconds == pytest.approx(SENTENCE, abs=0.05)


def test_a_disk_that_keeps_no_sound_costs_the_sound_and_not_the_call(trial: LiveTrial) -> None:
    async def refuses(_: Audio) -> str:
        raise OSError("read-only file system")

    trial.keep = refuses  # type: ignore[method-assign]
    trial.run([says(KNIFE)])

    assert trial.line.transferred is TransferReason.CRITICAL
    assert trial.journal.of(Listened)[0].audio == ""
