"""Spoken words on a real SIP call become an incident, and whoever needs a person gets one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from dialogue.audio import Audio, read_wav
from tests.live.conftest import Sandbox
from tests.live.door import Door
from webadmin.calls.models import Call
from webadmin.incidents.models import Incident
from webadmin.operations.sip_call import SipCall
from webadmin.operations.sip_phone import SipPhone

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

RECORD_SECONDS = 40.0


@pytest.fixture
def door(sandbox: Sandbox, tmp_path: Path) -> Iterator[Door]:
    sandbox.set_global("CALL_AI_SECONDS", "120")
    door = Door(sandbox, tmp_path)
    door.start()
    yield door
    door.stop()


@pytest.fixture(autouse=True)
async def no_connection_left() -> AsyncIterator[None]:
    """The test database cannot be dropped while a thread still holds a connection to it."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture(scope="module")
def speak(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Audio]:
    """Words in the voice of a person who speaks clearly."""
    folder = tmp_path_factory.mktemp("spoken")

    def say(text: str) -> Audio:
        path = folder / f"{abs(hash(text))}.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True, timeout=30)
        return read_wav(path)

    return say


async def the_call(ready: Callable[[Call], bool], seconds: float = RECORD_SECONDS) -> Call:
    """Wait until the only call on record is as wanted."""
    call = None
    async with asyncio.timeout(seconds):
        while True:
            call = await Call.objects.afirst()
            if call is not None and ready(call):
                return call
            await asyncio.sleep(0.2)


def finished(call: Call) -> bool:
    return call.post_processed_at is not None


async def both_finished() -> None:
    done = Call.objects.filter(post_processed_at__isnull=False)
    async with asyncio.timeout(RECORD_SECONDS):
        while True:
            if await done.acount() == 2:
                return
            await asyncio.sleep(0.2)


async def converse(call: SipCall, *sounds: Audio) -> None:
    """Say each when the assistant has finished speaking."""
    for sound in sounds:
        await call.hear_until_quiet()
        if call.ended.is_set():
            return
        await call.say(sound)


async def test_a_theft_told_in_two_sentences_is_on_record_with_its_sound(
    door: Door, sandbox: Sandbox, caller: SipPhone, speak: Callable[[str], Audio]
) -> None:
    call = await caller.call(sandbox.sip_uri, codec="G722")
    await converse(call, speak("somebody stole my car last night"), speak("fifteen garden street"), speak("no"))
    await call.wait_ended(60)

    record = await the_call(finished)
    incident = await Incident.objects.aget(call=record)
    assert record.status == "completed"
    assert record.caller_number == "+77011234567"
    assert record.engines["stt"] == "pocketsphinx"
    assert "somebody stole my car last night" in record.transcript
    assert (incident.category, incident.recommended_department) == ("theft", "police")
    assert "Garden Street" in (incident.address or "")
    assert incident.final
    recording = await record.turns.model.objects.filter(call=record).acount()
    assert recording >= 3
    sound = await Call.objects.select_related("recording").aget(pk=record.pk)
    assert sound.recording.seconds > 15
    assert sound.recording.rate == 16000


async def test_a_knife_brings_an_operator_to_the_phone(
    door: Door, sandbox: Sandbox, caller: SipPhone, operator: SipPhone, speak: Callable[[str], Audio]
) -> None:
    call = await caller.call(sandbox.sip_uri, codec="G722")
    await converse(call, speak("there is a man with a knife he is attacking a woman"))
    taken = await operator.next_call(30)
    await call.hang_up()
    await taken.wait_ended(5)

    record = await the_call(finished)
    incident = await Incident.objects.aget(call=record)
    assert (record.status, record.end_reason, record.operator) == ("transferred", "critical", "PJSIP/operator1")
    assert (incident.urgency, incident.weapons) == ("critical", True)


async def test_key_zero_in_the_greeting_brings_an_operator(
    door: Door, sandbox: Sandbox, caller: SipPhone, operator: SipPhone
) -> None:
    call = await caller.call(sandbox.sip_uri, codec="PCMU")
    await call.press("0")
    await operator.next_call(30)
    await call.hang_up()

    record = await the_call(finished)
    assert (record.status, record.end_reason) == ("transferred", "caller_asked")


