"""What live tests share: an Asterisk of each process that runs tests, the office's records, and who is on the phone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.evals.runner.office import DjangoOffice
from tests.live.live_door import shared_office
from tests.live.pbx import Sandbox, running
from tests.services import WORKER, ServiceError
from webadmin.operations.sip_phone import SipPhone

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


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    first = RTP_START + WORKER * RTP_PORTS
    try:
        with running(range(first, first + RTP_PORTS)) as sandbox:
            yield sandbox
    except ServiceError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module")
def office(django_db_setup: None, django_db_blocker: object) -> Iterator[DjangoOffice]:
    """What is on record, for a module whose tests share a door; the database is emptied at its end."""
    with shared_office(django_db_blocker):
        yield DjangoOffice()


@pytest.fixture
def _django_db_helper() -> None:
    """Nothing is flushed between tests that share a door: `office` opens the database and empties it at the end."""


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
