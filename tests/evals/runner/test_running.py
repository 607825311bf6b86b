"""The runner against a phone that plays the assistant: what it measures is what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from dialogue.audio import Audio
from tests.evals.runner.office import CallOnRecord, SaidOnRecord
from tests.evals.runner.reading import read_scene
from tests.evals.runner.results import SceneResult
from tests.evals.runner.running import Place, run_scenes
from webadmin.operations.sip_call import SipCall
from webadmin.operations.sip_phone import SipPhone

Assistant = Callable[[SipCall], Awaitable[None]]
HEARD_MS = 80
"""Two phones on a loopback hear each other's sound this much late at most, on a busy machine."""


def tone(seconds: float) -> Audio:
    samples = 8000 * np.sin(2 * np.pi * 400 * np.arange(int(seconds * 16_000)) / 16_000)
    return Audio(samples.astype("<i2").tobytes(), 16_000)


class Records:
    """An office that knows one finished call."""

    def __init__(self, **facts: object) -> None:
        self.call = CallOnRecord(
            **{
                "call_id": "an id",
                "status": "completed",
                "end_reason": "",
                "transcript": "somebody stole my car",
                "incident": {"category": "theft", "address": "15 Garden Street"},
                "said": [SaidOnRecord("What is the address?", True, 0.0, 1e12)],
                "interruptions": ["dropped"],
                **facts,
            }  # type: ignore[arg-type]
        )

    async def call_of(self, number: str, since: float, seconds: float) -> CallOnRecord:
        return self.call


async def ran(tmp_path: Path, steps: str, assistant: Assistant, office: Records | None = None) -> SceneResult:
    """Run a file against an assistant that does as a coroutine says."""
    path = tmp_path / "scene.yaml"
    path.write_text("about: a test\nlongest_seconds: 20\n" + steps)
    scene = read_scene(path)
    async with SipPhone(user=scene.script.extension, auto_answer=True) as phone:
        place = Place(f"127.0.0.1:{phone.address[1]}", office)

        async def serve() -> None:
            while True:
                await assistant(await phone.next_call(20))

        serving = asyncio.create_task(serve())
        try:
            return (await run_scenes([scene], place))[0]
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def heard_end(call: SipCall) -> None:
    """Return when the caller has fallen silent."""
    await call.hear_until_quiet(0.3, longest_seconds=10)


async def greets_and_answers(call: SipCall) -> None:
    await call.say(tone(0.6))
    await heard_end(call)
    await call.say(tone(0.5))
    await call.hang_up()


async def test_the_time_from_the_callers_last_sound_to_the_answer_is_measured(tmp_path: Path) -> None:
    steps = """
quiet_ms: 300
steps:
  - expect: {speaks: true, within_ms: 500}
  - say: "hello"
  - expect: {speaks: true, within_ms: 700}
  - ended: {by: them}
"""
    result = await ran(tmp_path, steps, greets_and_answers)
    assert result.passed, "\n".join(result.lines())
    answer = result.runs[0].steps[2]
    assert answer.milliseconds == pytest.approx(300, abs=HEARD_MS)


async def test_an_answer_that_comes_late_fails_and_says_how_late(tmp_path: Path) -> None:
    steps = """
quiet_ms: 300
steps:
  - say: "hello"
  - expect: {speaks: true, within_ms: 100}
  - hang_up: true
"""
    result = await ran(tmp_path, steps, greets_and_answers)
    assert not result.passed
    late = result.runs[0].steps[-1]
    assert (late.line, late.passed) == (7, False)
    assert late.milliseconds == pytest.approx(300, abs=HEARD_MS)
    assert result.late
    assert len(result.runs[0].steps) == 2, "what follows a failed step says nothing"


async def stops_when_spoken_to(call: SipCall, after: float, again: float | None = None) -> None:
    """Speak in pieces until the caller is heard; go on later where asked to."""
    voices = len(call.voices)
    while len(call.voices) - voices < after / 0.02:
        await call.say(tone(0.02))
    if again is not None:
        await asyncio.sleep(again)
        await call.say(tone(0.5))
    await call.wait_ended(20)


