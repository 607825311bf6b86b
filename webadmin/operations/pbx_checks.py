"""What `doctor` tries of the live door at the PBX: ARI, its media channels, AMI with its rights, and the watchdog."""

from __future__ import annotations

import re

from ari_app.ami import AmiAddress, AmiConnection, AmiError, connect
from ari_app.client import AriClient, NotFound, Refused
from ari_app.heartbeat import alive_variable
from ari_app.watchdog import RESCUE_CONTEXT, RESCUE_EXTENSION, WATCHDOG_VARIABLE
from webadmin.config import Config
from webadmin.operations.checks import Finding, examine
from webadmin.operations.watchdog_service import ami_address

OLDEST = {20: (20, 20, 1), 22: (22, 10, 1)}
"""Asterisk's oldest versions without known holes, by branch; others are compared with 22's."""

FRESH_SECONDS = 5


async def check_live_door(chosen: Config) -> list[Finding]:
    """Try every part of the live door, one after the other. Without `ARI_PASSWORD` there is none."""
    if not chosen.ari_password:
        return [Finding("live_door", True, "not set up (ARI_PASSWORD is empty): 112 and 113 go to the operators")]
    found: list[Finding] = []
    async with AriClient(str(chosen.ari_url), chosen.ari_user, chosen.ari_password) as client:

        async def ari() -> str:
            return await _version(client, chosen)

        async def registered() -> str:
            return await _registered(client, chosen.ari_app)

        async def media() -> str:
            return await _media_channel(client, chosen.ari_app)

        found.append(await examine("ari", ari, "Check ARI_URL, ari.conf and http.conf; Asterisk 22.10.1 or newer."))
        found.append(await examine("live_door", registered, "Start it: manage.py run_ari (or make run)."))
        if all(part.ok for part in found) and chosen.media_transport == "websocket":
            found.append(await examine("media_channel", media, "Load chan_websocket and res_http_websocket."))

    async def ami() -> str:
        async with connect(ami_address(chosen)) as connection:
            return await _rights(connection, ami_address(chosen))

    async def watchdog() -> str:
        async with connect(ami_address(chosen)) as connection:
            return await _watched(connection, chosen.ari_app)

    found.append(await examine("ami", ami, "Check AMI_* and manager.conf: read and write need the class call."))
    found.append(
        await examine("watchdog", watchdog, "Start it: manage.py run_watchdog (or make run); see ARI_APPS in globals.")
    )
    return found


async def _version(client: AriClient, chosen: Config) -> str:
    try:
        version = (await client.asterisk_info()).system.version
    except Refused:
        raise ValueError(f"Asterisk refuses ARI_USER={chosen.ari_user}: correct ARI_PASSWORD") from None
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
    if numbers and numbers < OLDEST.get(numbers[0], OLDEST[22]):
        raise ValueError(f"Asterisk {version} has known holes")
    return f"Asterisk {version} answers as ARI user {chosen.ari_user}"


async def _registered(client: AriClient, app: str) -> str:
    try:
        await client.get_application(app)
    except NotFound:
        raise ValueError(f"no run_ari has registered the application {app}") from None
    return f"the application {app} is registered"


async def _media_channel(client: AriClient, app: str) -> str:
    """Make a media channel and give it up before anything connects to it."""
    channel = await client.external_media(app)
    await client.hangup(channel.id)
    return "chan_websocket makes media channels"


async def _rights(connection: AmiConnection, address: AmiAddress) -> str:
    await connection.channels(())
    try:
        await connection.redirect("Hotline/doctor", RESCUE_CONTEXT, RESCUE_EXTENSION)
    except AmiError as error:
        # Asterisk looks for the channel only for a user who may redirect it.
        if "does not exist" not in str(error):
            raise
    there = await connection.get_variable(f"DIALPLAN_EXISTS({RESCUE_CONTEXT},{RESCUE_EXTENSION},1)")
    if there == "0":
        raise ValueError(f"the dialplan has no {RESCUE_CONTEXT},{RESCUE_EXTENSION}: include dialplan/hotline.conf")
    return f"AMI user {address.user} may see and redirect callers"


async def _watched(connection: AmiConnection, app: str) -> str:
    now = int(await connection.get_variable("EPOCH") or 0)
    names = [name.strip() for name in (await connection.get_variable("ARI_APPS")).split(",")]
    if app not in names:
        raise ValueError(f"the dialplan's ARI_APPS={','.join(names)} does not name {app}, so it gets no call")
    for variable, who in ((WATCHDOG_VARIABLE, "run_watchdog"), (alive_variable(app), f"run_ari {app}")):
        beat = (await connection.get_variable(variable)).removeprefix("-")
        if not beat.isdigit() or now - int(beat) > FRESH_SECONDS:
            raise ValueError(f"{who} gives no sign of life")
    return f"run_watchdog and run_ari {app} give signs of life"
