"""A real Asterisk for the live tests: started once through `deploy/sandbox/pbx.py`, on free ports, in its folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import WORKER, free_port
from webadmin.operations.sip_phone import SipPhone

REPOSITORY = Path(__file__).resolve().parents[2]
PBX = REPOSITORY / "deploy" / "sandbox" / "pbx.py"
START_SECONDS = 60.0
REPORT_SECONDS = 10.0
RTP_START, RTP_PORTS = 20_000, 500
"""Where the first worker's RTP ports begin, and how many each has."""

QUICK = {
    "CALL_AI_SECONDS": "30",
    "CALL_QUEUE_SECONDS": "15",
    "CALL_QUEUE_ROUNDS": "1",
    "CALL_QUEUE_PAUSE": "1",
    "CALL_ANNOUNCE_LANGUAGE": "en",
}
"""Globals of every test: the same paths as in production, in less time."""


@dataclass(frozen=True)
class Sandbox:
    """The running PBX.

    Args:
        sip_port: UDP port of SIP on 127.0.0.1.
        ami_port: of AMI, user ``hotline``; its secret is in ``secrets``.
        http_port: of ARI, user ``hotline``.
        agi_port: where its dialplan looks for the AGI door. Nothing listens there unless a test makes it so.
        spool: with `recordings/` and `ended/`.
        folder: its configuration and logs.
        environment: what `pbx.py` needs to find it.
    """

    sip_port: int
    ami_port: int
    http_port: int
    agi_port: int
    spool: Path
    folder: Path
    environment: dict[str, str]

    @property
    def sip_uri(self) -> str:
        """The hotline."""
        return f"sip:102@127.0.0.1:{self.sip_port}"

    @property
    def registrar(self) -> str:
        return f"sip:127.0.0.1:{self.sip_port}"

    @property
    def secrets(self) -> dict[str, str]:
        """Passwords: ``ami``, ``ari``, ``sip`` (of operator1, operator2 and phone1)."""
        known: dict[str, str] = json.loads((self.folder / "secrets.json").read_text())
        return known

    def cli(self, command: str) -> str:
        """Run a command on Asterisk's command line and return what it prints."""
        done = subprocess.run(
            [sys.executable, str(PBX), "--cli", command],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def set_global(self, name: str, value: str) -> None:
        """Change a global of the dialplan; the fixture `sandbox` sets the usual ones before each test."""
        self.cli(f"dialplan set global {name} {value}")

    def reports(self) -> set[str]:
        """Ids of the calls whose end the hang-up handler has reported."""
        return {path.stem for path in (self.spool / "ended").glob("*.txt")}

    async def report_of_next_call(self, before: set[str], seconds: float = REPORT_SECONDS) -> dict[str, str]:
        """Wait for one report that is not among ``before`` and return its values."""
        async with asyncio.timeout(seconds):
            while True:
                for call_id in self.reports() - before:
                    text = (self.spool / "ended" / f"{call_id}.txt").read_text()
                    if text.endswith("end=yes\n"):
                        pairs = [line.split("=", 1) for line in text.splitlines()]
                        assert len(dict(pairs)) == len(pairs), "a key stands twice"
                        return dict(pairs)
                await asyncio.sleep(0.05)

    def recording(self, call_id: str) -> Path:
        return self.spool / "recordings" / f"{call_id}.wav16"

    async def recorded_seconds(self, call_id: str, seconds: float = REPORT_SECONDS) -> float:
        """Length of a call's recording at 16 kHz, once Asterisk has closed it, which may be after its end report."""
        async with asyncio.timeout(seconds):
            while True:
                unfinished = contextlib.suppress(wave.Error, EOFError, FileNotFoundError)
                with unfinished, wave.open(str(self.recording(call_id))) as recording:
                    assert recording.getframerate() == 16000
                    return recording.getnframes() / 16000
                await asyncio.sleep(0.1)


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    # Short: a Unix socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="hotline-pbx-"))
    sip_port = free_port(socket.SOCK_DGRAM)
    ami_port, http_port, agi_port = free_port(), free_port(), free_port()
    rtp_start = RTP_START + WORKER * RTP_PORTS
    environment = {
        **os.environ,
        "ENV_FILE": os.devnull,
        "PBX_DIR": str(folder / "pbx"),
        "SPOOL_DIR": str(folder / "spool"),
        "SANDBOX_SIP_PORT": str(sip_port),
        "SANDBOX_AMI_PORT": str(ami_port),
        "SANDBOX_HTTP_PORT": str(http_port),
        "SANDBOX_RTP_START": str(rtp_start),
        "SANDBOX_RTP_END": str(rtp_start + RTP_PORTS - 1),
        "AGI_BIND": f"127.0.0.1:{agi_port}",
    }
    process = subprocess.Popen(
        [sys.executable, str(PBX)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said = _until_up(process)
        if "is up" not in said:
            pytest.fail(f"the sandbox PBX does not start: {said.strip()}", pytrace=False)
        yield Sandbox(sip_port, ami_port, http_port, agi_port, folder / "spool", folder / "pbx", environment)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _until_up(process: subprocess.Popen[str]) -> str:
    """Everything it prints until it says that it is up, or ends."""
    assert process.stdout is not None
    said, end = "", time.monotonic() + START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while "is up" not in said and time.monotonic() < end:
            if selector.select(end - time.monotonic()):
                line = process.stdout.readline()
                if not line:
                    break
                said += line
    return said


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The PBX, with the usual globals and without calls of an earlier test."""
    for name, value in QUICK.items():
        running_sandbox.set_global(name, value)
    running_sandbox.set_global("CALL_DEFAULT_LANGUAGE", "")
    return running_sandbox


@pytest.fixture
async def caller() -> AsyncIterator[SipPhone]:
    """A phone without an account, as the public has."""
    async with SipPhone(user="+77011234567") as phone:
        yield phone


@pytest.fixture
async def operator(sandbox: Sandbox) -> AsyncIterator[SipPhone]:
    """An operator's phone, registered as operator1, that answers by itself."""
    async with SipPhone(user="operator1", password=sandbox.secrets["sip"], auto_answer=True) as phone:
        await phone.register(sandbox.registrar)
        yield phone


class AgiDoor:
    """A stand-in for the AGI door that behaves as a test wants.

    Args:
        commands: AGI commands it sends, waiting for each reply; then it closes.
        hang: after its commands it stays silent until the test ends.
    """

    def __init__(self, *commands: str, hang: bool = False) -> None:
        self.headers: dict[str, str] = {}
        self.entered = asyncio.Event()
        """Set once a call is here and the commands are sent."""
        self._commands, self._hang = commands, hang
        self._leave = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[AgiDoor]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        try:
            yield self
        finally:
            self._leave.set()
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := (await reader.readline()).decode().strip():
                name, _, value = line.partition(": ")
                self.headers[name] = value
            for command in self._commands:
                writer.write(f"{command}\n".encode())
                await reader.readline()
            self.entered.set()
            if self._hang:
                await self._leave.wait()
        finally:
            writer.close()
