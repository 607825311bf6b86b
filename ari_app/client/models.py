"""What ARI answers, as frozen models.

Names are ARI's own (``rest-api/*.json`` of Asterisk). Fields that are unknown here are ignored, those that an Asterisk
leaves out are empty, so that another version is no error. What may be a caller's number, name or words stays out of
`repr`, and with it out of logs.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Base of everything that comes from Asterisk."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class CallerID(Model):
    """Who a channel belongs to, as its phone or the dialplan says: whatever a caller likes."""

    name: str = Field("", repr=False)
    number: str = Field("", repr=False)


class DialplanCEP(Model):
    """Where a channel is in the dialplan."""

    context: str = ""
    exten: str = Field("", repr=False)
    priority: int = 0
    app_name: str = ""
    app_data: str = Field("", repr=False)


class Channel(Model):
    """A channel.

    ``state`` is Asterisk's word: ``Down``, ``Ring``, ``Ringing``, ``Up`` and others. ``creationtime`` is ISO 8601.
    ``channelvars`` has what ``ari.conf`` or the request asked for.
    """

    id: str
    name: str = Field("", repr=False)
    state: str = ""
    protocol_id: str = Field("", repr=False)
    caller: CallerID = CallerID()
    connected: CallerID = CallerID()
    caller_rdnis: str = Field("", repr=False)
    accountcode: str = ""
    dialplan: DialplanCEP = DialplanCEP()
    creationtime: str = ""
    language: str = ""
    channelvars: dict[str, Any] = Field({}, repr=False)


class Bridge(Model):
    """A bridge; ``channels`` are ids."""

    id: str
    name: str = ""
    technology: str = ""
    bridge_type: str = ""
    bridge_class: str = ""
    creator: str = ""
    channels: tuple[str, ...] = ()
    creationtime: str = ""


class Playback(Model):
    """Something that is played. ``target_uri`` is ``channel:<id>`` or ``bridge:<id>``; ``state`` ``queued``,
    ``playing``, ``continuing``, ``done`` or ``failed``."""

    id: str
    media_uri: str = Field("", repr=False)
    next_media_uri: str = Field("", repr=False)
    target_uri: str = ""
    language: str = ""
    state: str = ""


class LiveRecording(Model):
    """A recording under way or just ended. Durations in seconds; ``cause`` says why it failed."""

    name: str
    format: str = ""
    target_uri: str = ""
    state: str = ""
    duration: int | None = None
    talking_duration: int | None = None
    silence_duration: int | None = None
    cause: str = ""


class Application(Model):
    """A registered Stasis application and what it is subscribed to."""

    name: str
    channel_ids: tuple[str, ...] = ()
    bridge_ids: tuple[str, ...] = ()
    endpoint_ids: tuple[str, ...] = ()
    device_names: tuple[str, ...] = ()


class SystemInfo(Model):
    """``version`` is Asterisk's, e.g. ``22.10.1``."""

    version: str = ""
    entity_id: str = ""


class StatusInfo(Model):
    """When Asterisk started and was last reloaded; ISO 8601. A new start means that every channel is gone."""

    startup_time: str = ""
    last_reload_time: str = ""


class AsteriskInfo(Model):
    """What Asterisk says about itself."""

    system: SystemInfo = SystemInfo()
    status: StatusInfo = StatusInfo()


class AsteriskPing(Model):
    """A sign of life. ``timestamp`` is Asterisk's clock, ISO 8601."""

    asterisk_id: str = ""
    ping: str = ""
    timestamp: str = ""


class Variable(Model):
    """A variable's value; empty where it is not set."""

    value: str = Field("", repr=False)
