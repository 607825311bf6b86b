"""The ports: what the dialogue asks of lines, engines and scenarios, and what each declares of itself.

A provider makes one attempt and raises `ProviderError`; retries, time limits, fail-over and circuit breaking
belong to `dialogue.resilience`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel

from dialogue.events import Event
from dialogue.turns import Assessment, Heard, Reply, Transcript, TransferReason, Turn


# Line
@dataclass(frozen=True, slots=True)
class ListenLimits:
    """How long to listen.

    Args:
        initial_silence: seconds without voice after which the caller counts as silent.
        end_silence: seconds of silence that end an utterance (a door may round up).
        longest: seconds after which an utterance is cut.
        keys: digits that end listening at once.
    """

    initial_silence: float = 6.0
    end_silence: float = 2.0
    longest: float = 60.0
    keys: str = "0123456789*#"


class Speech(Protocol):
    """Words turned to sound, ready to be played or still being made."""

    @property
    def text(self) -> str: ...
    @property
    def rate(self) -> int:
        """Hz of the PCM that `chunks` yields."""
        ...

    @property
    def cache_key(self) -> str:
        """Hex digest of engine, voice and text: the same key is the same sound."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM. Raises ProviderError."""
        ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """How much of a speech reached the caller.

    Args:
        seconds: played duration.
        whole: False where the caller cut in.
        key: the key that cut it short, else None.
    """

    seconds: float
    whole: bool = True
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a person who takes over is told: one sentence, the scenario's fields, and the language spoken."""

    summary: str
    fields: Mapping[str, Any]
    language: str = ""


class Line(Protocol):
    """A caller, behind whatever door. Every method may raise `CallerHungUp` or `LineError`."""

    async def say(self, speech: Speech) -> Spoken: ...
    async def listen(self, limits: ListenLimits) -> Heard: ...
    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        """Give the caller to a person. After it the line belongs to the dialplan."""
        ...

    async def hang_up(self) -> None:
        """End the call after a farewell."""
        ...


# Engines
@dataclass(frozen=True, slots=True)
class SttCapabilities:
    """What a recogniser can do: ISO 639-1 languages (empty: any), its rate in Hz, whether it streams partials."""

    languages: frozenset[str]
    rate: int
    streaming: bool = False


@dataclass(frozen=True, slots=True)
class SttRequest:
    """How to recognise.

    Args:
        language: ISO 639-1 code; None: the engine detects it.
        hints: words likely to occur.
        languages: the only ones that detection may find, the most likely first; empty: any.
    """

    language: str | None
    hints: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class SpeechToText(Protocol):
    name: str
    capabilities: SttCapabilities

    def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        """Yield partial transcripts, then one final.

        Args:
            chunks: 16-bit mono PCM at ``capabilities.rate`` Hz.

        Raises:
            ProviderError: the engine failed.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TtsCapabilities:
    """What a voice can do: ISO 639-1 languages and the rate of its PCM in Hz."""

    languages: frozenset[str]
    rate: int


class TextToSpeech(Protocol):
    name: str
    capabilities: TtsCapabilities

    def voice(self, language: str) -> str:
        """Name of the voice used for a language; part of the cache key."""
        ...

    def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM at ``capabilities.rate`` Hz. Raises ProviderError."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a language model."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A typed function a scenario lets the model call.

    Args:
        name: as the model sees it.
        description: as the model sees it.
        arguments: pydantic model of the arguments.
        result: pydantic model of the result.
        side_effect: True where it changes something outside, so that the caller's yes is needed first.
        run: the function.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    result: type[BaseModel]
    side_effect: bool
    run: Callable[[Any], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of free text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool run."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The object that was asked for, validated, with the model's own text beside it."""

    value: BaseModel
    text: str
    model: str


Delta = TextDelta | ToolCall | Answer


