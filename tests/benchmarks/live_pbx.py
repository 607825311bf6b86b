"""A real Asterisk and a live door for a benchmark, and how much of a core each takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live.pbx import REPOSITORY, Sandbox, running
from tests.live.process import LoggedProcess
from tests.services import free_port

RTP_PORTS = range(24_000, 25_000)
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
def sandbox() -> Iterator[Sandbox]:
    """A running PBX. Raises ServiceError where it does not start."""
    with running(RTP_PORTS) as pbx:
        for name, value in GLOBALS.items():
            pbx.set_global(name, value)
        yield pbx


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
