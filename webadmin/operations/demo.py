"""The demo: a real sandbox PBX, the services, and one real SIP call with spoken words."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from dialogue.audio import Audio, read_wav
from webadmin.calls.models import Call, Status
from webadmin.incidents.documents import incident_document
from webadmin.operations.processes import ServiceFailed, free_port, python, service, until_listening, until_logged
from webadmin.operations.sip_phone import SipPhone

CALLER_SAYS = ("somebody stole my car last night", "twelve green street", "no")
"""The demo's caller, one sentence a turn; pocketsphinx knows English only."""

START_SECONDS = 60.0
CALL_SECONDS = 120.0
FINISH_SECONDS = 90.0

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo's services listen on loopback."""

    sip: int
    ami: int
    http: int
    agi: int
    web: int

    def environment(self) -> dict[str, str]:
        """Settings for the services."""
        return {
            "SANDBOX_SIP_PORT": str(self.sip),
            "SANDBOX_AMI_PORT": str(self.ami),
            "SANDBOX_HTTP_PORT": str(self.http),
            "AGI_BIND": f"127.0.0.1:{self.agi}",
        }


def choose_ports() -> Ports:
    """The usual ports where they are free, others where not."""
    return Ports(
        sip=free_port(5060, socket.SOCK_DGRAM),
        ami=free_port(5038),
        http=free_port(8088),
        agi=free_port(4573),
        web=free_port(8000),
    )


@asynccontextmanager
async def services(ports: Ports, logs: Path, show: Show) -> AsyncIterator[None]:
    """Run PBX, door and office while the block runs."""
    environment = ports.environment()
    plan = [
        ("sandbox PBX", ["/usr/bin/env", "python3", "deploy/sandbox/pbx.py"], ports.ami, "pbx"),
        ("AGI door", [python(), "manage.py", "run_agi"], ports.agi, "door"),
        ("office", [python(), "manage.py", "serve_web", "--bind", f"127.0.0.1:{ports.web}"], ports.web, "office"),
    ]
    async with AsyncExitStack() as stack:
        started = []
        for name, command, port, log_name in plan:
            log_file = logs / f"{log_name}.log"
            process = await stack.enter_async_context(service(name, command, log_file, environment))
            started.append((name, process, port, log_file, log_name))
        for name, process, port, log_file, log_name in started:
            if log_name == "pbx":
                # Its ports open before it is fully booted; it says so itself when it takes calls.
                await until_logged(name, process, "Sandbox PBX is up", log_file, START_SECONDS)
            await until_listening(name, process, ("127.0.0.1", port), log_file, START_SECONDS)
            show(f"{name} is up on 127.0.0.1:{port} (log: {log_file})")
        yield


async def spoken(text: str) -> Audio:
    """Say ``text`` as the demo's caller, with flite's voice at 16 kHz."""
    process = await asyncio.create_subprocess_exec(
        "flite", "-voice", "slt", "-t", text, "-o", "/dev/stdout", stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        wav, _ = await process.communicate()
    if process.returncode:
        raise ServiceFailed("flite could not speak; run: make system")
    return read_wav(wav)


async def place_call(sip_port: int, show: Show) -> None:
    """Call extension 102 and say the demo's sentences, each when the other side has fallen silent."""
    sentences = [(text, await spoken(text)) for text in CALLER_SAYS]
    async with asyncio.timeout(CALL_SECONDS), SipPhone() as phone:
        call = await phone.call(f"sip:102@127.0.0.1:{sip_port}", codec="G722")
        show("The call is answered")
        for text, sound in sentences:
            heard = await call.hear_until_quiet()
            if call.ended.is_set():
                break
            show(f"  heard {heard.seconds:.1f} s of speech; says: {text}")
            await call.say(sound)
        await call.ended.wait()
        show("The call has ended")


async def incident_of_newest_call(before: set[Any]) -> dict[str, Any]:
    """Wait until the call that is not among ``before`` is finished, and return its incident."""
    try:
        async with asyncio.timeout(FINISH_SECONDS):
            while True:
                call = await Call.objects.exclude(pk__in=before).order_by("-started_at").afirst()
                if call is not None and call.status != Status.ACTIVE and call.post_processed_at is not None:
                    return await sync_to_async(incident_document)(str(call.pk))
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise ServiceFailed("the call did not become an incident; see the door's log") from None


def ensure_user(password_file: Path) -> tuple[str, str]:
    """Return name and password of the demo's administrator; made once, kept in ``password_file``."""
    users = get_user_model().objects
    name = "demo"
    if password_file.exists() and users.filter(username=name).exists():
        return name, password_file.read_text().strip()
    password = secrets.token_urlsafe(12)
    user, _ = users.get_or_create(username=name, defaults={"is_staff": True, "is_superuser": True})
    user.set_password(password)
    user.save()
    password_file.touch(0o600)
    password_file.write_text(password)
    return name, password


def as_json(document: dict[str, Any]) -> str:
    """The document as people and programs read it."""
    return json.dumps(document, ensure_ascii=False, indent=2)
