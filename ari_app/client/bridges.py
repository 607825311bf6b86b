"""What can be asked of bridges, playbacks and recordings. Every method raises `AriError`, and `NotFound` where the
thing is gone."""

from __future__ import annotations

from typing import Literal

from pydantic import TypeAdapter

from ari_app.client.models import Bridge, LiveRecording, Playback
from ari_app.client.rest import Rest, read

_BRIDGE = TypeAdapter(Bridge)
_BRIDGES = TypeAdapter(list[Bridge])
_PLAYBACK = TypeAdapter(Playback)
_RECORDING = TypeAdapter(LiveRecording)


class Bridges(Rest):
    """The part of `AriClient` about bridges, playbacks and recordings."""

    async def list_bridges(self) -> list[Bridge]:
        """Every bridge of the PBX, whoever has it."""
        return read(_BRIDGES, await self._get("/bridges"), "GET /bridges")

    async def get_bridge(self, bridge_id: str) -> Bridge:
        """Return a bridge as it is now."""
        return read(_BRIDGE, await self._get("/bridges/{}", bridge_id), "GET /bridges/{}")

    async def create_bridge(
        self, bridge_id: str | None = None, *, type: str = "mixing", name: str | None = None
    ) -> Bridge:
        """Make a bridge.

        Args:
            bridge_id: its id; Asterisk makes one where none is given.
            type: ``mixing`` or ``holding``, with further attributes after commas: ``dtmf_events``, ``proxy_media``.

        Raises:
            AriError: 500, the id is taken.
        """
        answer = await self._post("/bridges", bridgeId=bridge_id, type=type, name=name)
        return read(_BRIDGE, answer, "POST /bridges")

    async def destroy_bridge(self, bridge_id: str) -> None:
        """Take a bridge down; its channels stay in the application."""
        await self._delete("/bridges/{}", bridge_id)

    async def add_channel(
        self,
        bridge_id: str,
        *channel_ids: str,
        role: str | None = None,
        absorb_dtmf: bool | None = None,
        mute: bool | None = None,
        inhibit_connected_line_updates: bool | None = None,
    ) -> None:
        """Put channels into a bridge, all or none.

        Args:
            role: ``announcer`` or ``participant`` in a holding bridge.
            absorb_dtmf: keys do not pass to the others.
            mute: nothing of them is heard in the bridge.

        Raises:
            AriError: 400, a channel does not exist; 422, a channel is not in this application.
            Conflict: the bridge or a channel is in no application, or is just recorded.
        """
        await self._post(
            "/bridges/{}/addChannel",
            bridge_id,
            channel=channel_ids,
            role=role,
            absorbDTMF=absorb_dtmf,
            mute=mute,
            inhibitConnectedLineUpdates=inhibit_connected_line_updates,
        )

    async def remove_channel(self, bridge_id: str, *channel_ids: str) -> None:
        """Take channels out of a bridge; they stay in the application.

        Raises:
            AriError: 400, a channel does not exist; 422, it is not in this bridge.
        """
        await self._post("/bridges/{}/removeChannel", bridge_id, channel=channel_ids)

    async def play_on_bridge(
        self,
        bridge_id: str,
        *media: str,
        playback_id: str | None = None,
        language: str | None = None,
        offset_ms: int | None = None,
        skip_ms: int | None = None,
    ) -> Playback:
        """Play one after the other to everyone in a bridge; arguments as `AriClient.play`."""
        answer = await self._post(
            "/bridges/{}/play",
            bridge_id,
            media=media,
            playbackId=playback_id,
            lang=language,
            offsetms=offset_ms,
            skipms=skip_ms,
        )
        return read(_PLAYBACK, answer, "POST /bridges/{}/play")

    async def stop_playback(self, playback_id: str) -> None:
        """End a playback. Raises `NotFound` where it has ended."""
        await self._delete("/playbacks/{}", playback_id)

    async def start_bridge_moh(self, bridge_id: str, moh_class: str | None = None) -> None:
        """Play music on hold to everyone in a bridge."""
        await self._post("/bridges/{}/moh", bridge_id, mohClass=moh_class)

    async def stop_bridge_moh(self, bridge_id: str) -> None:
        """End `start_bridge_moh`."""
        await self._delete("/bridges/{}/moh", bridge_id)

    async def record_bridge(
        self,
        bridge_id: str,
        name: str,
        *,
        format: str = "wav16",
        max_duration_seconds: int | None = None,
        max_silence_seconds: int | None = None,
        if_exists: Literal["fail", "overwrite", "append"] = "fail",
        beep: bool = False,
        terminate_on: Literal["none", "any", "*", "#"] = "none",
    ) -> LiveRecording:
        """Record what is heard in a bridge, mixed, under Asterisk's recording folder.

        Args:
            name: of the file without its ending; slashes make folders.
            max_duration_seconds: 0 without end.

        Raises:
            Conflict: there is a recording of that name.
            AriError: 422, Asterisk cannot write that format.
        """
        answer = await self._post(
            "/bridges/{}/record",
            bridge_id,
            name=name,
            format=format,
            maxDurationSeconds=max_duration_seconds,
            maxSilenceSeconds=max_silence_seconds,
            ifExists=if_exists,
            beep=beep,
            terminateOn=terminate_on,
        )
        return read(_RECORDING, answer, "POST /bridges/{}/record")

    async def get_live_recording(self, name: str) -> LiveRecording:
        """Return a recording under way."""
        return read(_RECORDING, await self._get("/recordings/live/{}", name), "GET /recordings/live/{}")

    async def stop_recording(self, name: str) -> None:
        """End a recording and keep it."""
        await self._post("/recordings/live/{}/stop", name)
