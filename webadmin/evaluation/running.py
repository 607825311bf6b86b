"""Labelled calls through the conversation that calls, chat and ``manage.py classify`` use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from dialogue.conversation import Conversation
from dialogue.errors import ProviderError
from dialogue.ports import Answer, ScenarioSession
from dialogue.resilience import Thinker
from dialogue.scenarios import registry as scenarios
from dialogue.scenarios.intake_102.wording import phrase
from dialogue.turns import Assessment, Reply, Transcript, Turn
from webadmin.evaluation.cases import Case, Said
from webadmin.evaluation.judging import Judged, judge

Item = TypeVar("Item")
Result = TypeVar("Result")
Hear = Callable[[Case, str], str]
"""What the recogniser makes of one utterance of a case."""


def as_said(case: Case, text: str) -> str:
    """Every word as it is written."""
    return text


class _Script:
    """A session that asks what the case says was asked, so that a short answer meets its question."""

    def __init__(self, session: ScenarioSession, said: Sequence[Said]) -> None:
        self._session = session
        self._language = session.language
        self._questions = [one.asked for one in said]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def greeting(self) -> Reply:
        return Reply(phrase(self._questions[0], self._language), self._language)

    def decide(self, turns: Sequence[Turn], heard: Transcript, answer: Answer | None) -> tuple[Assessment, Reply]:
        assessment, reply = self._session.decide(turns, heard, answer)
        number = sum(turn.heard is not None for turn in turns) + 1
        if number < len(self._questions):
            reply = Reply(phrase(self._questions[number], self._language), self._language)
        return assessment, reply


class Classifier:
    """Classifies cases with a scenario and its language models.

    Args:
        scenario: its name.
        thinker: the models; where it has none, the rules serve.
        max_turns: as in calls.
    """

    def __init__(self, scenario: str, thinker: Thinker, max_turns: int) -> None:
        self._scenario = scenarios.load(scenario)
        self._thinker = thinker
        self._max_turns = max_turns

    async def classify(self, case: Case, text: str | None = None) -> Assessment:
        """What a case's words mean. ``text`` takes their place where it is given.

        Raises:
            ProviderError: the model failed.
            ConfigurationError: the scenario does not speak the case's language.
        """
        said = case.said if text is None else (Said(heard=text),)
        return await self._classify(case, said, [one.heard for one in said])

    async def judge(self, case: Case, hear: Hear = as_said) -> Judged:
        """Classify and compare. A model's failure is an answer, and a wrong one."""
        heard = tuple(hear(case, one.heard) for one in case.said)
        began = time.perf_counter()
        try:
            found = await self._classify(case, case.said, heard)
        except ProviderError as error:
            return judge(case, {}, seconds=time.perf_counter() - began, heard=heard, error=error.code)
        return judge(case, found.fields, seconds=time.perf_counter() - began, heard=heard)

    async def _classify(self, case: Case, said: Sequence[Said], heard: Sequence[str]) -> Assessment:
        session = self._scenario.open(case.language)
        scripted: Any = _Script(session, said) if len(said) > 1 or said[0].asked != "ask_incident" else session
        talk = Conversation(scripted, self._thinker, max_turns=self._max_turns)
        if said[0].asked != "ask_incident":
            talk.greet()
        return await talk.classify([Transcript(words) for words in heard if words.strip()])


async def side_by_side(
    items: Sequence[Item], at_once: int, work: Callable[[Item], Awaitable[Result]], done: Callable[[], None]
) -> list[Result]:
    """Run ``work`` over all items, ``at_once`` of them together; results in the order of the items."""
    results: dict[int, Result] = {}
    waiting = iter(enumerate(items))

    async def worker() -> None:
        for number, item in waiting:
            results[number] = await work(item)
            done()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
    return [results[number] for number in range(len(items))]
