"""The real live door as a process of its own, on the test's database."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection, connections

from ari_app.heartbeat import alive_variable
from tests.live.pbx import Sandbox
from tests.live.process import LoggedProcess
from tests.services import free_port

READY = '"ari_connected"'
START_SECONDS = 20.0
FRESH_SECONDS = 2.0


class LiveDoor:
    """``manage.py run_ari`` for the sandbox PBX.

    Args:
        sandbox: the PBX whose calls it takes.
        folder: for its journal and logs.
        app: its name; the dialplan's global ``ARI_APPS`` decides who gets calls.
        settings: further environment.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, app: str = "hotline", **settings: str) -> None:
        self.app = app
        self._sandbox = sandbox
        environment = {
            **office_environment(sandbox, folder),
            "ARI_URL": f"http://127.0.0.1:{sandbox.http_port}",
            "ARI_PASSWORD": sandbox.secrets["ari"],
            "ARI_APP": app,
            "ARI_DRAIN_SECONDS": "1",
            "AUDIOSOCKET_BIND": f"127.0.0.1:{free_port()}",
            **settings,
        }
        self.audiosocket = int(environment["AUDIOSOCKET_BIND"].rpartition(":")[2])
        """Port of its AudioSocket server."""
        self._process = LoggedProcess([sys.executable, "manage.py", "run_ari"], environment, folder / f"{app}.log")

    @property
    def log(self) -> str:
        """Everything it has logged."""
        return self._process.log

    def start(self) -> None:
        """Start it and wait until it takes calls: the dialplan knows it by its last sign of life."""
        self._process.start(READY)
        end = time.monotonic() + START_SECONDS
        while time.time() - self._last_beat() > FRESH_SECONDS:
            assert time.monotonic() < end, f"gives no sign of life: {self.log}"
            time.sleep(0.1)

    def _last_beat(self) -> int:
        found = re.search(rf"\b{alive_variable(self.app)}=(\d+)", self._sandbox.cli("dialplan show globals"))
        return int(found[1]) if found else 0

    def start_in_vain(self) -> int:
        """Start it where it cannot work, and return its exit status."""
        self._process.start()
        return self._process.wait()

    def until(self, words: str, times: int = 1) -> None:
        """Wait until its log has ``words`` so many times."""
        self._process.until(words, times)

    def kill(self) -> None:
        """As the machine's out-of-memory killer would."""
        self._process.stop(signal.SIGKILL)

    def stop(self) -> None:
        """As an administrator would."""
        self._process.stop()


def office_environment(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """What a process needs to work in the test's database and the sandbox's spool."""
    return {
        "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict),
        "VAR_DIR": str(folder),
        "SPOOL_DIR": str(sandbox.spool),
        "CALL_LANGUAGE": "en",
        "AMI_PORT": str(sandbox.ami_port),
        "AMI_PASSWORD": sandbox.secrets["ami"],
    }


def watchdog(sandbox: Sandbox, folder: Path) -> LoggedProcess:
    """``manage.py run_watchdog``, not started yet."""
    environment = office_environment(sandbox, folder)
    return LoggedProcess([sys.executable, "manage.py", "run_watchdog"], environment, folder / "watchdog.log")


@contextmanager
def shared_office(django_db_blocker: Any) -> Iterator[None]:
    """The test database for a module whose tests share a door: emptied when all of them have run."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            # The test database cannot be dropped while a thread still holds a connection to it.
            asyncio.run(sync_to_async(connections.close_all)())
            call_command("flush", interactive=False, verbosity=0)
            connections.close_all()
