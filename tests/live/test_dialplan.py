"""Whatever happens to the assistant, the caller reaches a person or hears what to do, and the end is reported."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.live.conftest import AgiDoor
from tests.live.pbx import Sandbox
from tests.live.sound import announcement, contains
from webadmin.operations.sip_call import SipCall
from webadmin.operations.sip_phone import CallFailed, SipPhone

pytestmark = pytest.mark.live

COMPLETED = "SET VARIABLE CALL_OUTCOME completed"
TRANSFER = ("SET VARIABLE CALL_REASON critical", "SET VARIABLE CALL_OUTCOME transfer")


async def until_heard(call: SipCall, name: str, seconds: float = 30.0, language: str = "en") -> None:
    """Return once the caller has heard the beginning of an announcement."""
    wanted = announcement(name, language)
    async with asyncio.timeout(seconds):
        while not contains(call.received, wanted):
            assert not call.ended.is_set(), f"hung up before hearing {name!r}"
            await asyncio.sleep(0.3)


async def test_no_door_brings_the_caller_to_an_operator_and_both_hear_each_other(
    sandbox: Sandbox, caller: SipPhone, operator: SipPhone
) -> None:
    before = sandbox.reports()
    call = await caller.call(sandbox.sip_uri, codec="G722")
    taken = await operator.next_call(20)
    assert contains(call.received, announcement("connecting")), "the caller is told what happens"
    await asyncio.gather(call.say(announcement("busy")), taken.say(announcement("nobody")))
    assert contains(taken.received, announcement("busy"))
    assert contains(call.received, announcement("nobody"))
    await call.hang_up()
    assert (await taken.wait_ended(5)).by == "them"

    report = await sandbox.report_of_next_call(before)
    assert report["scenario"] == "intake_102"
    assert report["caller"] == "+77011234567"
    assert report["dialled"] == "102"
    assert report["outcome"] == ""
    assert report["agistatus"] == "FAILURE"
    assert (report["queue_result"], report["operator"]) == ("ANSWERED", "PJSIP/operator1")
    assert int(report["ended"]) >= int(report["started"])
    assert await sandbox.recorded_seconds(report["call_id"]) > 8, "the recording has the whole call"


@pytest.mark.parametrize(("policy", "goes_on"), [("yes", True), ("no", False)])
async def test_the_recording_goes_on_with_the_operator_or_stops_as_the_policy_says(
    sandbox: Sandbox, caller: SipPhone, operator: SipPhone, policy: str, goes_on: bool
) -> None:
    sandbox.set_global("CALL_RECORD_AFTER_TRANSFER", policy)
    before = sandbox.reports()
    call = await caller.call(sandbox.sip_uri, codec="G722")
    taken = await operator.next_call(20)
    await asyncio.gather(call.say(announcement("busy")), taken.say(announcement("nobody")))
    await call.hang_up()
    await taken.wait_ended(5)
    sandbox.set_global("CALL_RECORD_AFTER_TRANSFER", "yes")

    report = await sandbox.report_of_next_call(before)
    talked = announcement("busy").seconds
    recording = sandbox.recording(report["call_id"])
    legs = [recording.with_name(f"{report['call_id']}-{side}.sln16") for side in ("caller", "agent")]
    whole = await sandbox.recorded_seconds(report["call_id"])
    lengths = [whole, *(leg.stat().st_size / 32000 for leg in legs)]
    assert all((length > talked) == goes_on for length in lengths), lengths


async def test_no_door_and_no_operator_is_announced_and_then_ended(sandbox: Sandbox, caller: SipPhone) -> None:
    sandbox.set_global("CALL_QUEUE_ROUNDS", "2")
    before = sandbox.reports()
    call = await caller.call(sandbox.sip_uri, codec="PCMU")
    end = await call.wait_ended(60)
    assert end.by == "them"
    for name in ("connecting", "busy", "nobody"):
        assert contains(call.received, announcement(name)), f"the caller hears {name!r}"
    report = await sandbox.report_of_next_call(before)
    assert report["queue_result"] == "JOINEMPTY"


async def test_a_door_that_dies_in_mid_call_leaves_the_caller_to_the_operators(
    sandbox: Sandbox, caller: SipPhone, operator: SipPhone
) -> None:
    before = sandbox.reports()
    async with AgiDoor("NOOP").listening(sandbox.agi_port):
        call = await caller.call(sandbox.sip_uri)
        await operator.next_call(20)
        await call.hang_up()
    report = await sandbox.report_of_next_call(before)
    assert report["agistatus"] == "SUCCESS", "Asterisk takes a dead door for one that has finished"
    assert (report["outcome"], report["queue_result"]) == ("", "ANSWERED")


async def test_a_door_that_hangs_loses_the_caller_to_the_operators_after_the_time_limit(
    sandbox: Sandbox, caller: SipPhone, operator: SipPhone
) -> None:
    sandbox.set_global("CALL_AI_SECONDS", "2")
    before = sandbox.reports()
    async with AgiDoor(hang=True).listening(sandbox.agi_port):
        call = await caller.call(sandbox.sip_uri)
        taken = await operator.next_call(20)
        # The limit is the assistant's alone: a call with an operator outlasts it.
        await taken.say(announcement("busy"))
        assert not call.ended.is_set()
        await taken.hang_up()
        assert (await call.wait_ended(5)).by == "them"
    report = await sandbox.report_of_next_call(before)
    assert (report["outcome"], report["queue_result"]) == ("", "ANSWERED")


async def test_a_transfer_goes_to_the_operators_without_another_announcement(
    sandbox: Sandbox, caller: SipPhone, operator: SipPhone
) -> None:
    before = sandbox.reports()
    door = AgiDoor("SET VARIABLE CALL_LANGUAGE kk", *TRANSFER)
    async with door.listening(sandbox.agi_port):
        call = await caller.call(sandbox.sip_uri)
        await operator.next_call(20)
        await call.hang_up()
    assert not contains(call.received, announcement("connecting"))
    report = await sandbox.report_of_next_call(before)
    assert (report["outcome"], report["reason"], report["language"]) == ("transfer", "critical", "kk")
    assert door.headers["agi_network_script"] == "intake_102"
    assert door.headers["agi_arg_1"] == report["call_id"]
    assert door.headers["agi_extension"] == "102"


async def test_announcements_follow_the_language_of_the_conversation(sandbox: Sandbox, caller: SipPhone) -> None:
    async with AgiDoor("SET VARIABLE CALL_LANGUAGE kk", *TRANSFER).listening(sandbox.agi_port):
        call = await caller.call(sandbox.sip_uri)
        await until_heard(call, "nobody", language="kk")


async def test_a_completed_call_ends_without_an_operator(
    sandbox: Sandbox, caller: SipPhone, operator: SipPhone
) -> None:
    before = sandbox.reports()
    async with AgiDoor(COMPLETED).listening(sandbox.agi_port):
        call = await caller.call(sandbox.sip_uri)
        end = await call.wait_ended(10)
    assert (end.by, end.cause) == ("them", 16)
    report = await sandbox.report_of_next_call(before)
    assert (report["outcome"], report["queue_result"], report["operator"]) == ("completed", "", "")
    assert operator.incoming.empty()


@pytest.mark.parametrize("where", ["with the door", "in the announcement", "in the queue"])
async def test_a_caller_who_hangs_up_leaves_a_report_and_no_channel(
    sandbox: Sandbox, caller: SipPhone, where: str
) -> None:
    before = sandbox.reports()
    expected: dict[str, Any] = {}
    if where == "with the door":
        door = AgiDoor(hang=True)
        async with door.listening(sandbox.agi_port):
            call = await caller.call(sandbox.sip_uri)
            await call.press("0")
            await call.hang_up()
            report = await sandbox.report_of_next_call(before)
        expected = {"queue_result": "", "agistatus": "HANGUP"}
    elif where == "in the announcement":
        call = await caller.call(sandbox.sip_uri)
        await until_heard(call, "connecting")
        await call.hang_up()
        report = await sandbox.report_of_next_call(before)
        expected = {"queue_result": "ABANDONED"}
    else:
        async with SipPhone(user="operator2", password=sandbox.secrets["sip"]) as busy:
            await busy.register(sandbox.registrar)
            async with AgiDoor(*TRANSFER).listening(sandbox.agi_port):
                call = await caller.call(sandbox.sip_uri)
                heard = await call.hear_until_quiet(quiet_seconds=0.5)
                assert heard.seconds > 0.5, "it rings in the caller's ear"
                await call.hang_up()
            report = await sandbox.report_of_next_call(before)
        expected = {"queue_result": "ABANDONED", "operator": ""}
    assert {key: report[key] for key in expected} == expected
    assert "0 active channels" in sandbox.cli("core show channels")


HOSTILE = (
    '"x\\" , ${SHELL(touch {file})} ] = yes" <sip:7701%22%0D%0Aended=1%24%7BSHELL(touch%20{file})%7D@127.0.0.1>',
    '"a,b)(\\\\" <sip:7701,b)%22(%24%7BFILE({file},0,1)%7D@127.0.0.1>',
    '"102" <sip:%0acall_id=x%0aoperator=y@127.0.0.1>',
)
"""From headers that Asterisk's SIP parser lets in, each with something that a dialplan could trip over."""


