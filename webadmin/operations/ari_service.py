"""The live door as a process: ARI, media, journal, record keeping, and an orderly stop."""

from __future__ import annotations

import asyncio

import structlog

from ari_app.app import AriApp
from ari_app.call import StasisCall
from ari_app.client import AriClient
from ari_app.entry import Entry, Handler
from ari_app.heartbeat import Heartbeat
from ari_app.legs import MediaLegs, Names
from ari_app.media.audiosocket import AudioSocketServer
from ari_app.socket_call import SocketCall
from ari_app.transfer import OperatorPlan, WarmTransfer
from ari_app.transports import AudioSocketTransport, WebSocketTransport
from dialogue.errors import ConfigurationError
from webadmin.config import Config
from webadmin.operations.door import open_journal, prepare_spool, stopped_by_signal
from webadmin.operations.memory import settle_memory
from webadmin.wiring import Engines, ari_handler, open_engines, prepare_phrases, speak_with

log = structlog.get_logger(__name__)


async def serve(chosen: Config) -> None:
    """Serve calls until SIGTERM or SIGINT; then let those in progress end.

    Raises:
        ConfigurationError, AriError, NameTaken, JournalError, OSError: it cannot start or go on; the text says why.
    """
    if not chosen.ari_password:
        raise ConfigurationError("ARI_PASSWORD is not set: it is the password of ARI_USER in Asterisk's ari.conf.")
    prepare_spool(chosen.spool_dir)
    stop = asyncio.Event()
    async with (
        open_engines(chosen) as engines,
        open_journal(chosen) as journal,
        AriClient(str(chosen.ari_url), chosen.ari_user, chosen.ari_password) as client,
        AudioSocketServer(*chosen.audiosocket_listen, chosen.audiosocket_allowed_peers) as sockets,
    ):
        log.info("engines_chosen", media=chosen.media_transport, transfer=chosen.transfer, **engines.names)
        app = build_app(chosen, client, sockets, ari_handler(chosen, engines, journal), engines)
        with stopped_by_signal(stop):
            await app.claim_name(stop)
            settle_memory()
            beside = [
                asyncio.create_task(_beat(client, app, chosen.ari_app)),
                asyncio.create_task(prepare_phrases(chosen, engines)),
            ]
            try:
                await app.serve(stop)
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)


async def _beat(client: AriClient, app: AriApp, name: str) -> None:
    """Give signs of life from the moment on in which calls are taken."""
    await app.started.wait()
    async with Heartbeat(client, name, healthy=lambda: app.connected, accepting=lambda: app.has_room):
        await asyncio.Event().wait()


def build_app(
    chosen: Config, client: AriClient, sockets: AudioSocketServer, handler: Handler, engines: Engines
) -> AriApp:
    """The application with its transports and transfers.

    Args:
        chosen: the settings.
        client: ARI.
        sockets: takes AudioSocket connections.
        handler: leads each conversation.
        engines: their voice briefs operators.
    """
    name, rate = chosen.ari_app, int(chosen.media_rate)
    audiosocket = AudioSocketTransport(client, name, sockets, chosen.audiosocket_server, rate)
    websocket = WebSocketTransport(client, name, rate)
    legs = MediaLegs(client, Names(name), websocket if chosen.media_transport == "websocket" else audiosocket)
    transfer = None
    if chosen.transfer == "warm":
        plan = OperatorPlan(chosen.operators, chosen.operator_ring_seconds, chosen.operator_accept_seconds)
        transfer = WarmTransfer(client, name, Names(name), legs, plan, speak_with(engines.speaker))

    def new_call(entry: Entry) -> StasisCall:
        return StasisCall(entry, client, handler, legs.beside, transfer)

    def new_socket_call(entry: Entry) -> SocketCall:
        return SocketCall(entry, client, handler, audiosocket.announce, transfer)

    return AriApp(
        client,
        name,
        new_call,
        new_socket_call,
        legs,
        transfer,
        max_calls=chosen.ari_max_calls,
        drain_seconds=chosen.ari_drain_seconds,
    )
