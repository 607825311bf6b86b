"""The demo: a real sandbox PBX, the services, and one real SIP call with spoken words."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from dialogue.audio import Audio, read_wav
from webadmin.calls.models import Call, CallHearing, Status
from webadmin.incidents.documents import incident_document
from webadmin.operations.processes import ServiceFailed, free_port, python, service, until_listening, until_logged
from webadmin.operations.sip_phone import SipPhone

CALLER_SAYS = {
    "en": ("somebody stole my car last night", "twelve green street", "no"),
    "ru": ("вчера ночью украли мою машину", "улица Абая, дом двенадцать", "нет"),
    "kk": ("кеше түнде көлігімді ұрлап кетті", "Абай көшесі, он екінші үй", "жоқ"),
}
"""The demo's caller by language, one sentence a turn; pocketsphinx knows English only."""

CUT_IN_AFTER = 5.7
"""Seconds of the greeting after which the live demo's caller begins to speak: in the question behind its notice."""

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
    audiosocket: int
    web: int

    def environment(self, language: str) -> dict[str, str]:
        """Settings for the services, which speak ``language``."""
        return {
            "CALL_LANGUAGE": language,
            "SANDBOX_SIP_PORT": str(self.sip),
            "SANDBOX_AMI_PORT": str(self.ami),
            "SANDBOX_HTTP_PORT": str(self.http),
            "AGI_BIND": f"127.0.0.1:{self.agi}",
            "AMI_PORT": str(self.ami),
            "ARI_URL": f"http://127.0.0.1:{self.http}",
            "AUDIOSOCKET_BIND": f"127.0.0.1:{self.audiosocket}",
        }


def choose_ports() -> Ports:
    """The usual ports where they are free, others where not."""
    return Ports(
        sip=free_port(5060, socket.SOCK_DGRAM),
        ami=free_port(5038),
        http=free_port(8088),
        agi=free_port(4573),
        audiosocket=free_port(9092),
        web=free_port(8000),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """A service to start.

    Args:
        name: as people know it.
        command: with its arguments.
        log: name of its log.
        port: TCP port it is up on; None where only its log tells.
        ready: words its log has once it is up; empty where the port tells.
    """

    name: str
    command: tuple[str, ...]
    log: str
    port: int | None = None
    ready: str = ""


def plans(ports: Ports, *, live: bool) -> list[Plan]:
    """What the demo needs, in the order it is started."""
    manage = (python(), "manage.py")
    pbx = Plan(
        # Its ports open before it is fully booted; it says so itself when it takes calls.
        "sandbox PBX",
        ("/usr/bin/env", "python3", "deploy/sandbox/pbx.py"),
        "pbx",
        ports.ami,
        "Sandbox PBX is up",
    )
    office = Plan("office", (*manage, "serve_web", "--bind", f"127.0.0.1:{ports.web}"), "office", ports.web)
    if not live:
        return [pbx, Plan("AGI door", (*manage, "run_agi"), "door", ports.agi), office]
    return [
        pbx,
        Plan("live door", (*manage, "run_ari"), "live-door", ready="ari_connected"),
        Plan("watchdog", (*manage, "run_watchdog"), "watchdog", ready="watchdog_connected"),
        office,
    ]


@asynccontextmanager
async def services(
    ports: Ports, logs: Path, show: Show, *, language: str = "en", live: bool = False
) -> AsyncIterator[None]:
    """Run PBX, door and office while the block runs."""
    environment = ports.environment(language)
    async with AsyncExitStack() as stack:
        started = []
        for plan in plans(ports, live=live):
            log_file = logs / f"{plan.log}.log"
            process = await stack.enter_async_context(service(plan.name, plan.command, log_file, environment))
            started.append((plan, process, log_file))
        for plan, process, log_file in started:
            if plan.ready:
                await until_logged(plan.name, process, plan.ready, log_file, START_SECONDS)
            if plan.port is not None:
                await until_listening(plan.name, process, ("127.0.0.1", plan.port), log_file, START_SECONDS)
            where = f" on 127.0.0.1:{plan.port}" if plan.port is not None else ""
            show(f"{plan.name} is up{where} (log: {log_file})")
        yield


async def spoken(text: str, language: str = "en") -> Audio:
    """Say ``text`` as the demo's caller: English with flite's voice, which is clearer, others with espeak's."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "spoken.wav"
        command = ("flite", "-voice", "slt", "-t", text, "-o", str(wav))
        if language != "en":
            command = ("espeak-ng", "-v", language, "-w", str(wav), text)
        process = await asyncio.create_subprocess_exec(*command)
        async with asyncio.timeout(30):
            await process.wait()
        if process.returncode:
            raise ServiceFailed(f"{command[0]} could not speak; run: make system")
        return read_wav(wav)


async def place_call(sip_port: int, show: Show, *, language: str = "en", live: bool = False) -> None:
    """Call the hotline and say the demo's sentences, each when the other side has fallen silent.

    Args:
        sip_port: of the PBX.
        show: is told what happens.
        language: one of `CALLER_SAYS`.
        live: call the live door, and cut into its greeting.
    """
    sentences = [(text, await spoken(text, language)) for text in CALLER_SAYS[language]]
    extension, quiet = ("112", 0.8) if live else ("102", 1.5)
    async with asyncio.timeout(CALL_SECONDS), SipPhone() as phone:
        call = await phone.call(f"sip:{extension}@127.0.0.1:{sip_port}", codec="G722")
        show("The call is answered")
        for number, (text, sound) in enumerate(sentences):
            cuts_in = live and number == 0
            heard = await call.hear_until_quiet(quiet, longest_seconds=CUT_IN_AFTER if cuts_in else 60.0)
            if call.ended.is_set():
                break
            show(f"  heard {heard.seconds:.1f} s of speech; {'cuts in' if cuts_in else 'says'}: {text}")
            await call.say(sound)
        await call.ended.wait()
        show("The call has ended")


async def hearing_of(call_id: str) -> str:
    """One sentence on what the caller heard, from the call's stereo recording."""
    found = await CallHearing.objects.filter(call_id=call_id).afirst()
    if found is None or found.answer_p50 is None:
        return "Nothing could be measured on the recording"
    median = found.answer_p50 * 1000
    text = f"As the caller heard it: {found.answers} answers, {median:.0f} ms after the last word (median)"
    if found.barge_in_longest is not None:
        text += f"; silent {found.barge_in_longest * 1000:.0f} ms after being cut short"
    return text


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