@pytest.mark.parametrize("value", HOSTILE)
async def test_nothing_in_the_callers_name_or_number_is_executed_or_forges_a_report(
    sandbox: Sandbox, caller: SipPhone, value: str
) -> None:
    trace = sandbox.folder / "touched"
    before = sandbox.reports()
    door = AgiDoor(COMPLETED)
    async with door.listening(sandbox.agi_port):
        call = await caller.call(sandbox.sip_uri, from_value=value.replace("{file}", str(trace)))
        await call.wait_ended(10)
    report = await sandbox.report_of_next_call(before)
    assert not trace.exists()
    assert set(report["caller"]) <= set("0123456789+")
    assert (report["outcome"], report["operator"]) == ("completed", "")
    assert set(door.headers["agi_callerid"]) <= set("0123456789+") or door.headers["agi_callerid"] == "unknown"
    assert door.headers["agi_calleridname"] == "unknown"


@pytest.mark.parametrize("user", ["T", "s", "h", "201", "1020", "102%0a", "%24%7BEPOCH%7D", "hotline-ended"])
async def test_a_caller_without_an_account_reaches_nothing_but_the_hotline(
    sandbox: Sandbox, caller: SipPhone, user: str
) -> None:
    with pytest.raises(CallFailed) as refusal:
        await caller.call(f"sip:{user}@127.0.0.1:{sandbox.sip_port}")
    assert refusal.value.status in (400, 404, 416, 484)


