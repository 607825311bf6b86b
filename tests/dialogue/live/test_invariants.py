"""Whatever callers and engines do, nothing a caller says is lost, nobody waits in silence, and every call ends once.

Calls of random callers with random engines, in virtual time; a failing one is named by its seed.
"""

from __future__ import annotations

import random

import pytest

from dialogue.events import CallEnded, Listened
from tests.dialogue.live.random_calls import LONGEST_CALL, TICK, Trial, random_script
from tests.dialogue.live.random_engines import Burst, Engines, Script, random_engines
from tests.fakes.virtual_time import run

CALLS = 120
LONGEST_SILENCE = 5.7
"""Seconds: 4 of a caller who says nothing, and what a voice has to begin."""

LONGEST_WAIT = 5.1
"""Seconds of silence after the caller's voice."""


@pytest.mark.parametrize("seed", range(CALLS))
def test_no_caller_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    script = random_script(chance)
    trial = Trial(script, random_engines(chance), chance)
    run(trial.run())

    ends = trial.journal.of(CallEnded)
    fails = trial.journal._fails_at is not None
    assert len(ends) == 1 or (fails and not ends), ends
    assert_nothing_lost(trial, fails=fails)
    assert_nothing_answered_twice(trial)
    assert_no_long_silence(trial)


@pytest.mark.parametrize("seed", range(CALLS, CALLS + 40))
def test_a_door_that_stops_leaves_nothing_running(seed: int) -> None:
    chance = random.Random(seed)
    trial = Trial(random_script(chance), random_engines(chance), chance)
    run(trial.run(stopped_at=chance.uniform(0.01, 25.0)))

    assert len(trial.journal.of(CallEnded)) <= 1


@pytest.mark.parametrize("gap", [None, 0.3, 1.0, 3.5], ids=["music", "stutter", "barking", "dripping"])
@pytest.mark.parametrize("burst", [0.1, 0.2, 0.5, 2.0])
def test_noise_that_never_ends_brings_a_person(burst: float, gap: float | None) -> None:
    chance = random.Random(1)
    noise = [Burst(0.1, LONGEST_CALL, True)]
    if gap is not None:
        noise = [Burst(0.1 + n * (burst + gap), burst, True) for n in range(int(LONGEST_CALL / (burst + gap)))]
    script = Script(noise, [], LONGEST_CALL)
    trial = Trial(script, Engines(chance, (0.3,), (0.1,), (0.1,), 0.0), chance)
    run(trial.run())

    assert trial.line.left == "transfer"
    assert len(trial.line.track.caller) * TICK < 60
    assert_no_long_silence(trial)


def assert_nothing_lost(trial: Trial, *, fails: bool) -> None:
    """Each burst of voice that is long enough to be one is on record."""
    if fails:
        return
    on_record = set().union(*trial.on_record())
    for number, burst in enumerate(trial.script.bursts):
        heard = [spoken for spoken in trial.line.heard if spoken[0] == number]
        if burst.wordless or len(heard) * TICK < 0.3:
            continue
        last = max(trial.line.heard[spoken] for spoken in heard)
        if last > len(trial.line.track.caller) * TICK - 0.3:
            continue
        missing = [spoken for spoken in heard if spoken not in on_record]
        assert len(missing) * TICK <= 0.12, f"burst {number} at {burst.at:.2f}: {len(missing)} frames lost"


def assert_nothing_answered_twice(trial: Trial) -> None:
    utterances = trial.on_record()
    for index, one in enumerate(utterances):
        for other in utterances[index + 1 :]:
            assert not one & other
    turns = [event.turn for event in trial.journal.of(Listened) if event.heard == "utterance"]
    assert len(set(turns)) == len(turns)


def assert_no_long_silence(trial: Trial) -> None:
    track = trial.line.track
    silent, spoke_last = 0.0, False
    for tick, (caller, assistant) in enumerate(zip(track.caller, track.assistant, strict=True)):
        if caller or assistant:
            silent, spoke_last = 0.0, caller
            continue
        silent += TICK
        assert silent <= (LONGEST_WAIT if spoke_last else LONGEST_SILENCE), f"until {tick * TICK:.2f}"
