"""Child processes of the demo: started, waited for until they answer, and ended with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from dialogue.errors import HotlineError

STOP_SECONDS = 20.0


class ServiceFailed(HotlineError):
    """A service ended or did not answer in time. Its text says where its log lies."""


@asynccontextmanager
async def service(
    name: str, command: Sequence[str], log_file: Path, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program while the block runs; end it by its process group afterwards."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        try:
            os.killpg(process.pid, number)
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except (ProcessLookupError, TimeoutError):
            continue


async def until_listening(
    name: str, process: asyncio.subprocess.Process, address: tuple[str, int], log_file: Path, seconds: float
) -> None:
    """Wait until a service takes TCP connections.

    Raises:
        ServiceFailed: it ended first, or did not within ``seconds``.
    """
    try:
        async with asyncio.timeout(seconds):
            while True:
                if process.returncode is not None:
                    raise ServiceFailed(f"{name} ended at once; its log is {log_file}:\n{tail(log_file)}")
                try:
                    _, writer = await asyncio.open_connection(*address)
                except OSError:
                    await asyncio.sleep(0.1)
                    continue
                writer.close()
                return
    except TimeoutError:
        raise ServiceFailed(f"{name} does not answer on {address[0]}:{address[1]}; its log is {log_file}") from None


async def until_logged(
    name: str, process: asyncio.subprocess.Process, words: str, log_file: Path, seconds: float
) -> None:
    """Wait until a service's log, which it alone writes from now on, has ``words``.

    Raises:
        ServiceFailed: it ended first, or did not say so within ``seconds``.
    """
    try:
        async with asyncio.timeout(seconds):
            while words not in await asyncio.to_thread(log_file.read_text, errors="replace"):
                if process.returncode is not None:
                    raise ServiceFailed(f"{name} ended at once; its log is {log_file}:\n{tail(log_file)}")
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise ServiceFailed(f"{name} did not come up; its log is {log_file}:\n{tail(log_file)}") from None


def tail(path: Path, lines: int = 5) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def free_port(preferred: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return ``preferred`` where nothing has it on loopback, else any free port."""
    for candidate in (preferred, 0):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port
    raise ServiceFailed("no free port on loopback")


def python() -> str:
    """The interpreter that runs us, for children."""
    return sys.executable
