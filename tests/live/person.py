"""A caller for tests of faults: dials, listens, and is looked up in the office afterwards."""

from __future__ import annotations

import asyncio
import time
import uuid

from dialogue.audio import SAMPLE_BYTES, Audio
from tests.evals.runner import sounds
from tests.evals.runner.ear import Speech
from tests.evals.runner.office import CallOnRecord, DjangoOffice
from tests.live.pbx import Sandbox
from tests.live.sound import announcement, contains
from webadmin.operations.sip_call import SipCall
from webadmin.operations.sip_phone import SipPhone

RECORD_SECONDS = 40.0
LATELY_SECONDS = 6.0


class Person:
    """A caller with a number of their own. Use it as an asynchronous context manager.

    Args:
        sandbox: the PBX.
        codec: of their phone.
        extension: that they dial.
    """

    def __init__(self, sandbox: Sandbox, codec: str = "G722", extension: str = "112") -> None:
        self.number = f"+7702{uuid.uuid4().int % 10_000_000:07d}"
        self.call: SipCall
        self._sandbox, self._codec, self._extension = sandbox, codec, extension
        self._phone = SipPhone(user=self.number)
        self._since = self._acted = 0.0

    async def __aenter__(self) -> Person:
        self._since = time.time()
        await self._phone.__aenter__()
        uri = f"sip:{self._extension}@127.0.0.1:{self._sandbox.sip_port}"
        self.call = await self._phone.call(uri, codec=self._codec)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._phone.__aexit__()

    @property
    def speech(self) -> Speech:
        return Speech(self.call.voices)

    async def says(self, text: str) -> None:
        """Speak, clearly."""
        await self.call.say(words(text))
        self._acted = asyncio.get_running_loop().time()

    async def presses(self, keys: str) -> None:
        self._acted = asyncio.get_running_loop().time()
        await self.call.press(keys)

    async def hears_a_voice(self, since: float | None = None, seconds: float = 15.0) -> float:
        """Return when speech began: after the last words, or the beginning of the last key.

        Args:
            since: after this time of the loop's clock instead.
            seconds: how long to wait for it.
        """
        since = self._acted if since is None else since
        async with asyncio.timeout(seconds):
            while (onset := self.speech.onset_after(since)) is None:
                assert not self.call.ended.is_set(), f"hung up: {self.call.end}"
                await asyncio.sleep(0.02)
        return onset

    async def hears(self, name: str, seconds: float = 20.0) -> None:
        """Return once an announcement was heard."""
        await self.hears_sound(announcement(name), seconds)

    async def hears_sound(self, wanted: Audio, seconds: float = 20.0) -> None:
        """Return once a sound was heard."""
        async with asyncio.timeout(seconds):
            while True:
                over, heard = self.call.ended.is_set(), self.call.received
                lately = Audio(heard.pcm[-int(LATELY_SECONDS * heard.rate) * SAMPLE_BYTES :], heard.rate)
                # Looking for it takes long enough to disturb the phones' clocks.
                if await asyncio.to_thread(contains, lately, wanted):
                    return
                assert not over, f"hung up before it was heard: {self.call.end}"
                await asyncio.sleep(0.5)

    async def is_greeted(self) -> None:
        """Return when the assistant has greeted and waits for an answer."""
        await self.call.hear_until_quiet(0.9)

    async def record(self, office: DjangoOffice) -> CallOnRecord:
        """The call, once it is closed."""
        return await office.call_of(self.number, self._since, RECORD_SECONDS)


def words(text: str) -> Audio:
    return sounds.spoken(text, "slt").without_silence(0.0)


async def nothing_left(sandbox: Sandbox) -> None:
    """Return once the PBX has neither a channel nor a bridge."""
    await until_in(sandbox, "core show channels", "0 active channels")
    assert len((await asyncio.to_thread(sandbox.cli, "bridge show all")).strip().splitlines()) <= 1


async def until_in(sandbox: Sandbox, command: str, words: str, seconds: float = 20.0) -> None:
    """Return once a command of Asterisk's prints these words."""
    async with asyncio.timeout(seconds):
        while True:
            if words in await asyncio.to_thread(sandbox.cli, command):
                return
            await asyncio.sleep(0.2)


async def takes_a_call(person: Person) -> None:
    """A call at the door works from greeting to answer."""
    async with person:
        await person.is_greeted()
        await person.says("somebody stole my car")
        await person.hears_a_voice(seconds=5)