class LanguageModel(Protocol):
    name: str

    def reply(
        self, messages: Sequence[Message], schema: type[BaseModel] | None, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[Delta]:
        """Yield deltas; with ``schema`` the last one is an `Answer`. Raises ProviderError."""
        ...

    async def close(self) -> None: ...


class VoiceActivityStream(Protocol):
    """Voice activity of one stream of sound."""

    def feed(self, pcm: bytes) -> Sequence[VoiceEdge]:
        """Take more PCM (any length) and return where voice started or stopped in it."""
        ...


@dataclass(frozen=True, slots=True)
class VoiceEdge:
    """Voice started or stopped at ``seconds`` from the start of the stream."""

    started: bool
    seconds: float


class VoiceActivity(Protocol):
    name: str

    def stream(self, rate: int) -> VoiceActivityStream:
        """A detector for 16-bit mono PCM at ``rate`` Hz (8000 or 16000)."""
        ...


class Journal(Protocol):
    async def record(self, call_id: str, event: Event) -> None:
        """Return once the event is on disk. Raises JournalError."""
        ...


# Scenarios
@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a scenario asks a language model for.

    Args:
        messages: the conversation.
        schema: the object to be filled in; None where the model's own words are spoken while it writes them.
        prompt_version: version of the prompt files that were used.
    """

    messages: tuple[Message, ...]
    schema: type[BaseModel] | None
    prompt_version: str


class SpokenText(BaseModel):
    """The value of an `Answer` in free text: the sentences that were passed for speaking, joined by spaces."""

    text: str


@runtime_checkable
class SentenceCheck(Protocol):
    """A session that looks at each sentence of a free answer before it is spoken."""

    def check(self, sentence: str, turns: Sequence[Turn], heard: Transcript) -> str | None:
        """Return what may be spoken of it; None where nothing may."""
        ...


class ScenarioSession(Protocol):
    """One conversation of a scenario. It decides; it neither waits nor speaks to the network."""

    def fork(self) -> ScenarioSession:
        """Return an independent copy: what happens to either leaves the other as it is."""
        ...

    @property
    def language(self) -> str:
        """ISO 639-1 code in which the next reply is given; may follow the caller."""
        ...

    def greeting(self) -> Reply: ...
    def wants_person(self, text: str) -> bool:
        """Whether these words ask for an operator."""
        ...

    def request(self, turns: Sequence[Turn], heard: Transcript) -> ModelRequest:
        """What to ask the model about everything the caller said, ``heard`` last."""
        ...

    def decide(self, turns: Sequence[Turn], heard: Transcript, answer: Answer | None) -> tuple[Assessment, Reply]:
        """Check the model's answer (None: rules alone) and say what comes next.

        The value of an answer in free text is a `SpokenText`; it has been spoken already. A reply that begins with its
        words is spoken from there on; any other is spoken after them.
        """
        ...

    def holding(self) -> Reply | None:
        """A short honest phrase for a caller who waits for the answer; None where the scenario has none."""
        ...

    def silent(self, times: int) -> Reply:
        """The caller said nothing, for the ``times``-th time in a row."""
        ...

    def not_understood(self, times: int) -> Reply:
        """Nothing could be recognised, for the ``times``-th time in a row."""
        ...

    def hand_over(self, reason: TransferReason) -> Reply:
        """The sentence with which a person is announced."""
        ...

    def assessment(self) -> Assessment:
        """The outcome so far, also before the caller has said anything."""
        ...

    def briefing(self) -> Briefing: ...
    def hints(self) -> tuple[str, ...]:
        """Words a recogniser should expect."""
        ...


@runtime_checkable
class FixedPrompts(Protocol):
    """A scenario that knows what it says word for word in many calls."""

    def prompts(self, language: str) -> tuple[str, ...]:
        """Return whole replies, each as it is spoken."""
        ...


class Scenario(Protocol):
    name: str
    languages: tuple[str, ...]

    def open(self, language: str) -> ScenarioSession:
        """Begin a conversation. Raises ConfigurationError for a language it does not speak."""
        ...
