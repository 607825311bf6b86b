"""What callers hear who wait for an operator behind one another: their place in the line, in their own language."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from dialogue.audio import Audio, read_wav
from tests.live.conftest import AgiDoor
from tests.live.pbx import Sandbox
from tests.live.person import Person, nothing_left, until_in
from tests.live.ringing import RingingPhone
from tests.live.sound import SOUNDS, alike, contains

pytestmark = pytest.mark.live

TRANSFER = ("SET VARIABLE CALL_REASON critical", "SET VARIABLE CALL_OUTCOME transfer")
PLACES = ("en", "ru", "kk", "uk")
"""Languages of those who wait, from the second place on; the first waits without a word."""


@pytest.fixture
async def away(sandbox: Sandbox) -> AsyncIterator[RingingPhone]:
    async with RingingPhone(user="operator1", password=sandbox.secrets["sip"]) as phone:
        await phone.register(sandbox.registrar)
        yield phone


async def prompt(sandbox: Sandbox, language: str, name: str) -> Audio:
    """A sound of the queue's: ours, or Asterisk's own."""
    ours = SOUNDS / language / f"{name}.wav"
    if ours.exists():
        return read_wav(ours)
    copy = sandbox.folder / f"{language}-{name.replace('/', '-')}.wav"
    await asyncio.to_thread(sandbox.cli, f"file convert {language}/{name}.gsm {copy}")
    assert copy.exists(), f"Asterisk has no {name} in {language}"
    return read_wav(copy).without_silence(0.0)


async def test_whoever_waits_behind_others_hears_their_place_in_their_own_language(
    sandbox: Sandbox, away: RingingPhone
) -> None:
    sandbox.set_global("CALL_QUEUE_SECONDS", "60")
    async with AgiDoor(*TRANSFER).listening(sandbox.agi_port), AsyncExitStack() as calls:
        people: dict[str, Person] = {}
        sandbox.cli("module load res_convert.so")
        thanks = {language: await prompt(sandbox, language, "queue-thankyou") for language in PLACES}
        for place, language in enumerate(("", *PLACES), 1):
            sandbox.set_global("CALL_DEFAULT_LANGUAGE", language)
            people[language] = await calls.enter_async_context(Person(sandbox, codec="PCMU", extension="102"))
            await until_in(sandbox, "queue show operators", f"has {place} calls")
        await asyncio.gather(*(people[language].hears_sound(thanks[language]) for language in PLACES))
        for place, language in enumerate(PLACES, 2):
            heard = people[language].call.received
            for name in ("queue-thereare", f"digits/{place}", "queue-callswaiting"):
                likeness = alike(heard, await prompt(sandbox, language, name))
                print(f"{language} at {place}: {name} {likeness:.2f}")
                assert contains(heard, await prompt(sandbox, language, name)), (language, name)
            others = [other for other in PLACES if contains(heard, await prompt(sandbox, other, "queue-thereare"))]
            assert others == [language], "one language only"
        assert away.rings.is_set(), "an operator is called meanwhile"
    await nothing_left(sandbox)
