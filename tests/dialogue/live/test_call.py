"""What a caller of the live door goes through."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dialogue.errors import CallerHungUp
from dialogue.events import (
    Assessed,
    CallEnded,
    CallStatus,
    Event,
    Interrupted,
    Listened,
    Recognised,
    Said,
)
from dialogue.turns import Reply, TransferReason
from tests.dialogue.live.conftest import (
    KNIFE,
    MM_HM,
    NO,
    STREET,
    THEFT,
    WORDS,
    LiveTrial,
    joined,
    says,
    silence,
    voice,
)
from tests.fakes.dialogue import MemoryJournal
from webadmin.operations.live_file_line import Step

HANG_UP = Step(hang_up=True)


def without_notice(trial: LiveTrial) -> None:
    """Let the greeting be cut short from its first word on."""
    greeting = replace(trial.session.greeting(), notice="")
    trial.session.greeting = lambda: greeting  # type: ignore[method-assign]


def texts(trial: LiveTrial) -> list[str]:
    return [event.text for event in trial.journal.of(Recognised)]


def test_a_theft_is_told_and_the_assistant_says_good_bye(trial: LiveTrial) -> None:
    status = trial.run([says(THEFT), says(STREET), says(NO)])

    assert status is CallStatus.COMPLETED
    assert trial.line.hung_up
    assert texts(trial)[:2] == ["somebody stole my car last night", "fifteen garden street"]
    assert trial.journal.of(Assessed)[-1].fields["category"] == "theft"
    assert trial.journal.of(CallEnded) == [CallEnded(CallStatus.COMPLETED)]


def test_the_answer_comes_soon_after_the_end_of_a_complete_phrase(trial: LiveTrial) -> None:
    trial.run([says(THEFT), HANG_UP])

    answer = trial.journal.of(Said)[1]
    assert trial.journal.of(Listened)[0].end_silence == trial.settings.pace.shortest
    assert answer.delay_seconds is not None
    assert answer.delay_seconds < trial.settings.pace.shortest + 0.25


def test_every_step_is_written_before_the_next_is_spoken(trial: LiveTrial) -> None:
    trial.run([says(KNIFE)])

    kinds = [type(event).__name__ for _, event in trial.journal.events]
    assert kinds == [
        "CallStarted",
        "Said",
        "Listened",
        "Recognised",
        "Assessed",
        "Said",
        "TransferRequested",
        "CallEnded",
    ]
    assert trial.line.transferred is TransferReason.CRITICAL
    assert trial.line.briefing is not None


class SlowDisk(MemoryJournal):
    """Each step is on it after ``seconds``; steps that come together are written together."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def record(self, call_id: str, event: Event) -> None:
        await super().record(call_id, event)
        await asyncio.sleep(self.seconds)


def test_an_answer_that_is_known_waits_for_the_disk_only_once(trial: LiveTrial) -> None:
    trial.journal = SlowDisk(0.4)
    trial.run([says(THEFT), HANG_UP])

    delay = trial.journal.of(Said)[1].delay_seconds
    assert delay is not None
    assert 0.4 <= delay - trial.settings.pace.shortest < 0.4 + 0.25


def test_a_hang_up_while_the_disk_is_waited_for_leaves_every_step_written_once(trial: LiveTrial) -> None:
    trial.journal = SlowDisk(0.4)
    trial.run([says(THEFT), Step(hang_up=True, after=trial.settings.pace.shortest + 0.2)])

    kinds = [type(event).__name__ for _, event in trial.journal.events]
    assert kinds == ["CallStarted", "Said", "Listened", "Recognised", "Assessed", "CallEnded"]


def test_a_pause_for_breath_does_not_end_the_turn(trial: LiveTrial) -> None:
    half = voice(THEFT / 2)
    trial.run([Step(joined(half, silence(0.16), half)), HANG_UP])

    assert texts(trial) == ["somebody stole my car last night"]


def test_a_caller_who_cuts_in_is_answered_and_what_they_heard_is_kept(trial: LiveTrial) -> None:
    without_notice(trial)
    trial.run([says(THEFT, into=0.5), HANG_UP])

    greeting = trial.journal.of(Said)[0]
    assert not greeting.whole
    assert greeting.text.startswith(greeting.heard_text)
    assert len(greeting.heard_text) < len(greeting.text)
    (cut,) = trial.journal.of(Interrupted)
    assert cut.outcome == "dropped"
    assert cut.decided_seconds <= 0.55
    assert texts(trial) == ["somebody stole my car last night"]


