"""What can be asked of channels. Ids are ARI's; every method raises `AriError`, and `NotFound` where the channel is
gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import TypeAdapter

from ari_app.client.models import Channel, Playback, Variable
from ari_app.client.rest import Rest, read

Reason = Literal[
    "normal",
    "busy",
    "congestion",
    "no_answer",
    "timeout",
    "rejected",
    "unallocated",
    "normal_unspecified",
    "number_incomplete",
    "codec_mismatch",
    "interworking",
    "failure",
    "answered_elsewhere",
]
Direction = Literal["both", "in", "out"]

_CHANNEL = TypeAdapter(Channel)
_CHANNELS = TypeAdapter(list[Channel])
_PLAYBACK = TypeAdapter(Playback)
_VARIABLE = TypeAdapter(Variable)


class Channels(Rest):
    """The part of `AriClient` about channels."""

    async def list_channels(self) -> list[Channel]:
        """Every channel of the PBX, whoever has it."""
        return read(_CHANNELS, await self._get("/channels"), "GET /channels")

    async def get_channel(self, channel_id: str) -> Channel:
        """Return a channel as it is now."""
        return read(_CHANNEL, await self._get("/channels/{}", channel_id), "GET /channels/{}")

    async def originate(
        self,
        endpoint: str,
        *,
        app: str | None = None,
        app_args: str | None = None,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
        label: str | None = None,
        channel_id: str | None = None,
        other_channel_id: str | None = None,
        caller_id: str | None = None,
        timeout: int | None = None,  # noqa: ASYNC109 - how long it rings, counted by Asterisk
        variables: Mapping[str, str] | None = None,
        originator: str | None = None,
        formats: Sequence[str] | None = None,
    ) -> Channel:
        """Call an endpoint and bring it, once it answers, into an application or the dialplan.

        Args:
            endpoint: e.g. ``PJSIP/operator1``.
            app: application; excludes ``context``, ``extension``, ``priority`` and ``label``.
            app_args: its arguments, separated by commas.
            channel_id: fresh id for the new channel, so that its events are known from the first.
            other_channel_id: id for the second half of a Local channel.
            caller_id: ``Name <number>``.
            timeout: seconds it rings, 30 unless given; -1 without end.
            variables: of the new channel, set before it rings.
            originator: id of the channel on whose behalf it is called; its formats are offered.
            formats: offered formats where there is no originator, e.g. ``("slin16", "ulaw")``.

        Raises:
            AriError: 400, no such endpoint or nothing behind it that can be called.
            Conflict: the id is taken.
        """
        answer = await self._post(
            "/channels",
            endpoint=endpoint,
            app=app,
            appArgs=app_args,
            context=context,
            extension=extension,
            priority=priority,
            label=label,
            channelId=channel_id,
            otherChannelId=other_channel_id,
            callerId=caller_id,
            timeout=timeout,
            variables=variables,
            originator=originator,
            formats=_joined(formats),
        )
        return read(_CHANNEL, answer, "POST /channels")

    async def create_channel(
        self,
        endpoint: str,
        app: str,
        *,
        app_args: str | None = None,
        channel_id: str | None = None,
        other_channel_id: str | None = None,
        originator: str | None = None,
        formats: Sequence[str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Channel:
        """Make a channel without calling yet (`dial` does): it can be bridged before it rings.

        Arguments and errors are those of `originate`.
        """
        answer = await self._post(
            "/channels/create",
            endpoint=endpoint,
            app=app,
            appArgs=app_args,
            channelId=channel_id,
            otherChannelId=other_channel_id,
            originator=originator,
            formats=_joined(formats),
            variables=variables,
        )
        return read(_CHANNEL, answer, "POST /channels/create")

    async def dial(
        self,
        channel_id: str,
        *,
        caller: str | None = None,
        timeout: int | None = None,  # noqa: ASYNC109 - how long it rings, counted by Asterisk
    ) -> None:
        """Call a channel made by `create_channel`.

        Args:
            caller: id of the channel that calls.
            timeout: seconds it rings; 0 without end.
        """
        await self._post("/channels/{}/dial", channel_id, caller=caller, timeout=timeout)

    async def external_media(
        self,
        app: str,
        external_host: str = "INCOMING",
        format: str = "slin16",
        *,
        transport: Literal["udp", "tcp", "websocket"] = "websocket",
        encapsulation: Literal["rtp", "audiosocket", "none"] = "none",
        connection_type: Literal["client", "server"] | None = None,
        channel_id: str | None = None,
        direction: Literal["both"] | None = None,
        data: str | None = None,
        transport_data: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Channel:
        """Make a channel whose sound goes to a program instead of a phone.

        chan_websocket, Asterisk as the server (the defaults): connect to ``media_url(connection_id)`` with the
        connection id from the answer's ``channelvars["MEDIA_WEBSOCKET_CONNECTION_ID"]``; the channel comes into the
        application once that stands. Asterisk as the client: ``connection_type="client"``.

        AudioSocket: ``transport="tcp"``, ``encapsulation="audiosocket"``, ``data=`` its UUID.

        RTP: ``transport="udp"``, ``encapsulation="rtp"``; the answer's ``channelvars`` ``UNICASTRTP_LOCAL_ADDRESS`` and
        ``UNICASTRTP_LOCAL_PORT`` say where Asterisk listens.

        Args:
            app: application the channel goes to.
            external_host: ``host:port`` Asterisk connects to; for chan_websocket ``INCOMING``, or as a client the name
                of a connection in ``websocket_client.conf``.
            format: one of Asterisk's, e.g. ``slin16`` (16 kHz), ``slin`` (8 kHz).
            connection_type: unless given, ``server`` for ``INCOMING`` and Asterisk's default, ``client``, else.
            data: AudioSocket's UUID; with chan_websocket the arguments the channel brings to the application.
            transport_data: chan_websocket's options as in its dial string, e.g. ``f(json)`` or ``n``.

        Raises:
            AriError: 400, these do not go together; 500, the channel type or format is not loaded.
            Conflict: the id is taken.
        """
        if connection_type is None and external_host == "INCOMING":
            connection_type = "server"
        answer = await self._post(
            "/channels/externalMedia",
            app=app,
            format=format,
            transport=transport,
            encapsulation=encapsulation,
            connection_type=connection_type,
            external_host=external_host,
            channelId=channel_id,
            direction=direction,
            data=data,
            transport_data=transport_data,
            variables=variables,
        )
        return read(_CHANNEL, answer, "POST /channels/externalMedia")

    async def answer(self, channel_id: str) -> None:
        """Answer a call."""
        await self._post("/channels/{}/answer", channel_id)

    async def ring(self, channel_id: str) -> None:
        """Let the caller hear that it rings."""
        await self._post("/channels/{}/ring", channel_id)

    async def ring_stop(self, channel_id: str) -> None:
        """End `ring`."""
        await self._delete("/channels/{}/ring", channel_id)

    async def hangup(self, channel_id: str, reason: Reason | None = None) -> None:
        """Hang a channel up, in whatever state it is."""
        await self._delete("/channels/{}", channel_id, reason=reason)

    async def continue_in_dialplan(
        self,
        channel_id: str,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
        *,
        label: str | None = None,
    ) -> None:
        """Give a channel back to the dialplan: there, or after the ``Stasis()`` it came by.

        Raises:
            Conflict: it is not in an application.
        """
        await self._post(
            "/channels/{}/continue", channel_id, context=context, extension=extension, priority=priority, label=label
        )

    async def redirect(self, channel_id: str, endpoint: str) -> None:
        """Have the far side place its call elsewhere (SIP: 302 before the answer, REFER after it)."""
        await self._post("/channels/{}/redirect", channel_id, endpoint=endpoint)

    async def get_variable(self, channel_id: str, name: str) -> str:
        """Return a channel's variable or function.

        Raises:
            NotFound: the channel is gone, or the variable is not set.
        """
        answer = await self._get("/channels/{}/variable", channel_id, variable=name)
        return read(_VARIABLE, answer, "GET /channels/{}/variable").value

    async def set_variable(self, channel_id: str, name: str, value: str) -> None:
        """Set a channel's variable or function.

        Raises:
            Conflict: it is not in an application.
        """
        await self._post("/channels/{}/variable", channel_id, variable=name, value=value)

    async def mute(self, channel_id: str, direction: Direction = "both") -> None:
        """Mute what comes ``in`` from a channel, goes ``out`` to it, or both."""
        await self._post("/channels/{}/mute", channel_id, direction=direction)

    async def unmute(self, channel_id: str, direction: Direction = "both") -> None:
        """End `mute`."""
        await self._delete("/channels/{}/mute", channel_id, direction=direction)

    async def start_moh(self, channel_id: str, moh_class: str | None = None) -> None:
        """Play music on hold."""
        await self._post("/channels/{}/moh", channel_id, mohClass=moh_class)

    async def stop_moh(self, channel_id: str) -> None:
        """End `start_moh`."""
        await self._delete("/channels/{}/moh", channel_id)

    async def send_dtmf(
        self,
        channel_id: str,
        digits: str,
        *,
        before: int | None = None,
        between: int | None = None,
        duration: int | None = None,
        after: int | None = None,
    ) -> None:
        """Send keys to a channel; times in milliseconds, each key and pause 100 unless given."""
        await self._post(
            "/channels/{}/dtmf",
            channel_id,
            dtmf=digits,
            before=before,
            between=between,
            duration=duration,
            after=after,
        )

    async def play(
        self,
        channel_id: str,
        *media: str,
        playback_id: str | None = None,
        language: str | None = None,
        offset_ms: int | None = None,
        skip_ms: int | None = None,
    ) -> Playback:
        """Play one after the other to a channel; `PlaybackFinished` tells the end.

        Args:
            media: e.g. ``sound:hello-world``, ``tone:ring``, ``recording:name``.
            language: of the recorded prompts.
            offset_ms: where to begin in the first.
        """
        answer = await self._post(
            "/channels/{}/play",
            channel_id,
            media=media,
            playbackId=playback_id,
            lang=language,
            offsetms=offset_ms,
            skipms=skip_ms,
        )
        return read(_PLAYBACK, answer, "POST /channels/{}/play")


def _joined(formats: Sequence[str] | None) -> str | None:
    return None if formats is None else ",".join(formats)
