"""Plays an invented caller against the scenario's real rules, and keeps the call as a door's journal would."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from dialogue import events
from dialogue.conversation import OPERATOR_KEY, Conversation
from dialogue.ports import Scenario
from dialogue.resilience import Policy, Thinker
from dialogue.scenarios.registry import load
from dialogue.turns import Assessment, NextStep, Reply, Transcript, TransferReason
from webadmin.calls.segments import Entry
from webadmin.calls.voices import Span
from webadmin.operations.seed.sound import AGENT, CALLER, Tape, spoken
from webadmin.operations.seed.stories import FAILS, LEAVES, Story

SCENARIO = "intake_102"
DOOR = "demo"
"""How invented calls are known: no real door has this name."""

ENGINES = {"stt": "demo", "llm": "rules", "tts": "espeak"}

_SECONDS_PER_CHARACTER = 0.065
_END_SILENCE = 0.6
_NO_WORDS_SECONDS = 5.0
_CUT_IN_SHARE = 0.12
_AGENT_PITCH = 50
_STOP_SECONDS = 0.35
_TICK = timedelta(milliseconds=1)


@cache
def _scenario() -> Scenario:
    return load(SCENARIO)


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a caller waited for an answer: turn, end of their words and the answer's first sound, s."""

    turn: int
    caller_ended: float
    began: float


@dataclass(frozen=True, slots=True)
class CutIn:
    """A caller who spoke into an answer: the turn, their first sound and the assistant's silence, s."""

    turn: int
    caller_began: float
    silent: float