@pytest.mark.parametrize("sound", [0.14, MM_HM], ids=["cough", "mm-hm"])
def test_after_a_cough_the_assistant_goes_on_where_it_stopped(trial: LiveTrial, sound: float) -> None:
    without_notice(trial)
    trial.run([says(sound, into=0.3), says(THEFT), HANG_UP])

    greeting = trial.journal.of(Said)[0]
    assert greeting.whole
    (cut,) = trial.journal.of(Interrupted)
    assert cut.outcome == "resumed"
    assert texts(trial) == ["somebody stole my car last night"]


def test_a_short_no_in_the_middle_of_a_question_is_an_answer(trial: LiveTrial) -> None:
    without_notice(trial)
    trial.run([says(NO, into=0.3), HANG_UP])

    assert "no" in texts(trial)
    assert trial.journal.of(Interrupted)[0].outcome == "dropped"


def test_words_recognised_only_after_the_assistant_went_on_are_still_heard(trial: LiveTrial) -> None:
    trial.stt.delay = 0.7
    without_notice(trial)
    trial.run([says(NO, into=0.2), HANG_UP])

    assert trial.journal.of(Interrupted)[0].outcome == "resumed"
    assert texts(trial) == ["no"]


def test_a_protected_greeting_is_heard_to_its_end_and_the_words_into_it_are_not_lost(trial: LiveTrial) -> None:
    session = trial.session
    greeting = replace(session.greeting(), protected=True)
    session.greeting = lambda: greeting  # type: ignore[method-assign]
    trial.run([says(THEFT, into=0.1), HANG_UP])

    assert trial.journal.of(Said)[0].whole
    assert trial.journal.of(Interrupted) == []
    assert texts(trial) == ["somebody stole my car last night"]


def test_the_operators_key_works_while_the_assistant_speaks(trial: LiveTrial) -> None:
    trial.run([Step(key="0", into=0.3)])

    assert trial.line.transferred is TransferReason.CALLER_ASKED
    assert not trial.journal.of(Said)[0].whole
    assert trial.journal.of(Listened)[0].key == "0"


def test_other_keys_change_nothing(trial: LiveTrial) -> None:
    trial.run([Step(key="5", into=0.3), Step(key="7"), says(KNIFE)])

    assert [event.key for event in trial.journal.of(Listened) if event.key] == ["5", "7"]
    assert trial.line.transferred is TransferReason.CRITICAL


def test_who_says_nothing_is_asked_and_then_given_to_a_person(trial: LiveTrial) -> None:
    trial.run([], patience=30.0)

    assert [event.heard for event in trial.journal.of(Listened)] == ["silence", "silence"]
    assert trial.line.transferred is TransferReason.SILENCE


def test_words_in_the_middle_of_which_the_caller_hangs_up_are_understood(trial: LiveTrial) -> None:
    status = trial.run([says(KNIFE), replace(HANG_UP, after=0.04)])

    assert status is CallStatus.HUNG_UP
    assert texts(trial) == ["a man with a knife is attacking my wife"]
    assert trial.journal.of(Assessed)[-1].fields["urgency"] == "critical"
    assert trial.journal.of(CallEnded) == [CallEnded(CallStatus.HUNG_UP)]


def test_last_words_said_into_an_answer_are_a_turn_of_their_own(trial: LiveTrial) -> None:
    trial.run([says(THEFT), says(NO, into=0.1), replace(HANG_UP, after=0.02)])

    assert [(event.turn, event.text) for event in trial.journal.of(Recognised)] == [(1, WORDS[THEFT]), (2, WORDS[NO])]


def test_a_hang_up_while_the_assistant_speaks_leaves_what_was_heard(trial: LiveTrial) -> None:
    status = trial.run([replace(HANG_UP, into=0.5)])

    assert status is CallStatus.HUNG_UP
    (greeting,) = trial.journal.of(Said)
    assert not greeting.whole
    assert 0.3 < greeting.played_seconds < 0.8


