"""The Stasis application: takes calls, brings each its events, and leaves no caller behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from ari_app.call import StasisCall
from ari_app.client import (
    ApplicationReplaced,
    AriClient,
    AriError,
    Channel,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHangupRequest,
    Connected,
    Disconnected,
    Event,
    EventStream,
    NotFound,
    StasisEnd,
    StasisStart,
    Unavailable,
)
from ari_app.entry import Entry, read_entry
from ari_app.heartbeat import alive_variable
from ari_app.legs import MediaLegs, Names, quietly
from ari_app.socket_call import SocketCall
from ari_app.transfer import WarmTransfer
from dialogue.errors import ConfigurationError, HotlineError, Stage

log = structlog.get_logger(__name__)

CANCEL_SECONDS = 12.0
"""How long calls that are cut short may take to leave."""

SETTLE_SECONDS = 1.0
"""How long the news of a call may be on its way before its channel counts as nobody's."""

AWAIT_SECONDS = 1.0

RIVAL_SECONDS = 2.5
LOOK_SECONDS = 0.25
"""How long a predecessor's signs of life are watched before it counts as dead."""

MakeCall = Callable[[Entry], StasisCall]


class NameTaken(HotlineError):
    """Another instance has taken the application's name: it gets the events from now on."""


class AriApp:
    """Runs calls that the dialplan hands over with ``Stasis(name,…)``.

    Args:
        client: ARI.
        name: the application's; each instance has its own.
        new_call: makes a call whose channel stays here (``call``).
        new_socket_call: makes one that the dialplan's AudioSocket() connects (``announce``); None: such are not taken.
        legs: media channels.
        transfer: warm transfers, where there are any.
        max_calls: calls at once; those above it go to the operators.
        drain_seconds: how long calls may go on after the stop.
    """

    def __init__(
        self,
        client: AriClient,
        name: str,
        new_call: Callable[[Entry], StasisCall],
        new_socket_call: Callable[[Entry], SocketCall] | None,
        legs: MediaLegs,
        transfer: WarmTransfer | None = None,
        *,
        max_calls: int = 100,
        drain_seconds: float = 60.0,
    ) -> None:
        self._client = client
        self._name = name
        self._names = Names(name)
        self._new_call = new_call
        self._new_socket_call = new_socket_call
        self._legs = legs
        self._transfer = transfer
        self._max_calls = max_calls
        self._drain_seconds = drain_seconds
        self._calls: dict[str, StasisCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[asyncio.Task[None]] = set()
        self.connected = False
        """Whether events come."""
        self.accepting = False
        """Whether further calls are taken."""
        self.started = asyncio.Event()
        """Set once calls are taken."""

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self._running)

    @property
    def has_room(self) -> bool:
        """Whether one more call would be taken: an instance that is full says so, and the dialplan tries another."""
        return self.accepting and self.calls < self._max_calls

    async def serve(self, stop: asyncio.Event) -> None:
        """Take calls until ``stop`` is set; then let those in progress end, and give the rest to a person.

        Raises:
            NameTaken: another instance took the name.
            Refused: user or password is wrong.
        """
        stopping = asyncio.create_task(stop.wait())
        try:
            async with EventStream(self._client, self._name) as events:
                reading = asyncio.create_task(self._read(events))
                try:
                    await asyncio.wait({stopping, reading}, return_when=asyncio.FIRST_COMPLETED)
                    self.accepting = False
                    if not reading.done():
                        await self._drain()
                    await self._end_calls()
                finally:
                    reading.cancel()
                    await asyncio.wait({reading})
                if not reading.cancelled():
                    reading.result()
        finally:
            stopping.cancel()
            self.accepting = self.connected = False
            await self._end_calls()
            log.info("ari_stopped", app=self._name)

    async def claim_name(self, stop: asyncio.Event) -> None:
        """Make sure that no other instance has the name; an Asterisk that is not there yet is waited for.

        Raises:
            ConfigurationError: another instance has the name.
            Refused: user or password is wrong.
        """
        waiting = False
        while not stop.is_set():
            try:
                await self._look_for_rival()
                return
            except (Unavailable, TimeoutError) as error:
                if not waiting:
                    log.warning("ari_awaited", app=self._name, stage=Stage.LINE.value, error=str(error))
                waiting = True
            with suppress(TimeoutError):
                async with asyncio.timeout(AWAIT_SECONDS):
                    await stop.wait()

    async def _look_for_rival(self) -> None:
        variable = alive_variable(self._name)
        with suppress(NotFound):
            await self._client.get_application(self._name)
            before = await self._client.get_global_variable(variable)
            # A predecessor that was killed leaves the name behind until its last call has gone, but no further beat.
            loop = asyncio.get_running_loop()
            end = loop.time() + RIVAL_SECONDS
            while loop.time() < end:
                await asyncio.sleep(LOOK_SECONDS)
                await self._client.get_application(self._name)
                if await self._client.get_global_variable(variable) != before:
                    raise ConfigurationError(
                        f"ARI_APP={self._name} is in use by another run_ari: stop that one, or choose another name "
                        "and add it to ARI_APPS in the dialplan's globals."
                    )
            log.info("name_inherited", app=self._name)

    async def _read(self, events: EventStream) -> None:
        async for event in events:
            try:
                self._take(event)
            except NameTaken:
                raise
            except Exception:
                # One event that breaks must not cost the calls that wait for the next.
                log.exception("event_not_taken", app=self._name, stage=Stage.LINE.value)

    def _take(self, event: Event) -> None:
        """Bring an event to whom it concerns. Never waits."""
        match event:
            case StasisStart():
                self._enter(event.channel, event.args)
            case StasisEnd():
                if call := self._calls.get(event.channel.id):
                    call.left_application()
                elif self._transfer is not None:
                    self._transfer.left(event.channel.id)
            case ChannelHangupRequest(soft=True):
                # Also how a channel is told to go on elsewhere in the dialplan; what follows says which it was.
                pass
            case ChannelHangupRequest() | ChannelDestroyed():
                if call := self._calls.get(event.channel.id):
                    call.caller_hung_up()
                elif self._transfer is not None:
                    self._transfer.gone(event.channel.id)
            case ChannelDtmfReceived():
                if call := self._calls.get(event.channel.id):
                    call.pressed(event.digit)
                elif self._transfer is not None:
                    self._transfer.pressed(event.channel.id, event.digit)
            case Connected():
                log.info("ari_connected", app=self._name, first=event.first)
                self.connected = self.accepting = True
                self.started.set()
                self._own(self._reconcile())
            case Disconnected():
                # Calls go on: their sound does not come this way.
                log.warning("ari_disconnected", app=self._name, stage=Stage.LINE.value, calls=self.calls)
                self.connected = False
            case ApplicationReplaced():
                log.error("name_taken", app=self._name, stage=Stage.LINE.value, calls=self.calls)
                raise NameTaken(f"another instance has taken the ARI application {self._name}; give each its own name")
            case _:
                pass

    def _enter(self, channel: Channel, arguments: tuple[str, ...]) -> None:
        if channel.id.startswith(self._names.media):
            self._legs.entered(channel.id)
            return
        if channel.id.startswith(self._names.operator):
            if self._transfer is not None and channel.id in self._transfer.channels:
                self._transfer.answered(channel.id, channel.name)
            else:
                self._own(quietly(self._client.hangup(channel.id)))
            return
        verb, rest = (arguments[0] if arguments else ""), arguments[1:]
        if verb == "conclude":
            call = self._calls.get(channel.id)
            if isinstance(call, SocketCall) and not call.gone:
                call.returned()
            else:
                self._refuse(channel, "unknown_call")
        elif not self.accepting:
            self._refuse(channel, "stopping")
        elif self.calls >= self._max_calls:
            self._refuse(channel, "too_many_calls")
        elif verb == "call":
            self._begin(self._new_call(read_entry(channel, rest)))
        elif verb == "announce" and self._new_socket_call is not None:
            self._begin(self._new_socket_call(read_entry(channel, rest)))
        else:
            self._refuse(channel, "unknown_request")

    def _refuse(self, channel: Channel, code: str) -> None:
        """Send a caller on to the operators."""
        log.error("call_refused", code=code, stage=Stage.LINE.value, calls=self.calls)
        self._own(quietly(self._client.continue_in_dialplan(channel.id)))

    def _begin(self, call: StasisCall) -> None:
        self._calls[call.entry.channel] = call
        task = asyncio.create_task(self._lead(call), name=f"call-{call.entry.call_id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _lead(self, call: StasisCall) -> None:
        try:
            await call.run()
        finally:
            self._calls.pop(call.entry.channel, None)

    def _own(self, work: Awaitable[None]) -> None:
        """Run something short beside the events."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reconcile(self) -> None:
        """Find out what happened while no events came, and what a predecessor left behind."""
        try:
            await self._find_ended()
            unknown = await self._unknown()
            if unknown:
                # Their own events may be on the way.
                await asyncio.sleep(SETTLE_SECONDS)
                for channel in await self._unknown():
                    if channel.id in {known.id for known in unknown}:
                        await self._adopt(channel)
            for bridge in await self._client.list_bridges():
                if bridge.id.startswith(self._names.bridge) and bridge.id not in self._legs.bridges:
                    log.warning("bridge_removed", stage=Stage.LINE.value)
                    await quietly(self._client.destroy_bridge(bridge.id))
        except AriError as error:
            log.error("reconcile_failed", stage=Stage.LINE.value, error=type(error).__name__)

    async def _find_ended(self) -> None:
        """End the calls whose channels are no longer there, or no longer here."""
        watched = dict(self._calls)
        channels = {channel.id: channel for channel in await self._client.list_channels()}
        for channel_id, call in watched.items():
            channel = channels.get(channel_id)
            if channel is None:
                call.caller_hung_up()
            elif not isinstance(call, SocketCall) and not self._is_here(channel):
                call.left_application()

    async def _unknown(self) -> list[Channel]:
        """Channels that are in this application, or belong to it, and to no call."""
        known = {*self._calls, *self._legs.channels, *(self._transfer.channels if self._transfer else ())}
        return [
            channel
            for channel in await self._client.list_channels()
            if channel.id not in known and (self._is_here(channel) or self._names.is_channel(channel.id))
        ]

    def _is_here(self, channel: Channel) -> bool:
        place = channel.dialplan
        return place.app_name == "Stasis" and place.app_data.split(",")[0] == self._name

    async def _adopt(self, channel: Channel) -> None:
        """Give a caller whom nobody serves to a person; take down what only served a call that is over."""
        if self._names.is_channel(channel.id):
            log.warning("channel_removed", stage=Stage.LINE.value)
            await quietly(self._client.hangup(channel.id))
        else:
            log.warning("caller_adopted", stage=Stage.LINE.value)
            await quietly(self._client.continue_in_dialplan(channel.id))

    async def _drain(self) -> None:
        if self._running:
            log.info("ari_draining", app=self._name, calls=self.calls, seconds=self._drain_seconds)
            await asyncio.wait(self._running, timeout=self._drain_seconds)

    async def _end_calls(self) -> None:
        left = [*self._running, *self._tasks]
        for task in self._running:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=CANCEL_SECONDS)
