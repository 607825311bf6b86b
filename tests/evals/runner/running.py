"""Runs scenario files: places their calls, several at once, and judges them by ear and by the office's record."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from tests.evals.runner import sounds
from tests.evals.runner.caller import Caller, UnsaidText
from tests.evals.runner.office import CallOnRecord, Office
from tests.evals.runner.operators import Operators
from tests.evals.runner.reading import Scene
from tests.evals.runner.results import RunResult, SceneResult, StepResult
from tests.evals.runner.script import Record, Script
from webadmin.operations.sip_phone import CallFailed, SipPhone

RECORD_SECONDS = 40.0
"""Until the end of a call is on record."""

_numbers = itertools.count(secrets.randbelow(9_000_000))


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls go.

    Args:
        pbx: host:port of the PBX's SIP.
        office: where calls are looked up; None: the record is not judged.
        operators: their phones; None where there are none.
    """

    pbx: str
    office: Office | None = None
    operators: Operators | None = None


async def run_scenes(
    scenes: Sequence[Scene], place: Place, *, repeats: int | None = None, parallel: int = 2
) -> list[SceneResult]:
    """Run scenario files, each as often as it says.

    Args:
        scenes: the files.
        place: where their calls go.
        repeats: instead of what the files say.
        parallel: calls at once.
    """
    slots = asyncio.Semaphore(parallel)

    async def one(scene: Scene, number: int) -> RunResult:
        # Whoever waits for an operator holds no slot, and whoever waits for the record holds neither.
        async with (
            place.operators.one if scene.script.operators and place.operators else nullcontext(),
            slots,
        ):
            placed = await _place_call(scene, place, number)
        if place.office is not None:
            await _judge_record(placed, scene, place.office)
        return placed.result

    async def all_of(scene: Scene) -> SceneResult:
        count = repeats or scene.script.repeats
        runs = await asyncio.gather(*(one(scene, number + 1) for number in range(count)))
        return SceneResult(scene.name, scene.script.pass_rate, runs)

    return list(await asyncio.gather(*(all_of(scene) for scene in scenes)))


@dataclass(slots=True)
class _Placed:
    """A call that is over.

    Args:
        result: what was heard.
        number: of its caller.
        began: Unix time.
        unsaid: texts to look for in the record.
    """

    result: RunResult
    number: str
    began: float
    unsaid: Sequence[UnsaidText] = ()


async def _place_call(scene: Scene, place: Place, number: int) -> _Placed:
    result, script = RunResult(number), scene.script
    placed = _Placed(result, f"+7701{next(_numbers) % 10_000_000:07d}", time.time())
    try:
        async with SipPhone(user=placed.number) as phone, asyncio.timeout(script.longest_seconds):
            call = await phone.call(f"sip:{script.extension}@{place.pbx}", codec=script.codec)
            caller = Caller(script, scene.path.parent, call, placed.number, place.operators)
            placed.unsaid = caller.unsaid
            if script.room is not None:
                call.be_in(sounds.noise(script.room.level_db, script.room.seconds))
            for step, line in zip(script.steps, scene.lines, strict=True):
                result.steps.append(await caller.take(step, line))
                if not result.steps[-1].passed:
                    break
            await call.hang_up()
    except CallFailed as error:
        result.steps.append(StepResult(1, f"calls {script.extension}", False, None, str(error)))
    except TimeoutError:
        note = f"the call was given up after {script.longest_seconds:g} s"
        result.steps.append(StepResult(1, "comes to an end", False, None, note))
    result.seconds = time.time() - placed.began
    return placed


async def _judge_record(placed: _Placed, scene: Scene, office: Office) -> None:
    result = placed.result
    heard_well = all(step.passed for step in result.steps)
    try:
        call = await office.call_of(placed.number, placed.began, RECORD_SECONDS)
    except LookupError as error:
        result.steps.append(StepResult(0, "the call is on record", False, None, str(error)))
        return
    result.call_id = call.call_id
    if not heard_well:
        # What was said explains a step that failed; a call that was broken off has no record to judge.
        said = " | ".join(reply.words for reply in call.said)
        note = f"{call.status} {call.end_reason}; caller: “{call.transcript}”; assistant: “{said}”"
        result.steps.append(StepResult(0, "on record", False, None, note))
        return
    for name, passed, note in _judgements(scene.script, call):
        result.steps.append(StepResult(0, f"on record: {name}", passed, None, "" if passed else note))
    for item in placed.unsaid:
        words = [said.words for said in call.said if said.ended > item.begins and said.began < item.ends]
        absent = item.text.lower() not in " ".join(words).lower()
        note = "" if absent else f"said: {' | '.join(words)}"
        result.steps.append(StepResult(item.line, f"“{item.text}” was not said", absent, None, note))


def _judgements(script: Script, call: CallOnRecord) -> Iterator[tuple[str, bool, str]]:
    """What the file says of the record: name, whether it is so, what there is instead."""
    wanted: Record = script.record
    for step in script.steps:
        if step.transferred is not None and step.transferred.reason is not None:
            reason = step.transferred.reason.value
            yield f"transferred for {reason}", (call.status, call.end_reason) == ("transferred", reason), _ending(call)
    if wanted.status is not None:
        yield f"status {wanted.status.value}", call.status == wanted.status.value, _ending(call)
    if wanted.end_reason is not None:
        yield f"reason {wanted.end_reason or 'none'}", call.end_reason == wanted.end_reason, _ending(call)
    for name, value in wanted.incident.items():
        found = call.incident.get(name)
        alike = value.lower() in str(found).lower() if isinstance(value, str) and found is not None else found == value
        yield f"{name} {value}", alike, f"{name} is {found}; caller: “{call.transcript}”"
    said = " | ".join(reply.words for reply in call.said)
    for what, texts, there, where in (
        ("understood", wanted.transcript_contains, True, call.transcript),
        ("not understood", wanted.transcript_lacks, False, call.transcript),
        ("said", wanted.said_contains, True, said),
        ("not said", wanted.said_lacks, False, said),
    ):
        for text in texts:
            yield f"{what} “{text}”", (text.lower() in where.lower()) is there, f"there is: “{where}”"
    if wanted.interruptions is not None:
        found = tuple(call.interruptions)
        yield f"interruptions {', '.join(wanted.interruptions) or 'none'}", found == wanted.interruptions, str(found)
    if wanted.not_heard_whole is not None:
        cut = any(not reply.whole for reply in call.said)
        yield (
            f"a reply {'cut short' if wanted.not_heard_whole else 'always whole'}",
            cut is wanted.not_heard_whole,
            said,
        )
    if wanted.filler_said is not None:
        filled = any(reply.purpose == "filler" for reply in call.said)
        yield f"{'a' if wanted.filler_said else 'no'} phrase that bridges a wait", filled is wanted.filler_said, said


def _ending(call: CallOnRecord) -> str:
    return f"the call is {call.status}, {call.end_reason or 'no reason'}"
