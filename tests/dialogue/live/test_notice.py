"""A greeting that begins with words every caller must hear: that the call is recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialogue.events import Assessed, Interrupted, Listened, Recognised, Said
from dialogue.turns import TransferReason
from tests.dialogue.live.conftest import KNIFE, MM_HM, NO, SENTENCE, THEFT, WORDS, LiveTrial, says
from webadmin.operations.live_file_line import Step

HANG_UP = Step(hang_up=True)
NOTICE_SECONDS = 2 * SENTENCE
"""The notice of `intake_102` has two sentences."""


def texts(trial: LiveTrial) -> list[str]:
    return [event.text for event in trial.journal.of(Recognised)]


@pytest.fixture
def notice(trial: LiveTrial) -> str:
    notice = trial.session.greeting().notice
    assert "recorded" in notice
    return notice


@pytest.mark.parametrize("into", [0.1, 0.6])
def test_who_cuts_in_hears_the_notice_to_its_end_and_nothing_of_what_follows(
    trial: LiveTrial, notice: str, into: float
) -> None:
    trial.run([says(THEFT, into=into), HANG_UP])

    greeting = trial.journal.of(Said)[0]
    assert not greeting.whole
    assert greeting.heard_text == notice
    assert greeting.played_seconds == pytest.approx(NOTICE_SECONDS, abs=0.1)
    (cut,) = trial.journal.of(Interrupted)
    assert (cut.outcome, cut.held_back) == ("dropped", True)


def test_all_that_is_said_into_the_notice_is_heard(trial: LiveTrial, notice: str) -> None:
    trial.run([says(KNIFE, into=0.05)])

    assert trial.journal.of(Assessed)[-1].fields["urgency"] == "critical"
    assert trial.line.transferred is TransferReason.CRITICAL
    assert [event.text for event in trial.journal.of(Said)][1:] != []


def test_words_that_are_over_before_the_notice_is_are_answered_after_it(trial: LiveTrial, notice: str) -> None:
    trial.run([says(NO, into=0.05), HANG_UP])

    greeting, *_ = trial.journal.of(Said)
    assert greeting.heard_text == notice
    assert texts(trial) == [WORDS[NO]]
    assert trial.journal.of(Listened)[0].seconds < 1.0, "it was recognised while the notice was spoken"


@pytest.mark.parametrize("sound", [0.14, MM_HM], ids=["cough", "mm-hm"])
def test_a_cough_in_the_notice_costs_nothing_of_the_greeting(trial: LiveTrial, notice: str, sound: float) -> None:
    trial.run([says(sound, into=0.2), says(THEFT), HANG_UP])

    assert trial.journal.of(Said)[0].whole
    assert texts(trial) == [WORDS[THEFT]]


def test_what_follows_the_notice_is_silenced_at_once(trial: LiveTrial, notice: str) -> None:
    trial.run([says(THEFT, into=NOTICE_SECONDS + 0.05), HANG_UP])

    greeting = trial.journal.of(Said)[0]
    assert not greeting.whole
    assert greeting.heard_text.startswith(notice)
    (cut,) = trial.journal.of(Interrupted)
    assert (cut.outcome, cut.held_back) == ("dropped", False)
    assert texts(trial) == [WORDS[THEFT]]


def test_the_operators_key_works_in_the_notice(trial: LiveTrial, notice: str) -> None:
    trial.run([Step(key="0", into=0.2)])

    assert trial.line.transferred is TransferReason.CALLER_ASKED
    assert trial.journal.of(Said)[0].heard_text != notice


def test_a_greeting_without_a_notice_is_silenced_at_once(trial: LiveTrial) -> None:
    greeting = replace(trial.session.greeting(), notice="")
    trial.session.greeting = lambda: greeting  # type: ignore[method-assign]
    trial.run([says(THEFT, into=0.1), HANG_UP])

    assert trial.journal.of(Said)[0].played_seconds < SENTENCE
