"""Warm transfers: one operator takes the call by key 1, and whatever happens no phone is left ringing or waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ari_app import transfer as module
from ari_app.client import AriError
from ari_app.legs import Names
from ari_app.transfer import OperatorPlan, WarmTransfer
from dialogue.ports import Briefing
from tests.fakes.ari import FakeAri, FakeMedia

BRIEFING = Briefing("A fire at {5} Garden Street.", {}, "en")
PHONES = ("PJSIP/operator1", "PJSIP/operator2")


class Desk:
    """Operators' phones and what they do: by endpoint ``accept``, ``decline``, ``silent``, ``ring`` or ``away``."""

    def __init__(self, **habits: str) -> None:
        self.habits = {f"PJSIP/{name}": habit for name, habit in habits.items()}
        self.ari = FakeAri(originate=self._originate)
        self.spoken: list[str] = []
        self.ringing: dict[str, str] = {}
        self.talking = asyncio.Event()
        plan = OperatorPlan(tuple(self.habits), ring_seconds=0.5, accept_seconds=0.1)
        self.transfer = WarmTransfer(self.ari, "app", Names("app"), self, plan, self._speak)  # type: ignore[arg-type]

    def _originate(self, endpoint: str, *, channel_id: str, **_: Any) -> None:
        if self.habits[endpoint] == "away":
            raise AriError(500, "Allocation failed")
        self.ringing[channel_id] = endpoint
        if self.habits[endpoint] != "ring":
            asyncio.get_running_loop().call_soon(self.transfer.answered, channel_id, f"{endpoint}-00000001")

    @asynccontextmanager
    async def beside(self, channel_id: str) -> AsyncIterator[FakeMedia]:
        keys = {"accept": "1", "decline": "5"}
        if key := keys.get(self.habits[self.ringing[channel_id]]):
            asyncio.get_running_loop().call_later(0.02, self.transfer.pressed, channel_id, key)
        yield FakeMedia()

    async def _speak(self, text: str, language: str, rate: int) -> AsyncIterator[bytes]:
        self.spoken.append(text)
        yield b"\0\0" * 320

    @property
    def let_go(self) -> list[str]:
        return [self.ringing[channel_id] for (channel_id,) in self.ari.of("hangup")]


async def test_the_operator_who_presses_one_gets_the_call_after_the_briefing() -> None:
    desk = Desk(operator1="accept", operator2="ring")
    async with desk.transfer.offer(BRIEFING, "+7701") as accepted:
        assert accepted is not None
        assert (accepted.channel_name, accepted.interface) == ("PJSIP/operator1-00000001", "PJSIP/operator1")
        (taken,) = [channel for channel, phone in desk.ringing.items() if phone == accepted.interface]
        desk.transfer.left(taken)
    assert "A fire at {5} Garden Street." in desk.spoken[0]
    assert desk.let_go == ["PJSIP/operator2"]


@pytest.mark.parametrize("habit", ["decline", "silent"])
async def test_after_a_no_or_silence_the_next_one_is_asked(habit: str) -> None:
    desk = Desk(operator1=habit, operator2="ring")
    async with desk.transfer.offer(BRIEFING) as accepted:
        assert accepted is None
    assert len(desk.ari.of("originate")) == 3, "both, then the second once more"
    assert set(desk.let_go) == set(PHONES)


async def test_with_nobody_there_the_answer_comes_at_once() -> None:
    async with asyncio.timeout(0.2):
        async with Desk(operator1="away", operator2="away").transfer.offer(BRIEFING) as accepted:
            assert accepted is None


async def test_phones_that_nobody_answers_ring_no_longer_than_planned() -> None:
    desk = Desk(operator1="ring")
    async with asyncio.timeout(1):
        async with desk.transfer.offer(BRIEFING) as accepted:
            assert accepted is None
    assert desk.let_go == ["PJSIP/operator1"]


async def test_a_caller_who_leaves_silences_every_phone() -> None:
    desk = Desk(operator1="ring", operator2="ring")

    async def wait() -> None:
        async with desk.transfer.offer(BRIEFING):
            pass

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert set(desk.let_go) == set(PHONES)
    assert not desk.transfer.channels


async def test_an_operator_who_accepted_and_is_not_bridged_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HAND_OVER_SECONDS", 0.02)
    desk = Desk(operator1="accept")
    async with desk.transfer.offer(BRIEFING) as accepted:
        assert accepted is not None
    assert desk.let_go == ["PJSIP/operator1"]
