"""A real Asterisk, started through `deploy/sandbox/pbx.py` on free ports in a folder of its own."""

from __future__ import annotations

import asyncio
import base64
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
import urllib.parse
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import ServiceError, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
PBX = REPOSITORY / "deploy" / "sandbox" / "pbx.py"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
REPORT_SECONDS = 10.0


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
        process: process id of `pbx.py`, whose child Asterisk is.
    """

    sip_port: int
    ami_port: int
    http_port: int
    agi_port: int
    spool: Path
    folder: Path
    environment: dict[str, str]
    process: int

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
        query = urllib.parse.urlencode({"variable": name, "value": value})
        secret = base64.b64encode(f"hotline:{self.secrets['ari']}".encode()).decode()
        # By ARI: Asterisk's command line takes a tenth of a second, and each test sets half a dozen.
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}/ari/asterisk/variable?{query}",
            headers={"Authorization": f"Basic {secret}"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

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


@contextmanager
def running(rtp: range) -> Iterator[Sandbox]:
    """A PBX that runs until the end of the block.

    Args:
        rtp: UDP ports for its sound.

    Raises:
        ServiceError: it does not start.
    """
    # Short: a Unix socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="hotline-pbx-"))
    sip, ami, http, agi = free_port(socket.SOCK_DGRAM), free_port(), free_port(), free_port()
    environment = {
        **os.environ,
        "ENV_FILE": os.devnull,
        "PBX_DIR": str(folder / "pbx"),
        "SPOOL_DIR": str(folder / "spool"),
        "SANDBOX_SIP_PORT": str(sip),
        "SANDBOX_AMI_PORT": str(ami),
        "SANDBOX_HTTP_PORT": str(http),
        "SANDBOX_RTP_START": str(rtp.start),
        "SANDBOX_RTP_END": str(rtp.stop - 1),
        "AGI_BIND": f"127.0.0.1:{agi}",
    }
    process = subprocess.Popen(
        [sys.executable, str(PBX)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said = _until_up(process)
        if "is up" not in said:
            raise ServiceError(f"the sandbox PBX does not start: {said.strip()}")
        yield Sandbox(sip, ami, http, agi, folder / "spool", folder / "pbx", environment, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
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
