"""Instant engines and a scenario of theirs: who speaks is told a sound of the same number, as long as is wanted."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Sequence

from dialogue.ports import Answer, Briefing, ModelRequest, SttCapabilities, SttRequest, TtsCapabilities
from dialogue.turns import Assessment, Reply, Transcript, TransferReason, Turn
from tests.benchmarks.live_sound import NOBODY, answer, whose

RATE = 16_000
GREETING_MS = 600
ANSWER_MS_SETTING = "BENCH_ANSWER_MS"

_NUMBERS = re.compile(r"(\d+)")


class WhoseVoice:
    """Speech to text that hears whose voice it is; implements `dialogue.ports.SpeechToText`."""

    name = "whose"
    capabilities = SttCapabilities(frozenset(), RATE)

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        pcm = b"".join([chunk async for chunk in chunks])
        # The sound of before the first voice is in it too, of which the middle is free.
        yield Transcript(f"caller {whose(pcm, RATE) + 1}", request.language, 1.0, self.name)

    async def close(self) -> None: ...


class PreparedSound:
    """Text to speech that gives the sound a text names; implements `dialogue.ports.TextToSpeech`."""

    name = "prepared"
    capabilities = TtsCapabilities(frozenset({"en"}), RATE)

    def voice(self, language: str) -> str:
        return language

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        numbers = [int(found) for found in _NUMBERS.findall(text)]
        number, milliseconds = numbers if len(numbers) == 2 else (NOBODY + 1, 200)
        yield answer(number - 1, milliseconds / 1000, RATE)

    async def close(self) -> None: ...


class NumbersSession:
    """Answers "caller 7" with "sound 7 …"; implements `dialogue.ports.ScenarioSession`."""

    language = "en"

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def fork(self) -> NumbersSession:
        return NumbersSession(self._milliseconds)

    def greeting(self) -> Reply:
        return Reply(f"sound 0 for {GREETING_MS}", self.language, purpose="greeting")

    def wants_person(self, text: str) -> bool:
        return False

    def request(self, turns: Sequence[Turn], heard: Transcript) -> ModelRequest:
        return ModelRequest((), None, "")

    def decide(self, turns: Sequence[Turn], heard: Transcript, answer: Answer | None) -> tuple[Assessment, Reply]:
        found = _NUMBERS.search(heard.text)
        number = found[1] if found else "0"
        return self.assessment(), Reply(f"sound {number} for {self._milliseconds}", self.language)

    def holding(self) -> Reply | None:
        return None

    def silent(self, times: int) -> Reply:
        return self.greeting()

    def not_understood(self, times: int) -> Reply:
        return self.greeting()

    def hand_over(self, reason: TransferReason) -> Reply:
        return self.greeting()

    def assessment(self) -> Assessment:
        return Assessment({}, "rules", "rules")

    def briefing(self) -> Briefing:
        return Briefing("", {})

    def hints(self) -> tuple[str, ...]:
        return ()


class Numbers:
    """Implements `dialogue.ports.Scenario`."""

    name = "intake_102"
    languages = ("en",)

    def open(self, language: str) -> NumbersSession:
        return NumbersSession(int(os.environ.get(ANSWER_MS_SETTING, "1200")))
