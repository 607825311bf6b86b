"""One caller's way through the application, with an explicit state for each part of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from enum import StrEnum
from typing import Protocol

import structlog

from ari_app import places
from ari_app.client import AriClient, AriError, Conflict, NotFound
from ari_app.entry import Entry, Handler, LiveIncoming
from ari_app.line import AriLine, Fate, hung_up, taken
from ari_app.media.stream import MediaStream
from ari_app.places import Place
from ari_app.tones import RING_SECONDS, ring_tone
from ari_app.transfer import Accepted
from dialogue.errors import CallerHungUp, CallError, LineError, Stage
from dialogue.ports import Briefing
from dialogue.turns import TransferReason

log = structlog.get_logger(__name__)

LEAVE_SECONDS = 8.0
"""How long giving a caller back to the dialplan is tried; the watchdog takes over where ARI stays away."""

NEWS_SECONDS = 0.3
"""How long ARI may take from one of a call's last events to the next."""

_RETRY_SECONDS = 0.25


class State(StrEnum):
    """Where a call stands."""

    ENTERED = "entered"
    CONNECTING = "connecting"
    TALKING = "talking"
    TRANSFERRING = "transferring"
    LEAVING = "leaving"
    OVER = "over"


NEXT: Mapping[State, frozenset[State]] = {
    State.ENTERED: frozenset({State.CONNECTING, State.LEAVING, State.OVER}),
    State.CONNECTING: frozenset({State.TALKING, State.LEAVING, State.OVER}),
    State.TALKING: frozenset({State.TRANSFERRING, State.LEAVING, State.OVER}),
    State.TRANSFERRING: frozenset({State.LEAVING, State.OVER}),
    State.LEAVING: frozenset({State.OVER}),
    State.OVER: frozenset(),
}
"""What may follow each state."""


class Transfer(Protocol):
    """Finds a person who takes the call while the assistant still has it."""

    def offer(self, briefing: Briefing, caller: str = "") -> AbstractAsyncContextManager[Accepted | None]: ...


