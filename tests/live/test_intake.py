"""Spoken words on a real SIP call become an incident, and whoever needs a person gets one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections

from tests.evals.runner.office import CallOnRecord, DjangoOffice
from tests.evals.runner.operators import Operators
from tests.live.conftest import QUICK
from tests.live.door import Door
from tests.live.pbx import Sandbox
from tests.live.person import Person, words
from tests.services import free_port
from webadmin.calls.models import Call

pytestmark = [
    pytest.mark.live,
    pytest.mark.django_db,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]

OPERATOR_SECONDS = 60.0
"""Until a caller who says nothing has been asked once, and the queue has an operator free."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(
    running_sandbox: Sandbox, office: DjangoOffice, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    door = Door(running_sandbox, tmp_path_factory.mktemp("door"))
    await asyncio.to_thread(door.start)
    yield door
    await asyncio.to_thread(door.stop)
    await sync_to_async(connections.close_all)()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operators(running_sandbox: Sandbox) -> AsyncIterator[Operators]:
    async with Operators(running_sandbox.registrar, running_sandbox.secrets["sip"]) as operators:
        yield operators


@pytest.fixture
def dial(running_sandbox: Sandbox) -> Callable[..., Person]:
    """Makes a caller of the hotline."""
    for name, value in {**QUICK, "CALL_AI_SECONDS": "120"}.items():
        running_sandbox.set_global(name, value)
    return partial(Person, running_sandbox, extension="102")


async def converse(person: Person, *sentences: str) -> None:
    """Say each when the assistant has finished speaking."""
    for sentence in sentences:
        await person.call.hear_until_quiet()
        if person.call.ended.is_set():
            return
        await person.call.say(words(sentence))


async def tell(person: Person, _: Operators, *sentences: str) -> None:
    """Say what happened, and stay until the assistant has said good-bye."""
    await converse(person, *sentences)
    await person.call.wait_ended(90)


async def tell_and_leave(person: Person, _: Operators, *sentences: str) -> None:
    """Hang up as soon as the last word is said."""
    await converse(person, *sentences)
    await person.call.hang_up()


async def tell_an_operator(person: Person, operators: Operators, *sentences: str) -> None:
    """Say what happened, or nothing, until an operator is on the phone."""
    await converse(person, *sentences)
    await meet(person, operators)


async def press_zero(person: Person, operators: Operators) -> None:
    await person.hears_a_voice()
    await person.call.press("0")
    await meet(person, operators)


async def meet(person: Person, operators: Operators) -> None:
    """Hang up once an operator is on the phone."""
    taken = await operators.call_from(person.number, OPERATOR_SECONDS)
    await person.call.hang_up()
    await taken.wait_ended(5)


