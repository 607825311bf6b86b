"""The recording of a real call: each side by itself, in step and whole; and what is measured on it is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections
from numpy.typing import NDArray

from dialogue.audio import Audio
from tests.evals.runner.office import CallOnRecord, DjangoOffice
from tests.live.conftest import QUICK, AgiDoor
from tests.live.door import Door
from tests.live.live_door import LiveDoor
from tests.live.pbx import Sandbox
from tests.live.person import Person, until_in, words
from webadmin.calls.heard import LONG_SILENCE
from webadmin.calls.legs import RATE, Legs
from webadmin.calls.models import CallHearing
from webadmin.calls.voices import agent_sound, spans
from webadmin.operations.sip_phone import SipPhone

pytestmark = [
    pytest.mark.live,
    pytest.mark.alone,
    pytest.mark.django_db,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
]

IN_STEP = 0.06
"""Seconds: 40 ms between the legs, and a packet's length by which the telephone's own times are right."""

MARK_HZ = 1500
MEASURED_SECONDS = 30.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live_door(
    running_sandbox: Sandbox, office: DjangoOffice, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveDoor]:
    door = LiveDoor(running_sandbox, tmp_path_factory.mktemp("recorded"), "recorded")
    await asyncio.to_thread(door.start)
    await until_in(running_sandbox, "dialplan show globals", f"HOTLINE_ALIVE_{door.app}=")
    yield door
    await asyncio.to_thread(door.stop)
    await sync_to_async(connections.close_all)()
    running_sandbox.set_global("ARI_APPS", "hotline")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agi_door(
    running_sandbox: Sandbox, office: DjangoOffice, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    door = Door(running_sandbox, tmp_path_factory.mktemp("agi"))
    await asyncio.to_thread(door.start)
    yield door
    await asyncio.to_thread(door.stop)


def tone(seconds: float) -> Audio:
    """A tone without a pause, with a mark of another pitch at the beginning of each second."""
    t = np.arange(round(seconds * RATE)) / RATE
    low, mark = 3000 * np.sin(2 * np.pi * 300 * t), 8000 * np.sin(2 * np.pi * MARK_HZ * t)
    return Audio(np.where(t % 1 < 0.05, mark, low).astype("<i2").tobytes(), RATE)


def marks(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """When each mark begins, s."""
    turned = samples * np.exp(-2j * np.pi * MARK_HZ * np.arange(len(samples)) / RATE)
    size = RATE // 100
    loud = np.abs(np.convolve(turned, np.ones(size) / size, "same")) > 1500
    begins = np.flatnonzero(loud[1:] & ~loud[:-1]) / RATE
    return begins[np.concatenate(([True], np.diff(begins) > 0.3))]


CODECS = ("G722", "PCMU")


@dataclass(frozen=True)
class Toned:
    """A call in which the caller played `tone` into what the assistant said.

    Args:
        began: when the caller began, seconds of the loop's clock.
        voices: when a packet with sound came, by the same clock.
        legs: the recording.
    """

    began: float
    voices: NDArray[np.float64]
    legs: Legs


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def toned(running_sandbox: Sandbox) -> dict[str, Toned]:
    """A call for each codec, both at once."""
    for name, value in QUICK.items():
        running_sandbox.set_global(name, value)
    busy = f'STREAM FILE {running_sandbox.cli("dialplan show globals").split("CALL_SOUNDS=")[1].split()[0]}/en/busy ""'
    commands = ("EXEC Wait 1", busy, "EXEC Wait 2", busy, "EXEC Wait 1", busy, "SET VARIABLE CALL_OUTCOME completed")
    loop = asyncio.get_running_loop()

    async def call_with(codec: str, number: str) -> tuple[float, NDArray[np.float64]]:
        async with SipPhone(user=number) as phone:
            call = await phone.call(running_sandbox.sip_uri, codec=codec)
            began = loop.time()
            await call.say(tone(18.0))
            await call.wait_ended(40)
            return began, np.asarray(call.voices)

    numbers = {codec: f"+7701123456{digit}" for digit, codec in enumerate(CODECS)}
    before = running_sandbox.reports()
    async with AgiDoor(*commands).listening(running_sandbox.agi_port):
        heard = await asyncio.gather(*(call_with(codec, number) for codec, number in numbers.items()))
    found: dict[str, Legs] = {}
    for _ in CODECS:
        report = await running_sandbox.report_of_next_call(before)
        before |= {report["call_id"]}
        await running_sandbox.recorded_seconds(report["call_id"])
        found[report["caller"]] = Legs.of(running_sandbox.spool / "recordings" / report["call_id"])
    return {codec: Toned(*heard[at], found[numbers[codec]]) for at, codec in enumerate(CODECS)}


@pytest.mark.parametrize("codec", CODECS)
async def test_both_sides_are_recorded_in_step_and_the_callers_is_whole(toned: dict[str, Toned], codec: str) -> None:
    call = toned[codec]
    caller, agent = (np.fromfile(path, "<i2") for path in call.legs.paths)
    assert abs(len(caller) - len(agent)) <= 0.04 * RATE

    heard = marks(caller)
    assert len(heard) >= 15
    off = heard - heard[0] - np.arange(len(heard))
    assert np.abs(off).max() <= 0.041, "nothing was lost from the caller's speech, and nothing put in"
    told = caller[round(heard[1] * RATE) : round(heard[-1] * RATE)]
    holes = [span.seconds for span in spans(~agent_sound(told, RATE), 0.0)]
    assert len(holes) <= 3, holes
    assert max(holes, default=0.0) <= 0.02, "MixMonitor may fill in a packet where the other side was quicker"

    onsets = call.voices[np.concatenate(([True], np.diff(call.voices) > 0.8))] - call.began
    recorded = [span.start - heard[0] for span in spans(agent_sound(agent, RATE), 0.8)]
    assert len(recorded) == len(onsets) == 3
    assert recorded == pytest.approx(list(onsets), abs=IN_STEP)


EXTENSIONS = ("102", "112", "113")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def waits(
    running_sandbox: Sandbox, office: DjangoOffice, agi_door: Door, live_door: LiveDoor
) -> dict[str, tuple[float, CallOnRecord]]:
    """How long a caller of each extension waited for an answer, seconds, and the call; all at once."""
    for name, value in {**QUICK, "CALL_AI_SECONDS": "60", "ARI_APPS": live_door.app}.items():
        running_sandbox.set_global(name, value)
    loop = asyncio.get_running_loop()

    async def call(extension: str) -> tuple[float, CallOnRecord]:
        async with Person(running_sandbox, extension=extension) as person:
            await person.is_greeted()
            await person.call.say(words("somebody stole my car last night"))
            fell_silent = loop.time()
            waited = await person.hears_a_voice(fell_silent) - fell_silent
            await person.call.hear_until_quiet(0.9)
            await person.call.hang_up()
            return waited, await person.record(office)

    calls = await asyncio.gather(*(call(extension) for extension in EXTENSIONS))
    return dict(zip(EXTENSIONS, calls, strict=True))


@pytest.mark.parametrize("extension", EXTENSIONS)
async def test_the_wait_that_the_caller_had_stands_on_the_call(
    waits: dict[str, tuple[float, CallOnRecord]], extension: str
) -> None:
    waited, record = waits[extension]
    hearing = await _hearing(record.call_id)
    (answer,) = hearing.details["answers"]
    # The telephone's own way is a packet or two; the door cannot know when the last word really ended.
    assert answer["seconds"] == pytest.approx(waited, abs=0.08)
    if extension != "102":
        assert answer["reported"] == pytest.approx(waited, abs=0.2)
    assert hearing.silences == int(answer["seconds"] >= LONG_SILENCE)
    assert hearing.agent_gap_longest < 1.0


async def _hearing(call_id: Any) -> CallHearing:
    async with asyncio.timeout(MEASURED_SECONDS):
        while True:
            found = await CallHearing.objects.filter(call_id=call_id).afirst()
            if found is not None:
                return found
            await asyncio.sleep(0.3)
