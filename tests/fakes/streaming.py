"""Engines that give what they have bit by bit, a scenario that talks freely, and a line whose time a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from dialogue.errors import CallerHungUp
from dialogue.ports import (
    Answer,
    Briefing,
    Message,
    ModelRequest,
    SpokenText,
    SttCapabilities,
    SttRequest,
    TextDelta,
    TtsCapabilities,
)
from dialogue.turns import Assessment, Key, NextStep, Reply, Transcript, TransferReason, Turn

RATE = 16000


class StepModel:
    """Says its steps one after another: text, an event to wait for, or an error to raise."""

    def __init__(self, *steps: Any, name: str = "steps") -> None:
        self.name = name
        self.steps = steps
        self.asked: list[Sequence[Message]] = []
        self.ended = 0

    async def reply(self, messages: Sequence[Message], schema: Any, tools: Any = ()) -> AsyncIterator[Any]:
        self.asked.append(messages)
        try:
            for step in self.steps:
                match step:
                    case asyncio.Event():
                        await step.wait()
                    case BaseException():
                        raise step
                    case str():
                        yield TextDelta(step)
                    case _:
                        yield step
        finally:
            await asyncio.sleep(0)
            self.ended += 1

    async def close(self) -> None: ...


class StepVoice:
    """Makes a second of sound for any text, or what ``steps`` say: bytes, an event to wait for, an error to raise."""

    def __init__(self, *steps: Any, name: str = "voice", rate: int = RATE) -> None:
        self.name = name
        self.capabilities = TtsCapabilities(frozenset({"ru", "kk", "en"}), rate)
        self.steps = steps or (b"\x10\x20" * rate,)
        self.asked: list[str] = []
        self.ended = 0

    def voice(self, language: str) -> str:
        return language

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        self.asked.append(text)
        try:
            for step in self.steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, BaseException):
                    raise step
                else:
                    yield step
        finally:
            self.ended += 1

    async def close(self) -> None: ...


class StreamingEar:
    """Understands sound as it comes: UTF-8 text in it, the partial growing; zeros are silence.

    ``dies_at`` bytes it raises ``error``; where ``hangs`` it never gives its final words.
    """

    def __init__(
        self,
        name: str = "streaming",
        *,
        error: Exception | None = None,
        dies_at: int = 0,
        hangs: bool = False,
        stops_at: int | None = None,
        rate: int = RATE,
        streaming: bool = True,
    ) -> None:
        self.name = name
        self.capabilities = SttCapabilities(frozenset(), rate, streaming)
        self.error = error
        self.dies_at = dies_at
        self.hangs = hangs
        self.stops_at = stops_at
        self.heard = b""
        self.asked = 0
        self.ended = 0

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        self.asked += 1
        self.heard = b""
        try:
            async for chunk in chunks:
                self.heard += chunk
                if self.error is not None and len(self.heard) >= self.dies_at:
                    raise self.error
                if self.stops_at is not None and len(self.heard) >= self.stops_at:
                    break
                yield Transcript(self._text(), final=False)
            if self.hangs:
                await asyncio.sleep(60)
            yield Transcript(self._text(), confidence=0.9)
        finally:
            self.ended += 1

    def _text(self) -> str:
        return self.heard.replace(b"\0", b"").decode(errors="ignore")

    async def close(self) -> None: ...


class ClockedLine:
    """A live line on which time passes only by `pass_seconds`."""

    def __init__(self, rate: int = RATE) -> None:
        self.rate = rate
        self.given = b""
        self.played = 0.0
        self.gone = False
        self._ticked = asyncio.Event()

    @property
    def queued(self) -> float:
        return len(self.given) / 2 / self.rate - self.played

    def pass_seconds(self, seconds: float) -> None:
        """The caller hears so much more of what was given."""
        self.played += min(seconds, self.queued)
        self._ticked.set()
        self._ticked = asyncio.Event()

    def leave(self) -> None:
        """The caller hangs up."""
        self.gone = True
        self._ticked.set()

    async def hear(self) -> AsyncIterator[bytes | Key]:
        raise NotImplementedError
        yield b""

    async def play(self, pcm: bytes) -> None:
        if self.gone:
            raise CallerHungUp
        self.given += pcm

    async def drained(self) -> None:
        while self.queued > 1e-9:
            if self.gone:
                raise CallerHungUp
            await self._ticked.wait()

    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def flush(self) -> None: ...
    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None: ...
    async def hang_up(self) -> None: ...


class FreeTalk:
    """A session in which the model speaks its own words.

    ``forbidden`` sentences are not spoken; ``adds`` is what the scenario says after the model's words.
    """

    language = "en"

    def __init__(self, *, forbidden: str = "", adds: str = "", then: NextStep = NextStep.LISTEN) -> None:
        self.forbidden = forbidden
        self.adds = adds
        self.then = then
        self.decided: list[Answer | None] = []

    def fork(self) -> FreeTalk:
        twin = FreeTalk(forbidden=self.forbidden, adds=self.adds, then=self.then)
        twin.decided = list(self.decided)
        return twin

    def check(self, sentence: str, turns: Sequence[Turn], heard: Transcript) -> str | None:
        return None if self.forbidden and self.forbidden in sentence else sentence

    def greeting(self) -> Reply:
        return Reply("Hello.", "en", purpose="greeting")

    def wants_person(self, text: str) -> bool:
        return text == "operator"

    def request(self, turns: Sequence[Turn], heard: Transcript) -> ModelRequest:
        return ModelRequest((Message("user", heard.text),), None, "v1")

    def decide(self, turns: Sequence[Turn], heard: Transcript, answer: Answer | None) -> tuple[Assessment, Reply]:
        self.decided.append(answer)
        spoken = answer.value.text if answer is not None and isinstance(answer.value, SpokenText) else ""
        assessment = Assessment({}, "llm" if answer else "rules", "rules")
        return assessment, Reply(f"{spoken} {self.adds}".strip() or "Sorry.", "en", self.then)

    def holding(self) -> Reply | None:
        return None

    def silent(self, times: int) -> Reply:
        return Reply("Are you there?", "en")

    def not_understood(self, times: int) -> Reply:
        return Reply("Pardon?", "en")

    def hand_over(self, reason: TransferReason) -> Reply:
        return Reply("An operator will help.", "en", NextStep.TRANSFER, reason)

    def assessment(self) -> Assessment:
        return Assessment({}, "rules", "rules")

    def briefing(self) -> Briefing:
        return Briefing("", {})

    def hints(self) -> tuple[str, ...]:
        return ()