Crowd = dict[str, asyncio.Task[CallOnRecord]]
CALLERS: dict[str, tuple[str, Callable[..., Awaitable[None]], tuple[str, ...]]] = {
    "silence": ("PCMA", tell_an_operator, ()),
    "theft": ("G722", tell, ("somebody stole my car last night", "fifteen garden street", "no")),
    "noise": ("G722", tell, ("my neighbors are playing loud music", "twelve green street", "no")),
    "knife": ("G722", tell_an_operator, ("there is a man with a knife he is attacking a woman",)),
    "fire": ("G722", tell_and_leave, ("there is a fire in the building and people are inside",)),
    "key": ("PCMU", press_zero, ()),
}
"""Codec, what they do, and their words."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(
    door: Door, office: DjangoOffice, operators: Operators, running_sandbox: Sandbox
) -> AsyncIterator[Crowd]:
    """Callers at the same time; a test awaits the one it is about, and gets what is on record."""
    for name, value in {**QUICK, "CALL_AI_SECONDS": "120"}.items():
        running_sandbox.set_global(name, value)

    async def live(codec: str, behave: Callable[..., Awaitable[None]], sentences: tuple[str, ...]) -> CallOnRecord:
        async with Person(running_sandbox, codec, "102") as person:
            await behave(person, operators, *sentences)
            return await person.record(office)

    tasks = {name: asyncio.create_task(live(*what)) for name, what in CALLERS.items()}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_a_theft_told_in_two_sentences_is_on_record_with_its_sound(crowd: Crowd) -> None:
    record = await crowd["theft"]
    assert record.status == "completed"
    assert "somebody stole my car last night" in record.transcript
    assert (record.incident["category"], record.incident["recommended_department"]) == ("theft", "police")
    assert record.incident["final"]
    call = await Call.objects.select_related("recording").aget(pk=record.call_id)
    assert call.engines["stt"] == "pocketsphinx"
    assert await call.turns.acount() >= 3
    assert call.recording.seconds > 15
    assert call.recording.rate == 16000


async def test_callers_at_once_are_not_mixed(crowd: Crowd) -> None:
    theft, noise = await crowd["theft"], await crowd["noise"]
    assert "Garden Street" in (theft.incident["address"] or "")
    assert noise.incident["category"] == "noise"
    assert "Green" in (noise.incident["address"] or "")


async def test_a_knife_brings_an_operator_to_the_phone(crowd: Crowd) -> None:
    record = await crowd["knife"]
    assert (record.status, record.end_reason) == ("transferred", "critical")
    assert (record.incident["urgency"], record.incident["weapons"]) == ("critical", True)
    assert (await Call.objects.aget(pk=record.call_id)).operator in ("PJSIP/operator1", "PJSIP/operator2")


async def test_key_zero_in_the_greeting_brings_an_operator(crowd: Crowd) -> None:
    record = await crowd["key"]
    assert (record.status, record.end_reason) == ("transferred", "caller_asked")


async def test_a_silent_caller_is_asked_once_and_then_gets_an_operator(crowd: Crowd) -> None:
    record = await crowd["silence"]
    assert (record.status, record.end_reason) == ("transferred", "silence")
    assert record.incident["category"] == "silent"


async def test_words_cut_off_by_the_callers_own_hang_up_become_an_incident(crowd: Crowd) -> None:
    record = await crowd["fire"]
    assert record.status == "hung_up"
    assert (record.incident["category"], record.incident["urgency"]) == ("fire", "critical")


async def test_a_door_killed_in_mid_call_leaves_the_caller_with_an_operator_and_the_call_with_a_final_status(
    crowd: Crowd, door: Door, office: DjangoOffice, operators: Operators, dial: Callable[..., Person]
) -> None:
    await asyncio.gather(*crowd.values(), return_exceptions=True)
    async with dial() as person:
        await converse(person, "somebody stole my car last night")
        await person.call.hear_until_quiet()
        await asyncio.to_thread(door.kill)
        await meet(person, operators)
        await asyncio.to_thread(door.start)
        record = await person.record(office)
    assert (record.status, record.end_reason) == ("failed", "door_died")
    assert (await Call.objects.aget(pk=record.call_id)).operator.startswith("PJSIP/operator")
    assert "stole my car" in record.transcript
    assert record.incident["category"] == "theft"


async def test_a_call_that_lasts_too_long_goes_to_an_operator_and_is_not_taken_for_hung_up(
    door: Door, office: DjangoOffice, operators: Operators, dial: Callable[..., Person], running_sandbox: Sandbox
) -> None:
    running_sandbox.set_global("CALL_AI_SECONDS", "4")
    async with dial(codec="PCMU") as person:
        await meet(person, operators)
        record = await person.record(office)
    assert (record.status, record.end_reason) == ("failed", "taken_by_pbx")


async def test_a_door_that_shares_no_folder_with_the_pbx_leaves_the_caller_with_an_operator(
    office: DjangoOffice, operators: Operators, dial: Callable[..., Person], running_sandbox: Sandbox, tmp_path: Path
) -> None:
    apart = Door(running_sandbox, tmp_path, free_port(), PBX_SPOOL_DIR="/nowhere/spool")
    await asyncio.to_thread(apart.start)
    running_sandbox.set_global("AGI_SERVER", apart.address)
    try:
        async with dial(codec="PCMU") as person:
            await meet(person, operators)
            record = await person.record(office)
    finally:
        running_sandbox.set_global("AGI_SERVER", f"127.0.0.1:{running_sandbox.agi_port}")
        await asyncio.to_thread(apart.stop)
    assert record.status == "failed"
    assert record.call_id in apart.log
    assert '"stage": "line"' in apart.log
