"""A process under test that says in its log how far it is."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.live.pbx import REPOSITORY

UNTIL_SECONDS = 30.0
STOP_SECONDS = 10.0


class LoggedProcess:
    """Not started yet.

    Args:
        command: program and arguments.
        environment: added to ours.
        log_file: standard output and error go there.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log_file: Path) -> None:
        self._command, self._log_file = list(command), log_file
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Everything it has said."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, words: str = "") -> None:
        """Start it, and return once it has said ``words`` since."""
        before = self.log.count(words) if words else 0
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=REPOSITORY, env=self._environment, stdout=log, stderr=log
            )
        if words:
            self.until(words, before + 1)

    def until(self, words: str, times: int = 1, seconds: float = UNTIL_SECONDS) -> None:
        """Wait until its log has ``words`` so many times."""
        end = time.monotonic() + seconds
        while self.log.count(words) < times:
            assert time.monotonic() < end, f"never says {words!r}: {self.log}"
            time.sleep(0.05)

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = UNTIL_SECONDS) -> int:
        """Its exit status once it has ended."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it, whatever state it is in, and return its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()