class StasisCall:
    """A caller whose channel stays in the application: extension 112.

    Args:
        entry: who came.
        client: ARI.
        handler: leads the conversation.
        media: opens the caller's sound, given the caller's channel.
        transfer: a warm transfer; None: every transfer goes to the dialplan's queue.
    """

    def __init__(
        self,
        entry: Entry,
        client: AriClient,
        handler: Handler,
        media: Callable[[str], AbstractAsyncContextManager[MediaStream]],
        transfer: Transfer | None = None,
    ) -> None:
        self.entry = entry
        self.state = State.ENTERED
        self.log = log.bind(call_id=entry.call_id)
        self._client = client
        self._handler = handler
        self._open_media = media
        self._transfer = transfer
        self._line: AriLine | None = None
        self._media: MediaStream | None = None
        self._fate: Fate | None = None
        self._returning = self._left = False

    @property
    def gone(self) -> bool:
        """Whether the channel is no longer the application's."""
        return self._fate is not None

    def caller_hung_up(self) -> None:
        """ARI says that the caller is gone."""
        self._end(hung_up)

    def left_application(self) -> None:
        """ARI says that the channel is no longer in the application: hung up, which it says next, or taken."""
        if not self._returning:
            asyncio.get_running_loop().call_later(NEWS_SECONDS, self._end, taken)

    def pressed(self, digit: str) -> None:
        """ARI says that the caller pressed a key."""
        if self._line is not None:
            self._line.press(digit)

    async def run(self) -> None:
        """Lead the call to its end. Whatever fails, the caller is given back to the dialplan. Never raises."""
        self.log.info("call_entered", scenario=self.entry.scenario, dialled=self.entry.dialled)
        try:
            await self._talk()
        except CallerHungUp:
            self.log.info("caller_hung_up", state=self.state.value)
        except CallError as error:
            self.log.error("call_failed", stage=error.stage.value, code=error.code, detail=error.detail)
        except AriError as error:
            self.log.error("call_failed", stage=Stage.LINE.value, code="ari", detail=type(error).__name__)
        except Exception:
            self.log.exception("call_failed", stage=Stage.LINE.value, code="unexpected")
        finally:
            await self._give_to_person()
            self.go(State.OVER)

    def go(self, state: State) -> None:
        """Enter a state.

        Raises:
            RuntimeError: it cannot follow the present one.
        """
        if state not in NEXT[self.state]:
            raise RuntimeError(f"a call cannot go from {self.state} to {state}")
        self.state = state
        self.log.info("call_state", state=state.value)

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        """Give the caller to a person: one who accepts the call here, else the dialplan's queue."""
        self.go(State.TRANSFERRING)
        await self._come_back()
        language = briefing.language if briefing is not None else ""
        queue = places.outcome("transfer", reason.value, language)
        if self._transfer is None or briefing is None:
            await self._leave(queue)
            return
        async with self._ringing(), self._transfer.offer(briefing, self.entry.caller) as operator:
            if operator is None:
                await self._leave(queue)
            else:
                await self._leave(places.accepted(reason.value, language, operator.channel_name))

    async def hang_up(self) -> None:
        """Let the dialplan end the call."""
        await self._come_back()
        await self._leave(places.outcome("completed"))

    async def _talk(self) -> None:
        entry = self.entry
        self.go(State.CONNECTING)
        async with self._sound() as media:
            self._media = media
            self._line = line = self._make_line(media)
            if self._fate is not None:
                line.end(self._fate)
            self.go(State.TALKING)
            try:
                await self._handler(
                    LiveIncoming(entry.call_id, entry.language, entry.scenario, entry.caller, entry.dialled, line)
                )
            finally:
                # Before the sound is taken down: the caller hears the dialplan at once.
                await self._give_to_person()

    @asynccontextmanager
    async def _sound(self) -> AsyncIterator[MediaStream]:
        if not self.entry.answered:
            await self._client.answer(self.entry.channel)
        async with self._open_media(self.entry.channel) as media:
            yield media

    @asynccontextmanager
    async def _ringing(self) -> AsyncIterator[None]:
        """Let the caller hear that somebody is called."""
        tone = asyncio.create_task(_ring(self._media)) if self._media is not None else None
        try:
            yield
        finally:
            if tone is not None:
                tone.cancel()
                with suppress(asyncio.CancelledError):
                    await tone

    def _make_line(self, media: MediaStream) -> AriLine:
        return AriLine(media, self)

    async def _come_back(self) -> None:
        """Have the channel where ARI reaches it."""

    def _end(self, fate: Fate) -> None:
        if self._fate is None:
            self._fate = fate
            if self._line is not None:
                self._line.end(fate)

    async def _leave(self, place: Place | None = None) -> None:
        """Let the dialplan go on: at ``place``, or where it called Stasis()."""
        if self.state is not State.LEAVING:
            self.go(State.LEAVING)
        await self._send(place)
        self._left = True

    async def _send(self, place: Place | None) -> None:
        self._returning = True
        channel = self.entry.channel
        if place is None:
            await self._ask(lambda: self._client.continue_in_dialplan(channel))
        else:
            await self._ask(lambda: self._client.continue_in_dialplan(channel, *place, 1))

    async def _give_to_person(self) -> None:
        """Whoever is still here goes to the operators: the dialplan sends each caller there who has no marker."""
        if self._fate is not None or self._left:
            return
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._come_back()
                await self._leave()
        except CallerHungUp:
            self.log.info("caller_hung_up", state=self.state.value)
        except (AriError, LineError, TimeoutError) as error:
            self.log.error("call_stranded", stage=Stage.LINE.value, code="ari", error=type(error).__name__)

    async def _ask(self, request: Callable[[], Awaitable[None]]) -> None:
        """Make a request until it is granted. Raises CallerHungUp, LineError."""
        end = asyncio.get_running_loop().time() + LEAVE_SECONDS
        while True:
            try:
                return await request()
            except NotFound:
                self._end(hung_up)
                raise CallerHungUp from None
            except Conflict:
                # The dialplan has the channel already.
                self._end(taken)
                raise taken() from None
            except AriError as error:
                if self._fate is not None:
                    raise self._fate() from None
                if asyncio.get_running_loop().time() > end:
                    raise LineError("ari", type(error).__name__) from error
            await asyncio.sleep(_RETRY_SECONDS)


async def _ring(media: MediaStream) -> None:
    """Play the ringing tone until cancelled, or for as long as there is a line."""
    try:
        while True:
            await media.play(ring_tone(media.rate))
            await asyncio.sleep(RING_SECONDS)
    except CallError:
        return
