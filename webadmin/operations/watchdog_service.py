"""The watchdog as a process: settings in, an orderly stop."""

from __future__ import annotations

import asyncio
import os
import signal

import structlog
from django.conf import settings

from ari_app.ami import AmiAddress, connect
from ari_app.watchdog import Watchdog
from dialogue.errors import ConfigurationError
from webadmin.config import Config, load_config

log = structlog.get_logger(__name__)


def ami_address(chosen: Config) -> AmiAddress:
    """Where the settings say that AMI is. Raises ConfigurationError: there is no password."""
    if not chosen.ami_password:
        raise ConfigurationError("AMI_PASSWORD is not set: it is the secret of AMI_USER in Asterisk's manager.conf.")
    return AmiAddress(chosen.ami_host, chosen.ami_port, chosen.ami_user, chosen.ami_password)


async def watch() -> None:
    """Watch until SIGTERM or SIGINT.

    The settings are read here and not through `webadmin.wiring`, which loads doors and engines: the watchdog must start
    where they cannot.

    Raises:
        ConfigurationError, AmiRefused: it cannot work; the text says why.
    """
    address = ami_address(load_config(os.environ, settings.VAR_DIR))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info("watchdog_started", ami=f"{address.host}:{address.port}")
    await Watchdog(lambda: connect(address)).run(stop)