async def test_the_time_until_the_assistant_falls_silent_is_measured(tmp_path: Path) -> None:
    steps = """
steps:
  - interrupt: {after_ms: 400, say: "stop talking please"}
  - stops_within_ms: 300
  - absent: {speech: true, for_ms: 500}
  - hang_up: true
"""
    result = await ran(tmp_path, steps, lambda call: stops_when_spoken_to(call, 0.1))
    assert result.passed, "\n".join(result.lines())
    assert result.runs[0].steps[1].milliseconds == pytest.approx(120, abs=HEARD_MS)


async def test_an_assistant_that_talks_on_fails_to_stop(tmp_path: Path) -> None:
    steps = """
steps:
  - interrupt: {after_ms: 300, say: "stop"}
  - stops_within_ms: 300
"""
    result = await ran(tmp_path, steps, lambda call: call.say(tone(6)))
    assert not result.passed
    assert not result.late
    assert "goes on speaking" in result.runs[0].steps[-1].note


async def test_speech_that_goes_on_after_a_cough_is_found(tmp_path: Path) -> None:
    steps = """
steps:
  - interrupt: {after_ms: 300, cough: true}
  - stops_within_ms: 300
  - resumes: {within_ms: 700}
  - hang_up: true
"""
    result = await ran(tmp_path, steps, lambda call: stops_when_spoken_to(call, 0.06, again=0.5))
    assert result.passed, "\n".join(result.lines())


async def test_keys_reach_the_other_side(tmp_path: Path) -> None:
    pressed: list[str] = []

    async def listens(call: SipCall) -> None:
        await call.wait_ended(10)
        pressed.append(call.keys)

    result = await ran(tmp_path, 'steps:\n  - dtmf: "10#"\n  - silence: 0.2\n  - hang_up: true\n', listens)
    assert result.passed
    assert pressed == ["10#"]


async def test_an_assistant_that_is_silent_fails_where_words_are_wanted(tmp_path: Path) -> None:
    result = await ran(
        tmp_path, "steps:\n  - expect: {speaks: true, within_ms: 200}\n", lambda call: call.wait_ended(20)
    )
    assert "nothing was heard" in result.runs[0].steps[0].note


async def test_the_pass_rate_counts_calls(tmp_path: Path) -> None:
    calls = 0

    async def greets_every_other(call: SipCall) -> None:
        nonlocal calls
        calls += 1
        if calls % 2:
            await call.say(tone(0.3))
        await call.hang_up()

    steps = "repeats: 4\npass_rate: {}\nsteps:\n  - expect: {{speaks: true, within_ms: 300}}\n"
    half = await ran(tmp_path, steps.format(0.5), greets_every_other)
    assert (half.passes, half.passed) == (2, True), "\n".join(half.lines())
    assert not (await ran(tmp_path, steps.format(0.6), greets_every_other)).passed


JUDGED = """
quiet_ms: 300
steps:
  - expect: {{speaks: true}}
  - absent: {{text: "address", for_ms: 200}}
  - hang_up: true
record:
  {}
"""


@pytest.mark.parametrize(
    ("record", "right"),
    [
        ("status: completed", True),
        ("status: failed", False),
        ("incident: {category: theft, address: garden}", True),
        ("incident: {category: noise}", False),
        ("transcript_contains: stole my car", True),
        ("transcript_lacks: stole my car", False),
        ("said_lacks: address", False),
        ("interruptions: [dropped]", True),
        ("interruptions: []", False),
        ("not_heard_whole: false", True),
    ],
)
async def test_the_record_is_judged(tmp_path: Path, record: str, right: bool) -> None:
    steps = JUDGED.format(record).replace('  - absent: {text: "address", for_ms: 200}\n', "")
    result = await ran(tmp_path, steps, greets_and_answers, Records())
    assert result.passed is right, "\n".join(result.lines())


async def test_words_that_should_not_have_been_said_then_are_found(tmp_path: Path) -> None:
    result = await ran(tmp_path, JUDGED.format("status: completed"), greets_and_answers, Records())
    assert [step.what for step in result.runs[0].steps if not step.passed] == ["“address” was not said"]


async def test_a_call_that_nobody_answers_fails(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("about: a test\nlongest_seconds: 1\nsteps:\n  - hang_up: true\n")
    result = (await run_scenes([read_scene(path)], Place("127.0.0.1:40699")))[0]
    assert not result.passed
