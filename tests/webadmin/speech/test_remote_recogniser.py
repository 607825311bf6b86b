"""What a worker is told of an utterance, and what comes back of its words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from dialogue.ports import SttRequest
from dialogue.turns import Transcript
from tests.fakes.dialogue import ScriptedStt
from webadmin.speech.messages import Reply, Request
from webadmin.speech.remote import RemoteRecogniser
from webadmin.speech.worker import TRANSCRIPT

FOUND = Transcript("Да. ", "ru", 0.4, "whisper", doubtful=("known_phrase",), invented="Субтитры")


class Exchange:
    """Answers as a worker does, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def ask(
        self, kind: Any, engine: str, seconds: float, *, sound: bytes, **wanted: Any
    ) -> AsyncIterator[tuple[Reply, bytes]]:
        request = Request(id="1", door="d", kind=kind, engine=engine, seconds=seconds, **wanted)
        self.asked.append(Request.unpack(request.pack(sound))[0])
        fields = TRANSCRIPT.dump_python(FOUND, mode="json")
        yield Reply.unpack(Reply(id="1", what="done", transcript=fields).pack(b""))[0], b""


async def test_a_worker_hears_as_the_door_would_and_its_doubts_come_back() -> None:
    exchange = Exchange()
    engine = RemoteRecogniser(ScriptedStt(), exchange, 3.0)  # type: ignore[arg-type]
    wanted = SttRequest(None, ("улица Абая",), ("ru", "kk"))

    async def sound() -> AsyncIterator[bytes]:
        yield bytes(320)

    assert [found async for found in engine.transcribe(sound(), wanted)] == [FOUND]
    (asked,) = exchange.asked
    assert (asked.language, asked.hints, asked.languages) == (None, ("улица Абая",), ("ru", "kk"))