@dataclass(slots=True)
class Play:
    """One invented call as it grows.

    Args:
        call_id: of the call.
        started: when it began.
        story: what the caller says.
        voice: program that speaks; None where the call is not to be heard.
        chance: what is left to chance in it.
    """

    call_id: UUID
    started: datetime
    story: Story
    voice: str | None
    chance: random.Random
    clock: float = 0.0
    entries: list[Entry] = field(default_factory=list)
    spans: tuple[list[Span], list[Span]] = field(default_factory=lambda: ([], []))
    waits: list[Wait] = field(default_factory=list)
    cut_ins: list[CutIn] = field(default_factory=list)
    tape: Tape = field(default_factory=Tape)
    status: events.CallStatus = events.CallStatus.ACTIVE
    assessment: Assessment | None = None
    _pitch: int = 50
    _caller_ended: float | None = None

    @property
    def ended(self) -> datetime:
        """When the assistant's part was over."""
        return self.entries[-1].at

    @property
    def heard(self) -> bool:
        """Whether the caller said a word."""
        return any(entry.kind == "recognised" for entry in self.entries)

    async def act(self, caller: str) -> None:
        """Lead the whole call. ``caller`` is the caller's number."""
        self._pitch = self.chance.choice((35, 60, 75))
        talk = Conversation(_scenario().open(self.story.language), Thinker([], Policy(budget=1.0, attempt=1.0)))
        self._note(events.CallStarted(SCENARIO, self.story.language, DOOR, caller, "102", ENGINES))
        reply, turn = talk.greet(), 0
        left = list(self.story.says)
        while True:
            words = None if reply.then is not NextStep.LISTEN else self._answer_to(reply, left)
            cut = words is not None and turn > 0 and _can_cut_in(words) and self.chance.random() < _CUT_IN_SHARE
            self._say(turn, reply, cut=cut)
            if reply.then is not NextStep.LISTEN:
                self._end(talk, reply)
                break
            turn += 1
            if words is None:
                self._break_off(turn)
                break
            reply = await self._turn(talk, turn, words)
        if self.heard or self.story.says[0] == "~":
            self.assessment = talk.assessment()

    def _answer_to(self, reply: Reply, left: list[str]) -> str | None:
        """What the caller says to a reply; None where they say nothing more."""
        begun = len(left) < len(self.story.says)
        if self.story.end and not left:
            return None
        if begun and reply.expects == "address":
            return self.story.place
        return left.pop(0) if left else self.story.no

    async def _turn(self, talk: Conversation, turn: int, words: str) -> Reply:
        if words == "~":
            self._note(events.Listened(turn, "silence", _NO_WORDS_SECONDS))
            self.clock += _NO_WORDS_SECONDS
            self._caller_ended = None
            reply = talk.silence()
            self._assess(turn, talk.assessment(), 0.0)
            return reply
        if words.startswith("#"):
            self._note(events.Listened(turn, "key", 1.2, key=words[1:]))
            self.clock += 1.2
            self._caller_ended = None
            return talk.hand_over(TransferReason.CALLER_ASKED) if words[1:] == OPERATOR_KEY else talk.not_understood()
        heard = self._hear(turn, words)
        if not heard.words:
            return talk.not_understood()
        exchange = await talk.hear(heard)
        self._assess(turn, exchange.assessment, exchange.seconds)
        return exchange.turn.reply

    def _hear(self, turn: int, words: str) -> Transcript:
        """The caller speaks and is recognised."""
        doubtful = words.startswith("?")
        words = words.removeprefix("?").strip()
        seconds = self._duration(words, self.story.language, self._pitch)
        # A turn starts when its first event is noted, and its words are spoken after it.
        self._note(events.Listened(turn, "utterance", round(seconds + _END_SILENCE, 1), end_silence=_END_SILENCE))
        self._sound(CALLER, words, self.story.language, seconds)
        self._caller_ended = self.clock
        self.clock += _END_SILENCE
        confidence = self.chance.uniform(0.2, 0.4) if doubtful else min(0.99, self.chance.gauss(0.84, 0.07))
        took = round(self.chance.uniform(0.2, 0.7), 3)
        self.clock += took
        doubts = ("known_phrase",) if doubtful else ()
        language = self.story.language
        heard = Transcript(words, language, round(confidence, 2), ENGINES["stt"], doubtful=doubts)
        self._note(events.Recognised(turn, words, language, heard.confidence, heard.engine, took, doubts))
        return heard

    def _assess(self, turn: int, found: Assessment, seconds: float) -> None:
        self.clock += seconds
        self._note(
            events.Assessed(
                turn,
                found.fields,
                found.source,
                found.engine,
                found.evidence,
                found.notes,
                found.model_answer,
                found.prompt_version,
                round(seconds, 4),
            )
        )

    def _say(self, turn: int, reply: Reply, *, cut: bool) -> None:
        """The assistant speaks; ``cut``: the caller speaks into it."""
        synthesis = round(self.chance.uniform(0.02, 0.12), 3)
        self.clock += synthesis
        delay = None
        if self._caller_ended is not None:
            self.waits.append(Wait(turn, round(self._caller_ended, 3), round(self.clock, 3)))
            delay = round(self.clock - self._caller_ended, 3)
        whole = self._duration(reply.text, reply.language, _AGENT_PITCH)
        seconds = whole * self.chance.uniform(0.5, 0.8) if cut else whole
        self._sound(AGENT, reply.text, reply.language, seconds)
        heard = ""
        if cut:
            words = reply.text.split()
            heard = " ".join(words[: max(1, int(len(words) * seconds / whole))])
            self.cut_ins.append(CutIn(turn, round(self.clock - _STOP_SECONDS, 3), round(self.clock, 3)))
            self._note(events.Interrupted(turn, "dropped", round(seconds, 2), 0.0))
        self._note(
            events.Said(
                turn,
                reply.text,
                reply.language,
                reply.purpose,
                ENGINES["tts"],
                synthesis,
                round(seconds, 2),
                not cut,
                heard,
                delay,
            )
        )
        self._caller_ended = None
        self.clock += -_STOP_SECONDS if cut else self.chance.uniform(0.4, 1.1)

    def _end(self, talk: Conversation, reply: Reply) -> None:
        if reply.then is NextStep.CLOSE:
            self._finish(events.CallStatus.COMPLETED)
            return
        reason = (reply.reason or TransferReason.FAILURE).value
        self._note(events.TransferRequested(reason, talk.briefing().summary))
        self._finish(events.CallStatus.TRANSFERRED, reason)

    def _break_off(self, turn: int) -> None:
        """The caller or the recogniser leaves the call."""
        if self.story.end == LEAVES:
            self._finish(events.CallStatus.HUNG_UP)
            return
        assert self.story.end == FAILS
        self._note(events.Listened(turn, "utterance", 2.4))
        self.clock += 8.0
        self._note(events.StageFailed(turn, "stt", "timeout", "no answer within the limit"))
        self._finish(events.CallStatus.FAILED, "stt_timeout")

    def _finish(self, status: events.CallStatus, reason: str = "") -> None:
        self.status = status
        self._note(events.CallEnded(status, reason))

    def _duration(self, text: str, language: str, pitch: int) -> float:
        audio = spoken(self.voice, language, text, pitch) if self.voice else None
        return audio.seconds if audio else len(text) * _SECONDS_PER_CHARACTER

    def _sound(self, channel: int, text: str, language: str, seconds: float) -> None:
        """Let ``seconds`` of the words be heard, and the clock run on by as much."""
        pitch = _AGENT_PITCH if channel == AGENT else self._pitch
        if self.voice and (audio := spoken(self.voice, language, text, pitch)):
            self.tape.add(channel, self.clock, audio.pcm[: 2 * round(seconds * audio.rate)])
        self.spans[channel].append(Span(round(self.clock, 3), round(self.clock + seconds, 3)))
        self.clock += seconds

    def _note(self, event: events.Event) -> None:
        # Each entry has a time of its own, as in a journal.
        at = self.started + timedelta(seconds=self.clock)
        if self.entries:
            at = max(at, self.entries[-1].at + _TICK)
        data = json.loads(json.dumps(events.to_record(event)))
        number = len(self.entries) + 1
        self.entries.append(Entry(self.call_id, number, at, events.kind_of(event), data))


def _can_cut_in(words: str) -> bool:
    return words[:1] not in ("~", "#", "?")
