"""Events of an application, typed. Names and fields are ARI's own; `Connected` and `Disconnected` are ours."""

from __future__ import annotations

from typing import Any

import structlog
from pydantic import Field, ValidationError
from pydantic_core import from_json

from ari_app.client.models import Bridge, Channel, LiveRecording, Model, Playback

log = structlog.get_logger(__name__)


class Event(Model):
    """Base of all events. ``timestamp`` is Asterisk's, ISO 8601 with milliseconds."""

    application: str = ""
    timestamp: str = ""


class Connected(Event):
    """Events come from now on. Where not ``first``, some have been missed: ask ARI what the state is."""

    first: bool


class Disconnected(Event):
    """No events come until the next `Connected`. ``reason`` is for the log."""

    reason: str


class StasisStart(Event):
    """A channel has come into the application, with the arguments of ``Stasis()`` after its name."""

    channel: Channel
    args: tuple[str, ...] = Field((), repr=False)
    replace_channel: Channel | None = None


class StasisEnd(Event):
    """A channel has left the application."""

    channel: Channel


class ChannelStateChange(Event):
    """``channel.state`` has changed."""

    channel: Channel


class ChannelHangupRequest(Event):
    """Someone hangs the channel up. ``cause`` is Q.850's."""

    channel: Channel
    cause: int | None = None
    soft: bool | None = None


class ChannelDestroyed(Event):
    """The channel is gone. ``cause`` is Q.850's."""

    channel: Channel
    cause: int = 0
    cause_txt: str = ""


class ChannelDtmfReceived(Event):
    """A key was pressed and released."""

    channel: Channel
    digit: str = Field(repr=False)
    duration_ms: int = 0


class ChannelVarset(Event):
    """A variable was set; a global one where there is no channel."""

    variable: str
    value: str = Field("", repr=False)
    channel: Channel | None = None


class ChannelEnteredBridge(Event):
    """A channel has come into a bridge."""

    bridge: Bridge
    channel: Channel | None = None


class ChannelLeftBridge(Event):
    """A channel has left a bridge."""

    bridge: Bridge
    channel: Channel


class BridgeCreated(Event):
    """A bridge was made."""

    bridge: Bridge


class BridgeDestroyed(Event):
    """A bridge is gone."""

    bridge: Bridge


class Dial(Event):
    """Dialling goes on: ``dialstatus`` is empty at first, then e.g. ``RINGING``, ``ANSWER``, ``BUSY``, ``NOANSWER``."""

    peer: Channel
    caller: Channel | None = None
    dialstring: str = Field("", repr=False)
    dialstatus: str = ""


class PlaybackStarted(Event):
    """Something begins to play."""

    playback: Playback


class PlaybackFinished(Event):
    """Something has ended playing; ``playback.state`` is ``failed`` where it could not be played."""

    playback: Playback


class RecordingStarted(Event):
    """A recording begins."""

    recording: LiveRecording


class RecordingFinished(Event):
    """A recording has ended and is on Asterisk's disk."""

    recording: LiveRecording


class RecordingFailed(Event):
    """A recording failed: ``recording.cause``."""

    recording: LiveRecording


class ApplicationReplaced(Event):
    """Another connection has registered the application's name and gets its events."""


class Unknown(Event):
    """Any other event, or one that lacks what its model needs. ``fields`` is what came."""

    type: str
    fields: dict[str, Any] = Field(repr=False)


TYPES: dict[str, type[Event]] = {
    model.__name__: model
    for model in (
        StasisStart,
        StasisEnd,
        ChannelStateChange,
        ChannelHangupRequest,
        ChannelDestroyed,
        ChannelDtmfReceived,
        ChannelVarset,
        ChannelEnteredBridge,
        ChannelLeftBridge,
        BridgeCreated,
        BridgeDestroyed,
        Dial,
        PlaybackStarted,
        PlaybackFinished,
        RecordingStarted,
        RecordingFinished,
        RecordingFailed,
        ApplicationReplaced,
    )
}
"""Models by the ``type`` ARI gives."""


def parse_event(text: str | bytes) -> Event:
    """Read one message of the event socket.

    Raises:
        ValueError: it is no JSON object with a ``type``.
    """
    try:
        fields = from_json(text)
    except ValueError:
        raise ValueError("an event is not JSON") from None
    if not isinstance(fields, dict) or not isinstance(kind := fields.get("type"), str):
        raise ValueError("an event is no object with a type")
    if model := TYPES.get(kind):
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            places = [".".join(map(str, each["loc"])) for each in error.errors(include_input=False, include_url=False)]
            log.error("ari_event_unreadable", event_type=kind, fields=places)
    known = {name: value for name in ("application", "timestamp") if isinstance(value := fields.get(name), str)}
    return Unknown(type=kind, fields=fields, **known)
