"""The AGI door as a process: server, journal, record keeping, and an orderly stop."""

from __future__ import annotations

import asyncio

import structlog

from agi.routes import routes
from agi.server import FastAgiServer
from dialogue.scenarios.registry import SCENARIOS
from webadmin.config import Config
from webadmin.operations.door import open_journal, prepare_spool, stopped_by_signal
from webadmin.operations.memory import settle_memory
from webadmin.wiring import agi_handler, open_engines

log = structlog.get_logger(__name__)


async def serve(chosen: Config) -> None:
    """Serve calls until SIGTERM or SIGINT; then let those in progress end.

    Raises:
        ConfigurationError, JournalError, OSError: it cannot start; the text says why.
    """
    prepare_spool(chosen.spool_dir)
    stop = asyncio.Event()
    host, port = chosen.agi_address
    async with open_engines(chosen) as engines, open_journal(chosen) as journal:
        handlers = {name: agi_handler(chosen, engines, journal, name) for name in SCENARIOS}
        server = FastAgiServer(
            host,
            port,
            routes(handlers, chosen.spool_dir, chosen.spool_on_pbx, engines.voice),
            chosen.agi_allowed_peers,
            chosen.agi_max_calls,
            drain_seconds=chosen.agi_drain_seconds,
        )
        log.info("engines_chosen", **engines.names)
        settle_memory()
        with stopped_by_signal(stop):
            await server.serve(stop)
