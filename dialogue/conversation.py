"""Text in, text out: what words mean and what is answered. Chat, simulation and every door use it as it is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass

from dialogue.errors import CallError, ProviderError
from dialogue.ports import Briefing, ScenarioSession
from dialogue.resilience import Thinker, Thought
from dialogue.turns import Assessment, NextStep, Reply, Transcript, TransferReason, Turn

OPERATOR_KEY = "0"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The outcome of one thing the caller said.

    Args:
        turn: the words and the reply.
        assessment: the scenario's structured outcome so far.
        seconds: how long deciding took, the model's answer included.
        failure: why the model did not serve; None where it did or there is none.
        passed_over: failures of models before the one that served.
    """

    turn: Turn
    assessment: Assessment
    seconds: float
    failure: ProviderError | None = None
    passed_over: tuple[CallError, ...] = ()


class Conversation:
    """One conversation of a scenario, with or without a language model.

    The rules of the scenario always run: they are the floor under the model's answer and serve alone where there is
    no model. A model that fails leaves the rules' outcome on record and sends the caller to a person.

    Args:
        session: the scenario's side.
        thinker: language models behind time limits and fail-over.
        max_turns: replies after which a person takes over.
    """

    def __init__(self, session: ScenarioSession, thinker: Thinker, *, max_turns: int = 8) -> None:
        self._session = session
        self._thinker = thinker
        self._max_turns = max_turns
        self._turns: list[Turn] = []
        self._silences = 0
        self._misses = 0

    @property
    def language(self) -> str:
        """ISO 639-1 code in which replies are given now."""
        return self._session.language

    @property
    def hints(self) -> tuple[str, ...]:
        """Words a recogniser should expect."""
        return self._session.hints()

    def greet(self) -> Reply:
        """Open the conversation."""
        return self._keep(None, self._session.greeting())

    async def hear(self, heard: Transcript) -> Exchange:
        """Take what the caller said (not empty) and decide what follows."""
        self._silences = self._misses = 0
        started = time.monotonic()
        thought, failure = await self._ask_model(heard)
        answer = thought.answer if thought else None
        assessment, reply = self._session.decide(self._turns, heard, answer)
        assessment = _served_by(assessment, thought)
        if self._session.wants_person(heard.text):
            reply = self._session.hand_over(TransferReason.CALLER_ASKED)
        elif failure is not None and reply.then is not NextStep.TRANSFER:
            invalid = failure.code == "invalid_answer"
            reply = self._session.hand_over(TransferReason.INVALID_ANSWER if invalid else TransferReason.FAILURE)
        reply = self._within_limit(reply)
        self._keep(heard, reply)
        passed_over = thought.failures if thought else ()
        return Exchange(self._turns[-1], assessment, time.monotonic() - started, failure, passed_over)

    async def classify(self, said: Sequence[Transcript]) -> Assessment:
        """Classify a finished conversation's words, asking the model once about all of them.

        Raises:
            ProviderError: the model failed.
        """
        for heard in said[:-1]:
            _, reply = self._session.decide(self._turns, heard, None)
            self._keep(heard, reply)
        for heard in said[-1:]:
            thought, failure = await self._ask_model(heard)
            if failure is not None:
                raise failure
            assessment, _ = self._session.decide(self._turns, heard, thought.answer if thought else None)
            return _served_by(assessment, thought)
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

    async def _ask_model(self, heard: Transcript) -> tuple[Thought | None, ProviderError | None]:
        if not self._thinker.available:
            return None, None
        request = self._session.request(self._turns, heard)
        try:
            return await self._thinker.answer(request.messages, request.schema), None
        except ProviderError as error:
            return None, error

    def _within_limit(self, reply: Reply) -> Reply:
        if reply.then is NextStep.LISTEN and len(self._turns) >= self._max_turns:
            return self._session.hand_over(TransferReason.TURN_LIMIT)
        return reply

    def _keep(self, heard: Transcript | None, reply: Reply) -> Reply:
        self._turns.append(Turn(len(self._turns), heard, reply))
        return reply


def _served_by(assessment: Assessment, thought: Thought | None) -> Assessment:
    """Name engine and model where a model served."""
    if thought is None or assessment.source != "llm":
        return assessment
    return dataclasses.replace(assessment, engine=f"{thought.engine}:{thought.answer.model}")
