"""Language models."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from dialogue.errors import CallError, ProviderError, Stage
from dialogue.failover import Chain, Clock, Observer, Policy
from dialogue.ports import Answer, Delta, LanguageModel, Message, TextDelta, Tool, ToolCall
from dialogue.resilience.streams import close, ending, step
from dialogue.sentences import Sentences


@dataclass(frozen=True, slots=True)
class Thought:
    """A model's answer.

    Args:
        answer: the validated object.
        engine: which engine served.
        seconds: from the first attempt to the answer.
        failures: what went wrong before it came.
    """

    answer: Answer
    engine: str
    seconds: float
    failures: tuple[CallError, ...] = ()


class ThoughtStream:
    """A model's free words as they come: an async iterator of sentences.

    Attributes:
        engine: which engine serves; empty before the first sentence.
        seconds: until the first sentence.
        failures: what went wrong before it came.
        tool_calls: the tools the model wants run.
    """

    def __init__(self) -> None:
        self.engine = ""
        self.seconds = 0.0
        self.failures: tuple[CallError, ...] = ()
        self.tool_calls: list[ToolCall] = []
        self._sentences: AsyncIterator[str]

    def __aiter__(self) -> AsyncIterator[str]:
        return self._sentences

    async def aclose(self) -> None:
        """End the model's answer."""
        await close(self._sentences)


class Thinker:
    """Language models. Without one it is not `available`, and the scenario's rules serve alone.

    Args:
        engines: in order of preference; may be empty.
        policy: how much patience there is.
        clock: seconds, monotonic.
        observer: is told of each attempt.
    """

    def __init__(
        self,
        engines: Sequence[LanguageModel],
        policy: Policy,
        clock: Clock = time.monotonic,
        observer: Observer | None = None,
    ) -> None:
        self._chain = Chain(Stage.LANGUAGE_MODEL, engines, policy, clock, observer)
        self._clock = clock

    @property
    def available(self) -> bool:
        """Whether there is a model at all."""
        return bool(self._chain.engines)

    async def start(self) -> None:
        """Start every engine. Raises ProviderError where there are some and none works."""
        await self._chain.start()

    async def close(self) -> None:
        """Close every engine."""
        await self._chain.close()

    async def answer(self, messages: Sequence[Message], schema: type[BaseModel]) -> Thought:
        """Return the object that was asked for, by the first engine that gives it. Raises ProviderError."""

        async def use(engine: LanguageModel) -> Answer:
            stream = engine.reply(messages, schema)
            async with ending(stream):
                async for delta in stream:
                    if isinstance(delta, Answer) and isinstance(delta.value, schema):
                        return delta
            raise ProviderError(Stage.LANGUAGE_MODEL, "invalid_answer", f"{engine.name} gave no {schema.__name__}")

        served = await self._chain.run(use)
        return Thought(served.value, served.engine, served.seconds, served.failures)

    def stream(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, first_clause_chars: int | None = None
    ) -> ThoughtStream:
        """Return what a model says freely, sentence by sentence; nothing is asked before the first is awaited.

        Another engine is tried until the first sentence is there, for which each has the time of one attempt. From
        then on the stage's budget counts the waits for the model, not what its listener does in between.

        Args:
            messages: the conversation.
            tools: what the model may have run.
            first_clause_chars: as `dialogue.sentences.Sentences` has it.

        Raises:
            ProviderError: from the stream: no engine gave a first sentence, or the answer broke off after it.
        """
        stream = ThoughtStream()
        stream._sentences = self._tell(stream, messages, tools, first_clause_chars)
        return stream

    async def _tell(
        self, stream: ThoughtStream, messages: Sequence[Message], tools: Sequence[Tool], first_clause_chars: int | None
    ) -> AsyncIterator[str]:
        async def use(engine: LanguageModel) -> _Opening:
            calls: list[ToolCall] = []
            sentences = _sentences(engine.reply(messages, None, tools), calls, first_clause_chars)
            try:
                first = await anext(sentences, None)
                if first is None and not calls:
                    raise ProviderError(Stage.LANGUAGE_MODEL, "invalid_answer", f"{engine.name} said nothing")
            except BaseException:
                await close(sentences)
                raise
            return _Opening(engine, first, sentences, calls)

        served = await self._chain.run(use)
        opening = served.value
        stream.engine, stream.seconds, stream.failures = served.engine, served.seconds, served.failures
        stream.tool_calls = opening.calls
        left = self._chain.policy.budget - served.seconds
        started = self._clock()
        async with ending(opening.sentences):
            sentence = opening.first
            while sentence is not None:
                yield sentence
                asked = self._clock()
                try:
                    sentence = await step(opening.sentences, max(left, 0.0), Stage.LANGUAGE_MODEL, served.engine)
                except ProviderError as failure:
                    self._chain.ended(opening.engine, started, failure)
                    raise
                left -= self._clock() - asked


@dataclass(frozen=True, slots=True)
class _Opening:
    """An answer that has begun."""

    engine: LanguageModel
    first: str | None
    sentences: AsyncIterator[str]
    calls: list[ToolCall]


async def _sentences(
    deltas: AsyncIterator[Delta], calls: list[ToolCall], first_clause_chars: int | None
) -> AsyncIterator[str]:
    splitter = Sentences(first_clause_chars)
    async with ending(deltas):
        async for delta in deltas:
            match delta:
                case TextDelta():
                    for sentence in splitter.feed(delta.text):
                        yield sentence
                case ToolCall():
                    calls.append(delta)
    rest = splitter.rest()
    if rest is not None:
        yield rest
