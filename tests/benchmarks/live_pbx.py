"""A real Asterisk and a live door for a benchmark, and how much of a core each takes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live.conftest import PBX, REPOSITORY, Sandbox, _until_up
from tests.live.process import LoggedProcess
from tests.services import free_port

RTP_PORTS = (24_000, 24_999)
STOP_SECONDS = 30.0
TICKS = os.sysconf("SC_CLK_TCK")
APP = "hotline"
CALLS = "120"
"""At once, at most: above what is measured."""

GLOBALS = {"CALL_AI_SECONDS": "600", "CALL_QUEUE_SECONDS": "5", "CALL_QUEUE_ROUNDS": "1", "ARI_APPS": APP}


@dataclass(frozen=True)
class Door:
    """A running live door: its process id, and the folder of its journal and log."""

    process: int
    folder: Path


@contextmanager
def sandbox() -> Iterator[tuple[Sandbox, int]]:
    """A running PBX and its process id. Raises RuntimeError where it does not start."""
    # Short: a Unix socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        sip = probe.getsockname()[1]
    ami, http, agi = free_port(), free_port(), free_port()
    environment = {
        **os.environ,
        "ENV_FILE": os.devnull,
        "PBX_DIR": str(folder / "pbx"),
        "SPOOL_DIR": str(folder / "spool"),
        "SANDBOX_SIP_PORT": str(sip),
        "SANDBOX_AMI_PORT": str(ami),
        "SANDBOX_HTTP_PORT": str(http),
        "SANDBOX_RTP_START": str(RTP_PORTS[0]),
        "SANDBOX_RTP_END": str(RTP_PORTS[1]),
        "AGI_BIND": f"127.0.0.1:{agi}",
    }
    process = subprocess.Popen(
        [sys.executable, str(PBX)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said = _until_up(process)
        if "is up" not in said:
            raise RuntimeError(f"the sandbox PBX does not start: {said.strip()}")
        running = Sandbox(sip, ami, http, agi, folder / "spool", folder / "pbx", environment)
        for name, value in GLOBALS.items():
            running.set_global(name, value)
        yield running, process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def live_door(pbx: Sandbox, command: Sequence[str], **settings: str) -> Iterator[Door]:
    """A process that takes the PBX's live calls.

    Args:
        pbx: whose calls.
        command: arguments of Python.
        settings: further environment.
    """
    with tempfile.TemporaryDirectory(prefix="hotline-door-") as folder:
        environment = {
            "ENV_FILE": os.devnull,
            "VAR_DIR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "SPOOL_DIR": str(pbx.spool),
            "CALL_LANGUAGE": "en",
            "ARI_URL": f"http://127.0.0.1:{pbx.http_port}",
            "ARI_PASSWORD": pbx.secrets["ari"],
            "ARI_APP": APP,
            "ARI_MAX_CALLS": CALLS,
            "ARI_DRAIN_SECONDS": "1",
            "AUDIOSOCKET_BIND": f"127.0.0.1:{free_port()}",
            "MAX_TURNS": "50",
            **settings,
        }
        migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(migrate, cwd=REPOSITORY, env={**os.environ, **environment}, check=True, timeout=60)
        process = LoggedProcess([sys.executable, *command], environment, Path(folder, "door.log"))
        process.start('"ari_connected"')
        try:
            yield Door(process.pid, Path(folder))
        finally:
            process.stop()


def cpu_seconds(root: int) -> float:
    """CPU seconds that a process, its descendants, and theirs that have ended, have taken so far."""
    return sum(_taken(process) for process in _family(root))


def busy_seconds() -> float:
    """CPU seconds that everything on this machine has taken so far."""
    first = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _, _, interrupts, soft_interrupts, stolen = (int(ticks) / TICKS for ticks in first)
    return user + nice + system + interrupts + soft_interrupts + stolen


def _family(root: int) -> set[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(path)
        if fields:
            parents[int(path.parent.name)] = int(fields[1])
    family = {root}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return family


def _taken(process: int) -> float:
    fields = _fields(Path(f"/proc/{process}/stat"))
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS if fields else 0.0


def _fields(path: Path) -> list[str]:
    """What follows the name of the program, from the state on (`man proc`)."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []
