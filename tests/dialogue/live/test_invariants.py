"""Whatever callers and engines do, nothing a caller says is lost, nobody waits in silence, and every call ends once.

Calls of random callers with random engines, in virtual time; a failing one is named by its seed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from dialogue.audio import Audio
from dialogue.conversation import Conversation
from dialogue.errors import CallerHungUp, CallError, LineError, ProviderError, Stage
from dialogue.events import CallEnded, Event, Listened
from dialogue.live.call import CallFacts, LiveCall, LiveSettings
from dialogue.live.ear import Pace
from dialogue.ports import (
    Answer,
    Briefing,
    ModelRequest,
    SttCapabilities,
    SttRequest,
    TtsCapabilities,
    VoiceEdge,
)
from dialogue.resilience import Policy, Recogniser, Speaker, Thinker
from dialogue.turns import Assessment, Key, NextStep, Reply, Transcript, TransferReason, Turn
from tests.fakes.dialogue import MemoryJournal
from tests.fakes.virtual_time import run

RATE = 16_000
TICK = 0.02
SAMPLES = 320
SETTINGS = LiveSettings(Pace(longest_utterance=8.0), initial_silence=4.0)
CALLS = 120
LONGEST_CALL = 240.0
"""Seconds after which a caller of these has reached a person or is gone, whatever happens."""

LONGEST_SILENCE = 5.7
"""Seconds: 4 of a caller who says nothing, and what a voice has to begin."""

LONGEST_WAIT = 5.1
"""Seconds of silence after the caller's voice."""

_RANDOM = np.random.default_rng(7)
_LOUD = (_RANDOM.normal(0, 3000, SAMPLES)).astype("<i2")
_SOFT = (_LOUD // 60).astype("<i2")


def frame(burst: int, number: int) -> bytes:
    """20 ms of voice that tell which burst they are of: syllables, with something softer between."""
    samples = (_SOFT if number % 10 == 9 else _LOUD).copy()
    samples[:3] = 7777, burst, number
    return samples.tobytes()


def frames_in(pcm: bytes) -> set[tuple[int, int]]:
    """Which frames of which bursts a sound holds."""
    samples = np.frombuffer(pcm, dtype="<i2")
    samples = samples[: len(samples) // SAMPLES * SAMPLES].reshape(-1, SAMPLES)
    return {(int(row[1]), int(row[2])) for row in samples if row[0] == 7777}


@dataclass(frozen=True)
class Burst:
    """Voice of a caller: ``wordless`` is a cough or music."""

    at: float
    seconds: float
    wordless: bool = False


@dataclass(frozen=True)
class Script:
    """What a caller does, by the clock."""

    bursts: Sequence[Burst]
    keys: Sequence[tuple[float, str]]
    leaves_at: float


@dataclass
class Engines:
    """How the engines behave: each takes its next delay from ``delays``; None hangs, an error fails."""

    chance: random.Random
    stt: Sequence[float | None]
    tts: Sequence[float | None]
    model: Sequence[float | None]
    failing: float

    async def work(self, delays: Sequence[float | None], stage: Stage) -> None:
        delay = self.chance.choice(delays)
        await asyncio.sleep(1000.0 if delay is None else delay)
        if self.chance.random() < self.failing:
            raise ProviderError(stage, "server_error")


class FakeVoice:
    """Hears voice in every frame of a burst."""

    name = "fake"

    def stream(self, rate: int) -> FakeVoice:
        twin = FakeVoice()
        twin.on = False
        return twin

    on = False

    def feed(self, pcm: bytes) -> Sequence[VoiceEdge]:
        voiced = pcm[:2] == b"\x61\x1e"
        if voiced is self.on:
            return ()
        self.on = voiced
        return (VoiceEdge(voiced, 0.0),)


class FakeStt:
    """Recognises the bursts it is given: each is a word."""

    name = "fake"
    capabilities = SttCapabilities(frozenset(), RATE)

    def __init__(self, engines: Engines, script: Script) -> None:
        self._engines, self._script = engines, script

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        pcm = b"".join([chunk async for chunk in chunks])
        await self._engines.work(self._engines.stt, Stage.SPEECH_TO_TEXT)
        yield Transcript(self._words(pcm), "en", 0.9, self.name)

    def _words(self, pcm: bytes) -> str:
        bursts = sorted({burst for burst, _ in frames_in(pcm)})
        return " ".join(f"word{burst}" for burst in bursts if not self._script.bursts[burst].wordless)

    async def close(self) -> None: ...


class HearingAlong(FakeStt):
    """The same while the caller speaks: its words come before the end, its last ones after a delay."""

    name = "along"
    capabilities = SttCapabilities(frozenset(), RATE, streaming=True)

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        pcm = b""
        async for chunk in chunks:
            pcm += chunk
            yield Transcript(self._words(pcm), "en", 0.9, self.name, final=False)
        await self._engines.work(self._engines.stt, Stage.SPEECH_TO_TEXT)
        yield Transcript(self._words(pcm), "en", 0.9, self.name)


class FakeTts:
    """Speaks 15 characters a second, in two pieces, the second after another delay."""

    name = "fake"
    capabilities = TtsCapabilities(frozenset({"en"}), RATE)

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def voice(self, language: str) -> str:
        return language

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        half = bytes(int(len(text) / 30 * RATE) * 2)
        await self._engines.work(self._engines.tts, Stage.TEXT_TO_SPEECH)
        yield half
        await self._engines.work(self._engines.tts, Stage.TEXT_TO_SPEECH)
        yield half

    async def close(self) -> None: ...


class FakeModel:
    name = "fake-model"

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def reply(self, messages: object, schema: object, tools: object = ()) -> AsyncIterator[object]:
        from dialogue.ports import TextDelta

        for sentence in ("I have written that down. ", "What happened next? "):
            await self._engines.work(self._engines.model, Stage.LANGUAGE_MODEL)
            yield TextDelta(sentence)

    async def close(self) -> None: ...


class FakeSession:
    """Asks one question after another and says good-bye after the fifth answer."""

    language = "en"

    def __init__(self, heard: tuple[str, ...] = (), *, holds: bool = True, protected: bool = False) -> None:
        self.heard, self._holds, self._protected = heard, holds, protected

    def fork(self) -> FakeSession:
        return FakeSession(self.heard, holds=self._holds, protected=self._protected)

    def hints(self) -> tuple[str, ...]:
        return ()

    def greeting(self) -> Reply:
        text = "This is an automatic assistant. What has happened?"
        return Reply(text, "en", purpose="greeting", protected=self._protected)

    def wants_person(self, text: str) -> bool:
        return False

    def request(self, turns: Sequence[Turn], heard: Transcript) -> ModelRequest:
        return ModelRequest((), None, "1")

    def decide(self, turns: Sequence[Turn], heard: Transcript, answer: Answer | None) -> tuple[Assessment, Reply]:
        self.heard = (*self.heard, heard.text)
        if len(self.heard) >= 5:
            reply = Reply("Thank you, help is on its way.", "en", NextStep.CLOSE, purpose="farewell")
        else:
            reply = Reply("I have written that down. Where are you now?", "en", purpose="question")
        return self.assessment(), reply

    def holding(self) -> Reply | None:
        return Reply("One moment please.", "en", purpose="filler") if self._holds else None

    def silent(self, times: int) -> Reply:
        return Reply("Are you there?", "en") if times < 2 else self.hand_over(TransferReason.SILENCE)

    def not_understood(self, times: int) -> Reply:
        return Reply("Please say it again.", "en") if times < 2 else self.hand_over(TransferReason.NOT_UNDERSTOOD)

    def hand_over(self, reason: TransferReason) -> Reply:
        return Reply("I connect you.", "en", NextStep.TRANSFER, reason)

    def assessment(self) -> Assessment:
        return Assessment({"heard": list(self.heard)}, "rules", "rules")

    def briefing(self) -> Briefing:
        return Briefing("", {}, "en")


@dataclass
class Track:
    """What happened on the line, tick by tick: who was heard."""

    caller: list[bool] = field(default_factory=list)
    assistant: list[bool] = field(default_factory=list)


class FakeLine:
    """A caller who does what the script says, whatever the assistant does."""

    rate = RATE

    def __init__(self, script: Script, breaks_at: float, loop_time: float) -> None:
        self._script = script
        self._breaks_at = breaks_at
        self._queue = self._played = 0
        self._paused = False
        self._over: type[Exception] | None = None
        self.track = Track()
        self.heard: dict[tuple[int, int], float] = {}
        self.left: str = ""

    @property
    def played(self) -> float:
        return self._played * TICK

    @property
    def queued(self) -> float:
        return self._queue * TICK

    async def hear(self) -> AsyncIterator[bytes | Key]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        keys = list(self._script.keys)
        spoken = self._frames()
        tick = 0
        while True:
            tick += 1
            await asyncio.sleep(began + tick * TICK - loop.time())
            now = tick * TICK
            if now >= self._script.leaves_at:
                self._over = CallerHungUp
                raise CallerHungUp
            if now >= self._breaks_at:
                self._over = LineError
                raise LineError("media_closed")
            sounding = self._queue > 0 and not self._paused
            if sounding:
                self._queue -= 1
                self._played += 1
            while keys and keys[0][0] <= now:
                yield Key(keys.pop(0)[1])
            voice = spoken.get(tick)
            if not self.left:
                self.track.caller.append(voice is not None)
                self.track.assistant.append(sounding)
            if voice is not None:
                self.heard[voice] = now
            yield bytes(SAMPLES * 2) if voice is None else frame(*voice)

    async def play(self, pcm: bytes) -> None:
        self._check()
        while self._queue > 500:
            await asyncio.sleep(TICK)
            self._check()
        self._queue += -(-len(pcm) // (SAMPLES * 2))

    async def pause(self) -> None:
        self._check()
        self._paused = True

    async def resume(self) -> None:
        self._check()
        self._paused = False

    async def flush(self) -> None:
        self._check()
        self._queue, self._paused = 0, False

    async def drained(self) -> None:
        self._check()
        while self._queue:
            await asyncio.sleep(TICK)
            self._check()

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        self._check()
        self.left = "transfer"

    async def hang_up(self) -> None:
        self._check()
        self.left = "hang_up"

    def _check(self) -> None:
        if self._over is LineError:
            raise LineError("media_closed")
        if self._over is not None:
            raise self._over

    def _frames(self) -> dict[int, tuple[int, int]]:
        spoken = {}
        for number, burst in enumerate(self._script.bursts):
            first = int(burst.at / TICK)
            for index in range(int(burst.seconds / TICK)):
                spoken[first + index] = (number, index)
        return spoken


class Diary(MemoryJournal):
    """A journal that takes its time."""

    def __init__(self, chance: random.Random, fails_at: int | None) -> None:
        super().__init__(fails_at)
        self._chance = chance

    async def record(self, call_id: str, event: Event) -> None:
        await asyncio.sleep(self._chance.choice((0.0, 0.001, 0.02)))
        await super().record(call_id, event)


def random_script(chance: random.Random) -> Script:
    bursts: list[Burst] = []
    at = chance.uniform(0.2, 6.0)
    while at < LONGEST_CALL and len(bursts) < 120:
        seconds = chance.choice((0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 2.0, 4.0, chance.uniform(0.1, 25.0)))
        bursts.append(Burst(at, seconds, chance.random() < 0.15))
        at += seconds + chance.choice((0.06, 0.15, 0.3, 0.5, 0.8, 1.5, 3.0, 7.0))
    keys = sorted((chance.uniform(1, 60), chance.choice("123456789*#")) for _ in range(chance.choice((0, 0, 1, 5))))
    if chance.random() < 0.2:
        keys = sorted([*keys, (chance.uniform(1, 40), "0")])
    leaves = chance.choice((LONGEST_CALL, LONGEST_CALL, chance.uniform(1, 40)))
    return Script(bursts, keys, leaves)


def random_engines(chance: random.Random) -> Engines:
    quick: tuple[float | None, ...] = (0.0, 0.05, 0.3)
    slow: tuple[float | None, ...] = (0.0, 0.7, 1.5, 3.0)
    bad: tuple[float | None, ...] = (0.0, 0.3, 6.0, None)
    kinds = (quick, quick, slow, bad)
    failing = chance.choice((0.0, 0.0, 0.1, 0.4))
    return Engines(chance, chance.choice(kinds), chance.choice(kinds), chance.choice(kinds), failing)


class Trial:
    """One call and what came of it."""

    def __init__(self, script: Script, engines: Engines, chance: random.Random) -> None:
        self.script = script
        self.line = FakeLine(script, 1e9 if chance.random() < 0.9 else chance.uniform(1, 40), 0.0)
        self.journal = Diary(chance, chance.choice((None,) * 9 + (chance.randint(1, 12),)))
        self.kept: list[Audio] = []
        policy = Policy(budget=6.0, attempt=4.0, attempts=2)
        stt = [FakeStt(engines, script)]
        if chance.random() < 0.4:
            stt.insert(0, HearingAlong(engines, script))
        models = [FakeModel(engines)] if chance.random() < 0.5 else []
        self.session = FakeSession(holds=chance.random() < 0.8, protected=chance.random() < 0.2)
        self._make = lambda loop: LiveCall(
            CallFacts("d9b2d63d-a233-4123-847a-7090ac4b2ea3", "fake", "en", "ari", "", "", {}),
            self.line,
            Conversation(self.session, Thinker(models, policy, loop.time)),  # type: ignore[arg-type]
            Recogniser(stt, policy, loop.time),
            Speaker([FakeTts(engines)], None, policy, RATE, loop.time),
            self.journal,
            FakeVoice(),
            SETTINGS,
            self.keep,
        )
        self.broke: CallError | None = None

    async def keep(self, audio: Audio) -> str:
        self.kept.append(audio)
        await asyncio.sleep(0.002)
        return str(len(self.kept) - 1)

    async def run(self, stopped_at: float | None = None) -> None:
        """Lead the call to its end; ``stopped_at`` seconds after its beginning the door stops."""
        call = asyncio.create_task(self._make(asyncio.get_running_loop()).run())
        async with asyncio.timeout(LONGEST_CALL + 60):
            await asyncio.wait({call}, timeout=stopped_at)
            if stopped_at is not None:
                call.cancel()
            try:
                await call
            except CallError as error:
                self.broke = error
            except asyncio.CancelledError:
                if stopped_at is None:
                    raise

    def on_record(self) -> list[set[tuple[int, int]]]:
        """The frames of each utterance that is on record."""
        heard = [event for event in self.journal.of(Listened) if event.heard == "utterance"]
        return [frames_in(self.kept[int(event.audio)].pcm) for event in heard]


@pytest.mark.parametrize("seed", range(CALLS))
def test_no_caller_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    script = random_script(chance)
    trial = Trial(script, random_engines(chance), chance)
    run(trial.run())

    ends = trial.journal.of(CallEnded)
    fails = trial.journal._fails_at is not None
    assert len(ends) == 1 or (fails and not ends), ends
    assert_nothing_lost(trial, fails=fails)
    assert_nothing_answered_twice(trial)
    assert_no_long_silence(trial)


@pytest.mark.parametrize("seed", range(CALLS, CALLS + 40))
def test_a_door_that_stops_leaves_nothing_running(seed: int) -> None:
    chance = random.Random(seed)
    trial = Trial(random_script(chance), random_engines(chance), chance)
    run(trial.run(stopped_at=chance.uniform(0.01, 25.0)))

    assert len(trial.journal.of(CallEnded)) <= 1


@pytest.mark.parametrize("gap", [None, 0.3, 1.0, 3.5], ids=["music", "stutter", "barking", "dripping"])
@pytest.mark.parametrize("burst", [0.1, 0.2, 0.5, 2.0])
def test_noise_that_never_ends_brings_a_person(burst: float, gap: float | None) -> None:
    chance = random.Random(1)
    noise = [Burst(0.1, LONGEST_CALL, True)]
    if gap is not None:
        noise = [Burst(0.1 + n * (burst + gap), burst, True) for n in range(int(LONGEST_CALL / (burst + gap)))]
    script = Script(noise, [], LONGEST_CALL)
    trial = Trial(script, Engines(chance, (0.3,), (0.1,), (0.1,), 0.0), chance)
    run(trial.run())

    assert trial.line.left == "transfer"
    assert len(trial.line.track.caller) * TICK < 60
    assert_no_long_silence(trial)


def assert_nothing_lost(trial: Trial, *, fails: bool) -> None:
    """Each burst of voice that is long enough to be one is on record."""
    if fails:
        return
    on_record = set().union(*trial.on_record())
    for number, burst in enumerate(trial.script.bursts):
        heard = [spoken for spoken in trial.line.heard if spoken[0] == number]
        if burst.wordless or len(heard) * TICK < 0.3:
            continue
        last = max(trial.line.heard[spoken] for spoken in heard)
        if last > len(trial.line.track.caller) * TICK - 0.3:
            continue
        missing = [spoken for spoken in heard if spoken not in on_record]
        assert len(missing) * TICK <= 0.12, f"burst {number} at {burst.at:.2f}: {len(missing)} frames lost"


def assert_nothing_answered_twice(trial: Trial) -> None:
    utterances = trial.on_record()
    for index, one in enumerate(utterances):
        for other in utterances[index + 1 :]:
            assert not one & other
    turns = [event.turn for event in trial.journal.of(Listened) if event.heard == "utterance"]
    assert len(set(turns)) == len(turns)


def assert_no_long_silence(trial: Trial) -> None:
    track = trial.line.track
    silent, spoke_last = 0.0, False
    for tick, (caller, assistant) in enumerate(zip(track.caller, track.assistant, strict=True)):
        if caller or assistant:
            silent, spoke_last = 0.0, caller
            continue
        silent += TICK
        assert silent <= (LONGEST_WAIT if spoke_last else LONGEST_SILENCE), f"until {tick * TICK:.2f}"
