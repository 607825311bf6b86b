"""Calls of random callers with random engines, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from dialogue.audio import Audio
from dialogue.conversation import Conversation
from dialogue.errors import CallerHungUp, CallError, LineError
from dialogue.events import Event, Listened
from dialogue.live.call import CallFacts, LiveCall, LiveSettings
from dialogue.live.ear import Pace
from dialogue.ports import Answer, Briefing, ModelRequest
from dialogue.resilience import Policy, Recogniser, Speaker, Thinker
from dialogue.turns import Assessment, Key, NextStep, Reply, Transcript, TransferReason, Turn
from tests.dialogue.live.random_engines import (
    RATE,
    SAMPLES,
    Burst,
    Engines,
    FakeModel,
    FakeStt,
    FakeTts,
    FakeVoice,
    HearingAlong,
    Script,
    frame,
    frames_in,
)
from tests.fakes.dialogue import MemoryJournal

TICK = 0.02
SETTINGS = LiveSettings(Pace(longest_utterance=8.0), initial_silence=4.0)
LONGEST_CALL = 240.0
"""Seconds after which a caller of these has reached a person or is gone, whatever happens."""


class FakeSession:
    """Asks one question after another and says good-bye after the fifth answer."""

    language = "en"

    def __init__(
        self, heard: tuple[str, ...] = (), *, holds: bool = True, protected: bool = False, notice: bool = False
    ) -> None:
        self.heard, self._holds, self._protected, self._notice = heard, holds, protected, notice

    def fork(self) -> FakeSession:
        return FakeSession(self.heard, holds=self._holds, protected=self._protected, notice=self._notice)

    def hints(self) -> tuple[str, ...]:
        return ()

    def greeting(self) -> Reply:
        notice = "This is an automatic assistant."
        text = f"{notice} What has happened?"
        return Reply(text, "en", purpose="greeting", protected=self._protected, notice=notice if self._notice else "")

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
        self.session = FakeSession(
            holds=chance.random() < 0.8, protected=chance.random() < 0.2, notice=chance.random() < 0.4
        )
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
