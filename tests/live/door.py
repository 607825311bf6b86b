"""The real AGI door as a process of its own, on the test's database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.db import connection

from tests.live.pbx import REPOSITORY, Sandbox

START_SECONDS = 60.0
STOP_SECONDS = 30.0


class Door:
    """``manage.py run_agi`` for the sandbox PBX.

    Args:
        sandbox: the PBX whose calls it takes.
        folder: for its journal and logs.
        port: where it listens; 0 for where the PBX looks for it.
        settings: further environment.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, port: int = 0, **settings: str) -> None:
        self._port = port or sandbox.agi_port
        self.address = f"127.0.0.1:{self._port}"
        self._log = folder / "door.log"
        database = connection.settings_dict
        self._environment = {
            **os.environ,
            "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database),
            "VAR_DIR": str(folder),
            "SPOOL_DIR": str(sandbox.spool),
            "AGI_BIND": self.address,
            "AGI_DRAIN_SECONDS": "1",
            "CALL_LANGUAGE": "en",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Everything it has logged."""
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Start it and wait until it takes calls."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "run_agi"], cwd=REPOSITORY, env=self._environment, stdout=log, stderr=log
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert self._process.poll() is None, self.log
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError(f"the door does not come up: {self.log}")

    def kill(self) -> None:
        """As the machine's out-of-memory killer would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> None:
        """As an administrator would."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
