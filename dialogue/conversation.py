"""Text in, text out: what words mean and what is answered. Chat, simulation and every door use it as it is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from dialogue.errors import CallError, ProviderError
from dialogue.ports import Answer, Briefing, ModelRequest, ScenarioSession, SentenceCheck, SpokenText, SttRequest
from dialogue.resilience import Thinker, Thought
from dialogue.sentences import Sentences
from dialogue.turns import Assessment, NextStep, Reply, Transcript, TransferReason, Turn

OPERATOR_KEY = "0"

FIRST_CLAUSE_CHARS = 60
"""Characters from which the first clause of a free answer is spoken before its sentence is whole."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The outcome of one thing the caller said.

    Args:
        turn: the words and the reply.
        assessment: the scenario's structured outcome so far.
        seconds: how long deciding took, the model's answer included; of a free answer, until its first sentence.
        failure: why the model did not serve; None where it did or there is none.
        passed_over: failures of models before the one that served.
    """

    turn: Turn
    assessment: Assessment
    seconds: float
    failure: ProviderError | None = None
    passed_over: tuple[CallError, ...] = ()


@dataclass(slots=True)
class _Told:
    """How far a model's free answer has come: its sentences, and those of them that were passed for speaking."""

    started: float
    sentences: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    engine: str = ""
    seconds: float | None = None
    passed_over: tuple[CallError, ...] = ()

    def answer(self) -> Answer | None:
        """The answer so far; None where there is none."""
        if not self.sentences:
            return None
        return Answer(SpokenText(text=" ".join(self.spoken)), " ".join(self.sentences), "")


class Response:
    """The answer to what a caller said, as it comes: an async iterator of pieces to be spoken in their order.

    An answer that is decided as a whole is decided before its first piece; one in the model's own words, with its
    last. One reader at a time.

    Attributes:
        exchange: the outcome, once it is decided.
    """

    def __init__(self, settle: Callable[[], Exchange]) -> None:
        self.exchange: Exchange | None = None
        self._settle = settle
        self._pieces: AsyncGenerator[str, None]

    def __aiter__(self) -> Response:
        return self

    async def __anext__(self) -> str:
        return await anext(self._pieces)

    async def settle(self) -> Exchange:
        """End the answer where it is and return the outcome; what was not yielded is never said."""
        await self._pieces.aclose()
        if self.exchange is None:
            self.exchange = self._settle()
        return self.exchange

    async def aclose(self) -> None:
        """End the answer. Nothing of it is kept that was not decided before."""
        await self._pieces.aclose()