async def test_an_account_needs_its_password(sandbox: Sandbox) -> None:
    async with SipPhone(user="operator1", password="wrong") as phone:
        with pytest.raises(CallFailed, match="401"):
            await phone.register(sandbox.registrar)
        with pytest.raises(CallFailed, match="401"):
            await phone.call(f"sip:201@127.0.0.1:{sandbox.sip_port}")


@pytest.mark.parametrize("codec", ["G722", "L16", "PCMU", "PCMA"])
async def test_each_codec_carries_the_announcement(sandbox: Sandbox, caller: SipPhone, codec: str) -> None:
    call = await caller.call(sandbox.sip_uri, codec=codec)
    await until_heard(call, "connecting")
    await call.hang_up()


async def test_two_calls_at_once_do_not_mix(sandbox: Sandbox, caller: SipPhone) -> None:
    before = sandbox.reports()
    calls = await asyncio.gather(*(caller.call(sandbox.sip_uri) for _ in range(2)))
    await asyncio.gather(*(until_heard(call, "connecting") for call in calls))
    await asyncio.gather(*(call.hang_up() for call in calls))
    first = await sandbox.report_of_next_call(before)
    second = await sandbox.report_of_next_call(before | {first["call_id"]})
    assert first["call_id"] != second["call_id"]


async def test_keys_reach_the_door(sandbox: Sandbox, caller: SipPhone) -> None:
    before = sandbox.reports()
    door = AgiDoor("WAIT FOR DIGIT 5000", COMPLETED)
    async with door.listening(sandbox.agi_port):
        call = await caller.call(sandbox.sip_uri)
        await call.press("0")
        await call.wait_ended(4)
    assert (await sandbox.report_of_next_call(before))["outcome"] == "completed"
