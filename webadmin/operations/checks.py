"""What `doctor` tries: each part for real, with what to do where it fails."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from pydantic import BaseModel

from dialogue.audio import Audio
from dialogue.errors import HotlineError
from dialogue.ports import Message, SttRequest
from dialogue.scenarios import registry as scenarios
from webadmin.config import Config
from webadmin.wiring import Engines, call_language

TRY_SECONDS = 60.0
SENTENCE = {
    "ru": "Проверка связи.",
    "kk": "Байланысты тексеру.",
    "uk": "Перевірка зв'язку.",
    "en": "Somebody stole my car last night.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. ``advice``: what to do about a failure."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


class _Ping(BaseModel):
    word: str


Check = Callable[[], Awaitable[str]]


async def examine(name: str, check: Check, advice: str) -> Finding:
    """Run one check; whatever it raises becomes a finding."""
    try:
        async with asyncio.timeout(TRY_SECONDS):
            return Finding(name, True, await check())
    except TimeoutError:
        return Finding(name, False, f"no answer within {TRY_SECONDS:.0f} s", advice)
    except (HotlineError, DatabaseError, OSError, ValueError) as error:
        return Finding(name, False, str(error).strip() or type(error).__name__, advice)


async def check_all(chosen: Config, engines: Engines) -> list[Finding]:
    """Try every part, one after the other."""
    sound: list[Audio] = []
    language = call_language(chosen, scenarios.load("intake_102"))

    async def database() -> str:
        return await sync_to_async(_database)()

    async def journal() -> str:
        return await asyncio.to_thread(_writable, chosen.journal_dir)

    async def spool() -> str:
        return await asyncio.to_thread(_writable, chosen.spool_dir)

    async def speaks(name: str) -> str:
        speech = await engines.speaker.try_out(name, SENTENCE[language], language)
        sound.append(speech.audio)
        return f"{speech.engine} spoke {speech.audio.seconds:.1f} s of {language} in {speech.seconds:.1f} s"

    async def recognises(name: str) -> str:
        if not sound:
            raise ValueError("there is nothing to recognise where nothing was spoken")
        heard = await engines.recogniser.recognise(sound[0], SttRequest(language), only=name)
        found = heard.transcript
        told = f"{name} answered in {heard.seconds:.1f} s with {len(found.text.split())} words of what was spoken"
        if found.confidence is not None:
            told += f", confidence {found.confidence:.2f}"
        return told + (f", doubtful: {', '.join(found.doubtful)}" if found.doubtful else "")

    async def thinks() -> str:
        if not engines.thinker.available:
            return "rules alone: no language model is configured"
        thought = await engines.thinker.answer((Message("user", "Answer with the word: ready"),), _Ping)
        return f"{thought.engine} answered in {thought.seconds:.1f} s"

    async def door() -> str:
        return await _connect(*chosen.agi_address)

    async def broker() -> str:
        if not settings.CELERY_BROKER_URL:
            return "none: post-call work runs inside the doors"
        return await asyncio.to_thread(_broker)

    return [
        await examine("database", database, "Check DATABASE_URL; for a new database run: manage.py migrate"),
        await examine("journal", journal, "Make JOURNAL_DIR writable for this user and free some space."),
        await examine("spool", spool, "Make SPOOL_DIR writable for this user and for Asterisk's."),
        *[
            await examine(
                "text_to_speech" if len(engines.speaker.engines) == 1 else f"text_to_speech:{name}",
                partial(speaks, name),
                "Check TTS_ENGINE and the voice's own settings: docs/engines.md; for espeak run: make system",
            )
            for name in engines.speaker.engines
        ],
        *[
            await examine(
                "speech_to_text" if len(engines.recogniser.engines) == 1 else f"speech_to_text:{name}",
                partial(recognises, name),
                "Check STT_ENGINE, CALL_LANGUAGE and the engine's own settings: docs/engines.md.",
            )
            for name in engines.recogniser.engines
        ],
        await examine("language_model", thinks, "Check LLM_ENGINE, LLM_MODEL, OPENAI_API_KEY and OPENAI_BASE_URL."),
        await examine("agi_door", door, "Start it: manage.py run_agi (or make run)."),
        await examine("broker", broker, "Start Redis or RabbitMQ, or correct CELERY_BROKER_URL."),
    ]


def _database() -> str:
    connection.ensure_connection()
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise ValueError(f"{len(missing)} migrations are not applied")
    return f"{connection.vendor}, all migrations applied"


def _writable(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
    return f"{folder} can be written"


async def _connect(host: str, port: int) -> str:
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection(host, port, family=socket.AF_UNSPEC)
    except TimeoutError:
        raise OSError(f"nothing answers on {host}:{port}") from None
    writer.close()
    return f"listens on {host}:{port}"


def _broker() -> str:
    from webadmin.celery import app

    with app.connection_for_write(connect_timeout=3) as link:
        link.ensure_connection(max_retries=1)
        return f"{link.transport_cls} answers"
