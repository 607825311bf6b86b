"""What comes with a call is checked before anyone uses it."""

import uuid

import pytest

from agi.routes import AgiCall
from dialogue.record import phone_number
from tests.agi.conftest import Door, asks

ID = "3f1654d4-35a9-4e82-b323-5ba424327e14"


async def itself(call: AgiCall) -> AgiCall:
    return call


async def test_a_call_brings_its_id_language_and_numbers(door: Door) -> None:
    handler, outcome = asks(itself)
    await door.call(handler, arguments=(ID, "kk"), headers={"agi_callerid": "+77011234567"})
    call = outcome.value
    assert (call.call_id, call.language, call.scenario) == (ID, "kk", "try")
    assert (call.caller, call.dialled) == ("+77011234567", "102")


@pytest.mark.parametrize("given", ["", "x", "../../etc", ID[:-1], "{" + ID[1:-1] + "}", '"; drop', "${CALL_ID}"])
async def test_a_call_without_a_usable_id_gets_one_and_the_dialplan_learns_it(door: Door, given: str) -> None:
    handler, outcome = asks(itself)
    peer = await door.call(handler, arguments=(given, "ru"))
    assert str(uuid.UUID(outcome.value.call_id)) == outcome.value.call_id
    assert peer.variables["CALL_ID"] == outcome.value.call_id


@pytest.mark.parametrize("given", ["", "RU", "rus", "r", "ру", "r\t"])
async def test_a_language_that_is_none_is_the_scenarios_own(door: Door, given: str) -> None:
    handler, outcome = asks(itself)
    await door.call(handler, arguments=(ID, given))
    assert outcome.value.language == ""


@pytest.mark.parametrize(
    ("given", "number_"),
    [
        ("unknown", ""),
        ('"; ${SHELL(reboot)}', "SHELLreboot"),
        ("+7 701 123-45-67", "+7701123-45-67"),
        ("sip.user@host", "sip.user@host"),
        ("7" * 500, "7" * 64),
        ("<script>", "script"),
    ],
)
def test_a_number_keeps_only_what_numbers_have(given: str, number_: str) -> None:
    assert phone_number(given) == number_


async def test_two_calls_have_two_lines(door: Door) -> None:
    handler, outcome = asks(itself)
    async with door.open(handler) as server:
        first = await door.peer(server).run()
        one = outcome.value
        second = await door.peer(server).run()
    assert [one.call_id, outcome.value.call_id] == [first.call_id, second.call_id]
    assert one.line is not outcome.value.line
