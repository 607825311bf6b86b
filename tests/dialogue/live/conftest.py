"""A live call in virtual time with a caller whose words are told apart by how long they last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from dialogue.audio import Audio
from dialogue.conversation import Conversation
from dialogue.errors import ProviderError
from dialogue.events import CallStatus
from dialogue.live.call import CallFacts, LiveCall, LiveSettings
from dialogue.live.ear import Pace
from dialogue.ports import LanguageModel, ScenarioSession, SttCapabilities, SttRequest, TtsCapabilities
from dialogue.providers.vad.webrtc import WebRtc, WebRtcConfig
from dialogue.resilience import Policy, Recogniser, Speaker, Thinker
from dialogue.scenarios.registry import load
from dialogue.turns import Transcript
from tests.fakes.dialogue import MemoryJournal
from tests.fakes.virtual_time import run
from webadmin.operations.live_file_line import LiveFileLine, Step

RATE = 16_000
POLICY = Policy(budget=20.0, attempt=20.0, attempts=1)
SENTENCE = 0.4
"""Seconds the fake voice takes for a sentence."""

VOICE = WebRtc(WebRtcConfig(voiced=0.02, window=0.02, hangover=0.04, lead=0.0))
QUICK = LiveSettings(
    Pace(shortest=0.2, usual=0.3, longest=0.5),
    initial_silence=1.2,
    soft_timeout=0.5,
    bridge_every=0.8,
    hard_timeout=3.0,
)
THEFT, STREET, KNIFE, NO, MM_HM = 1.0, 1.4, 1.8, 0.3, 0.22
WORDS = {
    THEFT: "somebody stole my car last night",
    STREET: "fifteen garden street",
    KNIFE: "a man with a knife is attacking my wife",
    NO: "no",
    MM_HM: "mm-hm",
    0.14: "",
}
"""Seconds of voice to what the recogniser makes of them."""


def voice(seconds: float) -> Audio:
    """Something like a vowel, as long as a word of `WORDS`."""
    times = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 130 * n * times) / n for n in range(1, 12))
    return Audio((tone * 4000).astype("<i2").tobytes(), RATE)


def silence(seconds: float) -> Audio:
    return Audio(bytes(int(seconds * RATE) * 2), RATE)


def joined(*sounds: Audio) -> Audio:
    return Audio(b"".join(sound.pcm for sound in sounds), RATE)


def says(seconds: float, **when: object) -> Step:
    return replace(Step(voice(seconds)), **when)  # type: ignore[arg-type]


class LengthStt:
    """Recognises by the length of the voice; ``delay`` seconds late, or with an error, or never."""

    name = "length"
    capabilities = SttCapabilities(frozenset(), RATE)

    def __init__(self, delay: float = 0.0, error: ProviderError | None = None) -> None:
        self.delay, self.error, self.calls = delay, error, 0

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        self.calls += 1
        pcm = b"".join([chunk async for chunk in chunks])
        await asyncio.sleep(self.delay)
        if self.error:
            raise self.error
        frames = np.frombuffer(pcm, dtype="<i2").astype(float)
        frames = frames[: len(frames) // 320 * 320].reshape(-1, 320)
        voiced = float((np.abs(frames).mean(axis=1) > 300).sum()) * 0.02
        yield Transcript(WORDS[min(WORDS, key=lambda known: abs(known - voiced))], request.language, 0.9, self.name)

    async def close(self) -> None: ...


class ShortTts:
    """Speaks any sentence in `SENTENCE` seconds, or fails, or never begins."""

    name = "short"
    capabilities = TtsCapabilities(frozenset({"ru", "kk", "uk", "en"}), RATE)

    def __init__(self, error: ProviderError | None = None, delay: float = 0.0) -> None:
        self.error, self.delay = error, delay

    def voice(self, language: str) -> str:
        return language

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        await asyncio.sleep(self.delay)
        if self.error:
            raise self.error
        yield voice(SENTENCE).pcm

    async def close(self) -> None: ...


class LiveTrial:
    """One call of a scripted caller, and what came of it."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.stt, self.tts = LengthStt(), ShortTts()
        self.models: list[LanguageModel] = []
        self.settings = QUICK
        self.session: ScenarioSession = load("intake_102").open("en")
        self.line = LiveFileLine([], lambda _: None)
        self.kept: list[str] = []
        """Names of the utterances that were kept."""

    async def keep(self, _: Audio) -> str:
        self.kept.append(f"{len(self.kept) + 1}.wav")
        return self.kept[-1]

    def run(self, steps: Sequence[Step], patience: float = 3.0) -> CallStatus:
        """Lead the call to its end; raises AssertionError where a task is left over."""
        return run(self._lead(steps, patience))

    async def _lead(self, steps: Sequence[Step], patience: float) -> CallStatus:
        self.line = LiveFileLine(steps, lambda _: None, patience)
        call = LiveCall(
            CallFacts("d9b2d63d-a233-4123-847a-7090ac4b2ea3", "intake_102", "en", "simulate", "", "", {}),
            self.line,
            Conversation(self.session, Thinker(self.models, POLICY)),
            Recogniser([self.stt], POLICY),
            Speaker([self.tts], None, POLICY),
            self.journal,
            VOICE,
            self.settings,
            self.keep,
        )
        async with asyncio.timeout(60):
            return await call.run()


@pytest.fixture
def trial() -> LiveTrial:
    return LiveTrial()
