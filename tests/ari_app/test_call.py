"""A call in the application: whatever happens, the caller is with a person, at the end, or gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ari_app.call import NEXT, StasisCall, State
from ari_app.client import AriError, NotFound, Unavailable
from ari_app.client.models import Channel
from ari_app.entry import LiveIncoming, read_entry
from ari_app.socket_call import SocketCall
from ari_app.transfer import Accepted
from dialogue.errors import CallerHungUp, LineError
from dialogue.ports import Briefing
from dialogue.turns import TransferReason
from tests.fakes.ari import FakeAri, FakeMedia, opened

CALL_ID = "0a1b2c3d-0000-4000-8000-000000000001"
CHANNEL = Channel.model_validate({"id": "c1", "name": "PJSIP/caller-1", "state": "Up", "caller": {"number": "+7701"}})
ENTRY = read_entry(CHANNEL, (CALL_ID, "intake_102", "kk", "112"))
BRIEFING = Briefing("A fire at 5 Garden Street.", {}, "ru")

Lead = Callable[[LiveIncoming], Awaitable[None]]


def sent_to(ari: FakeAri) -> list[tuple[Any, ...]]:
    """Where the dialplan was told to go on, each time; nothing: after Stasis()."""
    assert not ari.of("set_variable"), "ARI sets no variable of a caller's channel"
    return [place for channel, *place in ari.of("continue_in_dialplan") if channel == "c1"]


def new_call(ari: Any, lead: Lead, media: FakeMedia | None = None, **options: Any) -> StasisCall:
    return StasisCall(ENTRY, ari, lead, lambda _: opened(media or FakeMedia()), **options)


async def leave_it(call: LiveIncoming) -> None:
    """End without a word, as a handler does that has found the caller gone."""


async def wait_for_ever(call: LiveIncoming) -> None:
    await asyncio.Event().wait()


def test_what_the_dialplan_says_is_checked_before_it_is_believed() -> None:
    assert (ENTRY.call_id, ENTRY.scenario, ENTRY.language, ENTRY.dialled) == (CALL_ID, "intake_102", "kk", "112")
    assert ENTRY.caller == "+7701"
    odd = read_entry(Channel(id="c2"), ("not an id", "../x", "Kazakh"))
    assert (odd.scenario, odd.language, odd.dialled, odd.answered) == ("", "", "", False)
    assert len(odd.call_id) == 36


def test_no_state_follows_the_end_and_each_can_come_to_it() -> None:
    assert set(NEXT) == set(State)
    assert NEXT[State.OVER] == frozenset()
    assert all(State.OVER in NEXT[state] for state in State if state is not State.OVER)
    with pytest.raises(RuntimeError):
        new_call(FakeAri(), leave_it).go(State.TALKING)


async def test_a_farewell_ends_the_call_with_its_marker() -> None:
    ari = FakeAri()

    async def lead(call: LiveIncoming) -> None:
        assert (call.call_id, call.scenario, call.caller) == (CALL_ID, "intake_102", "+7701")
        await call.line.hang_up()

    call = new_call(ari, lead)
    await call.run()
    assert sent_to(ari) == [["hotline-outcome", "1*completed**", 1]]
    assert call.state is State.OVER


async def test_a_transfer_tells_the_dialplan_reason_and_language() -> None:
    ari = FakeAri()

    async def lead(call: LiveIncoming) -> None:
        await call.line.transfer(TransferReason.CRITICAL, BRIEFING)

    await new_call(ari, lead).run()
    assert sent_to(ari) == [["hotline-outcome", "1*transfer*critical*ru", 1]]


@pytest.mark.parametrize("error", [LineError("media_closed"), RuntimeError("a fault of ours"), AriError(500, "no")])
async def test_whatever_breaks_the_caller_goes_to_a_person_without_a_marker(error: Exception) -> None:
    ari = FakeAri()

    async def lead(call: LiveIncoming) -> None:
        raise error

    await new_call(ari, lead).run()
    assert sent_to(ari) == [[]]


async def test_without_sound_the_caller_goes_to_a_person() -> None:
    ari = FakeAri()

    @asynccontextmanager
    async def refuse(_: str) -> AsyncIterator[FakeMedia]:
        raise LineError("media_not_connected")
        yield

    await StasisCall(ENTRY, ari, leave_it, refuse).run()  # type: ignore[arg-type]
    assert sent_to(ari) == [[]]


async def test_a_call_that_is_stopped_goes_to_a_person_while_its_sound_is_still_up() -> None:
    media, ari = FakeMedia(), FakeAri()
    ari.answers["continue_in_dialplan"] = lambda *_: None if not media.closed.is_set() else pytest.fail("sound is gone")
    running = asyncio.create_task(new_call(ari, wait_for_ever, media).run())
    await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    assert sent_to(ari) == [[]]
    assert media.closed.is_set()


async def test_a_caller_who_hangs_up_is_not_sent_anywhere() -> None:
    ari = FakeAri()
    heard: list[BaseException] = []

    async def lead(call: LiveIncoming) -> None:
        try:
            await call.line.drained()
            async for _ in call.line.hear():
                pass
        except CallerHungUp as gone:
            heard.append(gone)

    call = new_call(ari, lead)
    running = asyncio.create_task(call.run())
    await asyncio.sleep(0.01)
    call.caller_hung_up()
    await asyncio.wait_for(running, 1)
    assert heard
    assert sent_to(ari) == []


async def test_a_call_the_pbx_takes_at_its_time_limit_is_a_failure_not_a_hang_up() -> None:
    ari = FakeAri()
    codes: list[str] = []

    async def lead(call: LiveIncoming) -> None:
        try:
            async for _ in call.line.hear():
                pass
        except LineError as error:
            codes.append(error.code)
            raise

    call = new_call(ari, lead)
    running = asyncio.create_task(call.run())
    await asyncio.sleep(0.01)
    call.left_application()
    await asyncio.wait_for(running, 2)
    assert codes == ["taken_by_pbx"]
    assert sent_to(ari) == []


async def test_an_ari_that_is_away_for_a_moment_does_not_lose_the_transfer() -> None:
    failures = [Unavailable(0, "no connection"), Unavailable(0, "no connection")]

    def fail_twice(*_: Any) -> None:
        if failures:
            raise failures.pop()

    ari = FakeAri(continue_in_dialplan=fail_twice)

    async def lead(call: LiveIncoming) -> None:
        await call.line.transfer(TransferReason.DANGER, None)

    await new_call(ari, lead).run()
    assert sent_to(ari) == [["hotline-outcome", "1*transfer*danger*", 1]] * 3


async def test_a_channel_that_is_not_there_any_more_is_a_hang_up() -> None:
    def gone(*_: Any) -> None:
        raise NotFound(404, "no such channel")

    outcome: list[str] = []

    async def lead(call: LiveIncoming) -> None:
        try:
            await call.line.hang_up()
        except CallerHungUp:
            outcome.append("hung up")

    await new_call(FakeAri(continue_in_dialplan=gone), lead).run()
    assert outcome == ["hung up"]


class Operators:
    """A warm transfer that ends as told; ``waits``: nobody decides."""

    def __init__(self, accepted: Accepted | None, *, waits: bool = False) -> None:
        self._accepted, self._waits = accepted, waits
        self.let_go = False

    @asynccontextmanager
    async def offer(self, briefing: Briefing, caller: str = "") -> AsyncIterator[Accepted | None]:
        assert (briefing, caller) == (BRIEFING, "+7701")
        try:
            if self._waits:
                await asyncio.Event().wait()
            yield self._accepted
        except BaseException:
            self.let_go = True
            raise


async def transferring(call: LiveIncoming) -> None:
    await call.line.transfer(TransferReason.CRITICAL, BRIEFING)


async def test_an_operator_who_accepts_is_bridged_by_the_dialplan() -> None:
    ari = FakeAri()
    await new_call(ari, transferring, transfer=Operators(Accepted("PJSIP/operator1-00000007", "PJSIP/operator1"))).run()
    assert sent_to(ari) == [["hotline-accepted", "1*critical*ru*PJSIP/operator1-00000007", 1]]


async def test_where_nobody_accepts_the_caller_goes_to_the_queue() -> None:
    ari = FakeAri()
    await new_call(ari, transferring, transfer=Operators(None)).run()
    assert sent_to(ari) == [["hotline-outcome", "1*transfer*critical*ru", 1]]


async def test_a_caller_hears_ringing_while_operators_are_called_and_may_leave_at_once() -> None:
    media, ari, operators = FakeMedia(), FakeAri(), Operators(None, waits=True)
    call = new_call(ari, transferring, media, transfer=operators)
    running = asyncio.create_task(call.run())
    await asyncio.wait_for(media.playing.wait(), 1)
    assert call.state is State.TRANSFERRING
    call.caller_hung_up()
    await asyncio.wait_for(running, 1)
    assert operators.let_go, "no phone goes on ringing"
    assert sent_to(ari) == []


class Announced:
    uuid, server = "1b2c", "127.0.0.1:9092"

    def __init__(self, media: FakeMedia) -> None:
        self._media = media

    async def connected(self) -> FakeMedia:
        return self._media


def socket_call(ari: FakeAri, lead: Lead, media: FakeMedia, transfer: Operators | None = None) -> SocketCall:
    @asynccontextmanager
    async def announce() -> AsyncIterator[Announced]:
        yield Announced(media)

    return SocketCall(ENTRY, ari, lead, announce, transfer)  # type: ignore[arg-type]


async def test_a_socket_call_is_told_where_to_connect_and_transferred_once_it_is_back() -> None:
    ari, media = FakeAri(), FakeMedia()
    call = socket_call(ari, transferring, media)
    running = asyncio.create_task(call.run())
    await asyncio.wait_for(media.closed.wait(), 1)
    assert sent_to(ari) == [["hotline-socket", "1*1b2c*127.0.0.1:9092", 1]]
    call.left_application()
    call.returned()
    await asyncio.wait_for(running, 1)
    assert sent_to(ari)[1:] == [["hotline-outcome", "1*transfer*critical*ru", 1]]


async def test_a_socket_the_door_has_closed_does_not_make_the_caller_gone_while_operators_are_called() -> None:
    ari, media, operators = FakeAri(), FakeMedia(), Operators(None, waits=True)

    async def lead(call: LiveIncoming) -> None:
        listening = asyncio.create_task(anext(aiter(call.line.hear())))
        await asyncio.sleep(0)
        transfer = asyncio.create_task(call.line.transfer(TransferReason.CRITICAL, BRIEFING))
        await asyncio.wait({listening})
        assert isinstance(listening.exception(), LineError)
        assert not transfer.done()
        transfer.cancel()

    call = socket_call(ari, lead, media, operators)
    running = asyncio.create_task(call.run())
    await asyncio.wait_for(media.closed.wait(), 1)
    call.returned()
    await asyncio.wait_for(running, 3)
    assert sent_to(ari)[1:] == [[]]


async def test_a_socket_that_closes_and_no_channel_that_returns_is_a_hang_up() -> None:
    ari, media = FakeAri(), FakeMedia()
    ends: list[str] = []

    async def lead(call: LiveIncoming) -> None:
        try:
            async for _ in call.line.hear():
                pass
        except CallerHungUp:
            ends.append("hung up")

    running = asyncio.create_task(socket_call(ari, lead, media).run())
    await asyncio.sleep(0.01)
    media.break_off()
    await asyncio.wait_for(running, 3)
    assert ends == ["hung up"]
    assert len(sent_to(ari)) == 1, "only to the socket"


async def test_a_socket_that_closes_under_a_caller_who_is_there_brings_them_to_a_person() -> None:
    ari, media = FakeAri(), FakeMedia()
    codes: list[str] = []

    async def lead(call: LiveIncoming) -> None:
        try:
            async for _ in call.line.hear():
                pass
        except LineError as error:
            codes.append(error.code)
            raise

    call = socket_call(ari, lead, media)
    running = asyncio.create_task(call.run())
    await asyncio.sleep(0.01)
    media.break_off()
    call.returned()
    await asyncio.wait_for(running, 1)
    assert codes == ["media_closed"]
    assert sent_to(ari)[1:] == [[]]