class Conversation:
    """One conversation of a scenario, with or without a language model.

    The rules of the scenario always run: they are the floor under the model's answer and serve alone where there is
    no model. A model that fails leaves the rules' outcome on record and sends the caller to a person.

    Args:
        session: the scenario's side.
        thinker: language models behind time limits and fail-over.
        max_turns: replies after which a person takes over.
        languages: ISO 639-1 codes among which the caller's is detected in each thing they say; empty: they are heard in
            the language of the conversation.
    """

    def __init__(
        self, session: ScenarioSession, thinker: Thinker, *, max_turns: int = 8, languages: Sequence[str] = ()
    ) -> None:
        self._session = session
        self._thinker = thinker
        self._max_turns = max_turns
        self._languages = tuple(languages)
        self._turns: list[Turn] = []
        self._silences = 0
        self._misses = 0

    @property
    def language(self) -> str:
        """ISO 639-1 code in which replies are given now."""
        return self._session.language

    @property
    def hearing(self) -> SttRequest:
        """How a recogniser should hear the caller."""
        language, hints = self._session.language, self._session.hints()
        if len(self._languages) < 2:
            return SttRequest(language, hints)
        return SttRequest(None, hints, tuple(dict.fromkeys((language, *self._languages))))

    def greet(self) -> Reply:
        """Open the conversation."""
        return self._keep(None, self._session.greeting())

    def fork(self) -> Conversation:
        """Return an independent copy, on which an answer is worked out that may never be given."""
        twin = Conversation(self._session.fork(), self._thinker, max_turns=self._max_turns, languages=self._languages)
        twin._turns = list(self._turns)
        twin._silences, twin._misses = self._silences, self._misses
        return twin

    async def hear(self, heard: Transcript) -> Exchange:
        """Take what the caller said (not empty) and decide what follows."""
        response = self.respond(heard)
        async with aclosing(response):
            async for _ in response:
                pass
        return await response.settle()

    def respond(self, heard: Transcript) -> Response:
        """Take what the caller said (not empty) and answer piece by piece; nothing happens before the first is awaited.

        A model that fails after its first sentence was yielded ends the answer with the hand-over.
        """
        told = _Told(time.monotonic())
        response = Response(lambda: self._conclude(heard, told, None)[0])
        response._pieces = self._answer(heard, response, told)
        return response

    def heard_only(self, words: str) -> None:
        """Of the last reply the caller heard only these words."""
        if self._turns:
            self._turns[-1] = dataclasses.replace(self._turns[-1], spoken=words)

    def holding(self) -> Reply | None:
        """A short phrase while the answer is being worked out; it is no turn of the conversation."""
        return self._session.holding()

    async def classify(self, said: Sequence[Transcript]) -> Assessment:
        """Classify a finished conversation's words, asking the model once about all of them.

        Raises:
            ProviderError: the model failed.
        """
        for heard in said[:-1]:
            _, reply = self._session.decide(self._turns, heard, None)
            self._keep(heard, reply)
        for heard in said[-1:]:
            request = self._session.request(self._turns, heard) if self._thinker.available else None
            thought, failure = await self._ask_model(request)
            if failure is not None:
                raise failure
            assessment, _ = self._session.decide(self._turns, heard, thought.answer if thought else None)
            return _served_by(assessment, thought.engine, thought.answer.model) if thought else assessment
        return self._session.assessment()

    def silence(self) -> Reply:
        """The caller said nothing."""
        self._silences += 1
        return self._keep(None, self._within_limit(self._session.silent(self._silences)))

    def not_understood(self) -> Reply:
        """The caller spoke and no words were recognised."""
        self._misses += 1
        return self._keep(None, self._within_limit(self._session.not_understood(self._misses)))

    def hand_over(self, reason: TransferReason) -> Reply:
        """Give the caller to a person, whatever was going on."""
        return self._keep(None, self._session.hand_over(reason))

    def assessment(self) -> Assessment:
        """The scenario's structured outcome so far."""
        return self._session.assessment()

    def briefing(self) -> Briefing:
        """What the person who takes over is told."""
        return self._session.briefing()

    async def _answer(self, heard: Transcript, response: Response, told: _Told) -> AsyncGenerator[str, None]:
        self._silences = self._misses = 0
        told.started = time.monotonic()
        request = self._session.request(self._turns, heard) if self._thinker.available else None
        if request is None or request.schema is not None or self._session.wants_person(heard.text):
            response.exchange = await self._decide(heard, request, told.started)
            unspoken = response.exchange.turn.reply.text
        else:
            failure = None
            try:
                async with aclosing(self._tell(heard, request, told)) as sentences:
                    async for sentence in sentences:
                        yield sentence
            except ProviderError as error:
                failure = error
            response.exchange, unspoken = self._conclude(heard, told, failure)
        splitter = Sentences()
        for sentence in splitter.feed(unspoken):
            yield sentence
        if (rest := splitter.rest()) is not None:
            yield rest

    async def _decide(self, heard: Transcript, request: ModelRequest | None, started: float) -> Exchange:
        """Have the answer decided as a whole."""
        thought, failure = await self._ask_model(request)
        assessment, reply = self._session.decide(self._turns, heard, thought.answer if thought else None)
        reply = self._with_person(heard, reply, failure)
        if thought is not None:
            assessment = _served_by(assessment, thought.engine, thought.answer.model)
        self._keep(heard, reply)
        passed_over = thought.failures if thought else ()
        return Exchange(self._turns[-1], assessment, time.monotonic() - started, failure, passed_over)

    async def _tell(self, heard: Transcript, request: ModelRequest, told: _Told) -> AsyncGenerator[str, None]:
        """Yield the sentences of the model's free answer that may be spoken. Raises ProviderError."""
        stream = self._thinker.stream(request.messages, first_clause_chars=FIRST_CLAUSE_CHARS)
        async with aclosing(stream):
            async for sentence in stream:
                if told.seconds is None:
                    told.seconds = time.monotonic() - told.started
                    told.engine, told.passed_over = stream.engine, stream.failures
                told.sentences.append(sentence)
                passed: str | None = sentence
                if isinstance(self._session, SentenceCheck):
                    passed = self._session.check(sentence, self._turns, heard)
                if passed:
                    told.spoken.append(passed)
                    yield passed

    def _conclude(self, heard: Transcript, told: _Told, failure: ProviderError | None) -> tuple[Exchange, str]:
        """Decide what a free answer means and what follows; returns what of the reply is still to be spoken too."""
        answer = told.answer() if failure is None else None
        assessment, reply = self._session.decide(self._turns, heard, answer)
        if answer is not None:
            assessment = _served_by(assessment, told.engine, answer.model)
        reply = self._with_person(heard, reply, failure)
        spoken, unspoken = " ".join(told.spoken), reply.text
        if spoken and unspoken.startswith(spoken):
            unspoken = unspoken[len(spoken) :]
        elif spoken:
            reply = dataclasses.replace(reply, text=f"{spoken} {unspoken}".rstrip())
        self._keep(heard, reply)
        seconds = time.monotonic() - told.started if told.seconds is None else told.seconds
        return Exchange(self._turns[-1], assessment, seconds, failure, told.passed_over), unspoken

    async def _ask_model(self, request: ModelRequest | None) -> tuple[Thought | None, ProviderError | None]:
        if request is None or request.schema is None:
            return None, None
        try:
            return await self._thinker.answer(request.messages, request.schema), None
        except ProviderError as error:
            return None, error

    def _with_person(self, heard: Transcript, reply: Reply, failure: ProviderError | None) -> Reply:
        """The reply, or a person where the caller asks for one, the model failed, or there were turns enough."""
        if self._session.wants_person(heard.text):
            reply = self._session.hand_over(TransferReason.CALLER_ASKED)
        elif failure is not None and reply.then is not NextStep.TRANSFER:
            invalid = failure.code == "invalid_answer"
            reply = self._session.hand_over(TransferReason.INVALID_ANSWER if invalid else TransferReason.FAILURE)
        return self._within_limit(reply)

    def _within_limit(self, reply: Reply) -> Reply:
        if reply.then is NextStep.LISTEN and len(self._turns) >= self._max_turns:
            return self._session.hand_over(TransferReason.TURN_LIMIT)
        return reply

    def _keep(self, heard: Transcript | None, reply: Reply) -> Reply:
        self._turns.append(Turn(len(self._turns), heard, reply))
        return reply


def _served_by(assessment: Assessment, engine: str, model: str) -> Assessment:
    """Name engine and model where a model served."""
    if assessment.source != "llm":
        return assessment
    return dataclasses.replace(assessment, engine=f"{engine}:{model}" if model else engine)
