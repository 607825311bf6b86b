"""PostgreSQL and Redis of the test run's own: private, on free loopback ports, gone when it ends."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

MISSING = "{} is needed by the tests and is not installed: run `make system-test`"
START_SECONDS = 30.0
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Which of the processes that run tests side by side this is; 0 where there is one."""

PORTS = range(10_000 + 1_000 * (WORKER % 10), 11_000 + 1_000 * (WORKER % 10))
"""This worker's own, below those that Linux gives to outgoing connections: nobody takes one that was found free."""

_untried = random.sample(PORTS, len(PORTS))
"""Each is given out once, and later ones only when all were: what was found free may not be listened on yet."""


class ServiceError(Exception):
    """A program the tests need is missing or does not start. Its text says what to do."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port on the loopback that nobody has, another one at each call.

    Args:
        kind: SOCK_STREAM for TCP, SOCK_DGRAM for UDP.

    Raises:
        ServiceError: all are taken.
    """
    for _ in PORTS:
        port = _untried.pop(0)
        _untried.append(port)
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServiceError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free")


def wait_until(ready: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Return once ``ready`` says so.

    Raises:
        ServiceError: it did not within ``seconds``.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise ServiceError(f"{what} did not come up within {seconds:g} s")
        time.sleep(0.05)


def port_answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGTERM, seconds: float = 10.0) -> None:
    """End a process of ours: first politely, then for certain."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ends_with_parent() -> Callable[[], None]:
    """Return what makes a child die with us (Linux), also where we are killed."""
    import ctypes

    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(1, signal.SIGKILL, 0, 0, 0)


class PostgreSQL:
    """A PostgreSQL cluster in a folder of its own.

    Raises:
        ServiceError: its programs are missing, or it does not start.
    """

    def __init__(self) -> None:
        self._bin = _postgresql_programs()
        self.folder = Path(tempfile.mkdtemp(prefix="hotline-pg-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "hotline", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "hotline", "hotline")

    @property
    def url(self) -> str:
        return f"postgres://hotline@127.0.0.1:{self.port}/hotline"

    @property
    def runs(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Start the server and return once it answers. It lives as long as the thread that calls this, at most."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "60",
            "shared_buffers": "64MB",
        }
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *self._as_user(),
                    *[str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)],
                    *options,
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_ends_with_parent(),
            )
        wait_until(self._answers, "PostgreSQL")

    def stop(self) -> None:
        """Stop the server at once; open connections break. The data stays."""
        if self._process is not None:
            stop(self._process, signal.SIGINT)
            self._process = None

    def close(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise ServiceError(f"PostgreSQL ended at once: {(self.folder / 'log').read_text()[-500:]}")
        command = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def _as_user(self) -> list[str]:
        """What runs a command as the other user. The death signal is set again: changing the user clears it."""
        if self._user is None:
            return []
        user = [f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups"]
        return ["setpriv", *user, "--pdeathsig", "KILL"]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as_user(), str(self._bin / program), *arguments],
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise ServiceError(f"{program} failed: {done.stderr.strip()[-500:]}")


class Redis:
    """A redis-server that keeps nothing on disk.

    Raises:
        ServiceError: it is missing, or does not start.
    """

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise ServiceError(MISSING.format("redis-server"))
        self.port = free_port()
        self._process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            preexec_fn=_ends_with_parent(),
        )
        wait_until(lambda: port_answers(self.port), "redis-server")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def close(self) -> None:
        stop(self._process)


def _postgresql_programs() -> Path:
    """Folder of PostgreSQL's newest programs. Debian keeps them off the PATH."""
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    if there:
        return there[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise ServiceError(MISSING.format("PostgreSQL's server"))
    return Path(on_path).resolve().parent


def _unprivileged_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise ServiceError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


if __name__ == "__main__":
    sys.exit("This is imported by tests/conftest.py")