def test_who_goes_on_while_the_answer_is_being_worked_out_is_answered_once_for_both(trial: LiveTrial) -> None:
    trial.stt.delay = 0.9
    trial.run([Step(joined(voice(THEFT), silence(1.0), voice(KNIFE)))], patience=6.0)

    assert "a man with a knife is attacking my wife" in texts(trial)
    assert trial.line.transferred is TransferReason.CRITICAL
    questions = [event for event in trial.journal.of(Said) if event.purpose == "question"]
    assert questions == []


def test_who_never_pauses_is_answered_after_the_longest_time(trial: LiveTrial) -> None:
    trial.settings = replace(trial.settings, pace=replace(trial.settings.pace, longest_utterance=KNIFE))
    trial.run([Step(voice(6.0))])

    assert trial.journal.of(Listened)[0].cut
    assert trial.line.transferred is TransferReason.CRITICAL


def test_a_click_is_no_turn(trial: LiveTrial) -> None:
    trial.run([says(0.04), says(KNIFE, quiet=0.3)])

    assert texts(trial) == ["a man with a knife is attacking my wife"]


def test_words_that_are_being_recognised_when_the_caller_hangs_up_are_understood(trial: LiveTrial) -> None:
    trial.stt.delay = 1.0
    status = trial.run([says(KNIFE), replace(HANG_UP, after=0.6)])

    assert status is CallStatus.HUNG_UP
    assert texts(trial) == ["a man with a knife is attacking my wife"]
    assert trial.journal.of(Assessed)[-1].fields["urgency"] == "critical"
    assert len([event for event in trial.journal.of(Listened) if event.heard == "utterance"]) == 1


def test_a_no_just_before_the_end_of_a_question_is_heard_though_its_recognition_ends_after_it(trial: LiveTrial) -> None:
    trial.stt.delay = 0.9
    greeting = trial.session.greeting()
    trial.session.greeting = lambda: replace(greeting, text="What has happened?")  # type: ignore[method-assign]
    trial.run([says(NO, into=0.3), HANG_UP])

    assert trial.journal.of(Said)[0].whole
    assert texts(trial) == ["no"]


def test_a_cough_while_the_answer_is_worked_out_does_not_swallow_it(trial: LiveTrial) -> None:
    trial.stt.delay = 1.2
    trial.run([Step(joined(voice(THEFT), silence(1.1), voice(0.14)))], patience=6.0)

    assert texts(trial) == ["somebody stole my car last night"]
    answer = next(event for event in trial.journal.of(Said) if event.purpose == "question")
    assert answer.whole


def test_nothing_is_said_into_the_words_of_a_caller_who_goes_on(trial: LiveTrial) -> None:
    trial.stt.delay = 3.0
    trial.settings = replace(trial.settings, hard_timeout=9.0)
    trial.run([Step(joined(voice(THEFT), silence(0.7), voice(1.8)))], patience=4.0)

    caller, assistant = (
        np.frombuffer(bytes(track), dtype="<i2") for track in (trial.line.caller_track, trial.line.assistant_track)
    )
    length = min(len(caller), len(assistant))
    both = (np.abs(caller[:length]) > 300) & (np.abs(assistant[:length]) > 300)
    assert both.sum() / trial.line.rate < 0.1


def test_a_caller_who_leaves_while_an_operator_is_called_has_one_end(
    trial: LiveTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rings_in_vain(*_: Any) -> None:
        raise CallerHungUp

    monkeypatch.setattr("webadmin.operations.live_file_line.LiveFileLine.transfer", rings_in_vain)
    trial.run([says(KNIFE)])

    assert trial.journal.of(CallEnded) == [CallEnded(CallStatus.HUNG_UP)]


def test_only_utterances_that_count_are_kept(trial: LiveTrial) -> None:
    half = voice(THEFT / 2)
    trial.run([Step(joined(half, silence(0.16), half)), says(0.14), HANG_UP])

    on_record = [event.audio for event in trial.journal.of(Listened) if event.heard == "utterance"]
    assert on_record == trial.kept


def test_the_operators_key_does_not_hide_why_a_person_was_coming_anyway(trial: LiveTrial) -> None:
    trial.run([says(KNIFE), Step(key="0", into=0.2)])

    assert trial.line.transferred is TransferReason.CRITICAL


def test_a_reply_is_not_protected_unless_it_says_so() -> None:
    assert not Reply("text", "en").protected