async def test_a_silent_caller_is_asked_once_and_then_gets_an_operator(
    door: Door, sandbox: Sandbox, caller: SipPhone, operator: SipPhone
) -> None:
    call = await caller.call(sandbox.sip_uri, codec="PCMA")
    await operator.next_call(60)
    await call.hang_up()

    record = await the_call(finished)
    incident = await Incident.objects.aget(call=record)
    assert (record.status, record.end_reason) == ("transferred", "silence")
    assert incident.category == "silent"


async def test_words_cut_off_by_the_callers_own_hang_up_become_an_incident(
    door: Door, sandbox: Sandbox, caller: SipPhone, speak: Callable[[str], Audio]
) -> None:
    call = await caller.call(sandbox.sip_uri, codec="G722")
    await converse(call, speak("there is a fire in the building and people are inside"))
    await call.hang_up()

    record = await the_call(finished)
    incident = await Incident.objects.aget(call=record)
    assert record.status == "hung_up"
    assert (incident.category, incident.urgency) == ("fire", "critical")


async def test_a_door_killed_in_mid_call_leaves_the_caller_with_an_operator_and_the_call_with_a_final_status(
    door: Door, sandbox: Sandbox, caller: SipPhone, operator: SipPhone, speak: Callable[[str], Audio]
) -> None:
    call = await caller.call(sandbox.sip_uri, codec="G722")
    await converse(call, speak("somebody stole my car last night"))
    await call.hear_until_quiet()
    await asyncio.to_thread(door.kill)
    await operator.next_call(20)
    await call.hang_up()
    await asyncio.to_thread(door.start)

    record = await the_call(finished)
    incident = await Incident.objects.aget(call=record)
    assert (record.status, record.end_reason) == ("failed", "door_died")
    assert record.operator == "PJSIP/operator1"
    assert "stole my car" in record.transcript
    assert incident.category == "theft"


async def test_a_call_that_lasts_too_long_goes_to_an_operator_and_is_not_taken_for_hung_up(
    door: Door, sandbox: Sandbox, caller: SipPhone, operator: SipPhone
) -> None:
    sandbox.set_global("CALL_AI_SECONDS", "4")
    call = await caller.call(sandbox.sip_uri, codec="PCMU")
    await operator.next_call(20)
    await call.hang_up()

    record = await the_call(finished)
    assert (record.status, record.end_reason) == ("failed", "taken_by_pbx")


async def test_a_door_that_shares_no_folder_with_the_pbx_leaves_the_caller_with_an_operator(
    sandbox: Sandbox, caller: SipPhone, operator: SipPhone, tmp_path: Path
) -> None:
    door = Door(sandbox, tmp_path, PBX_SPOOL_DIR="/nowhere/spool")
    await asyncio.to_thread(door.start)
    try:
        call = await caller.call(sandbox.sip_uri, codec="PCMU")
        await operator.next_call(30)
        await call.hang_up()
        record = await the_call(finished)
    finally:
        await asyncio.to_thread(door.stop)

    assert record.status == "failed"
    assert str(record.pk) in door.log
    assert '"stage": "line"' in door.log


async def test_two_callers_at_once_are_not_mixed(
    door: Door, sandbox: Sandbox, caller: SipPhone, speak: Callable[[str], Audio]
) -> None:
    async def report(*sentences: str) -> None:
        call = await caller.call(sandbox.sip_uri, codec="G722")
        await converse(call, *(speak(sentence) for sentence in sentences))
        await call.wait_ended(90)

    await asyncio.gather(
        report("somebody stole my car last night", "fifteen garden street", "no"),
        report("my neighbors are playing loud music", "twelve green street", "no"),
    )

    await both_finished()
    found = {item.category: item.address async for item in Incident.objects.all()}
    assert set(found) == {"theft", "noise"}
    assert "Garden" in (found["theft"] or "")
    assert "Green" in (found["noise"] or "")
