"""A model's words are passed on sentence by sentence while it writes, and another model takes over until the first."""

import asyncio
import time

import pytest

from dialogue.errors import ProviderError, Stage
from dialogue.ports import Message, ToolCall
from dialogue.providers.llm.openai import OpenAI, OpenAIConfig
from dialogue.resilience import Attempt, Policy, Thinker
from tests.fakes import openai_server as fake
from tests.fakes.streaming import StepModel

QUICK = Policy(budget=1.0, attempt=0.15, attempts=1, pause=0.01)
ASKED = [Message("user", "help")]
DOWN = ProviderError(Stage.LANGUAGE_MODEL, "connection", "d")


async def told(stream) -> list[str]:
    return [sentence async for sentence in stream]


async def test_the_first_sentence_is_out_while_the_model_still_writes():
    go_on = asyncio.Event()
    stream = Thinker([StepModel("Stay calm. He", go_on, "lp comes.")], QUICK).stream(ASKED)
    sentences = aiter(stream)
    assert await anext(sentences) == "Stay calm."
    go_on.set()
    assert [s async for s in sentences] == ["Help comes."]
    assert (stream.engine, stream.failures) == ("steps", ())


async def test_the_first_sentence_of_a_real_server_is_out_before_its_last_token():
    deltas = [{"content": text} for text in ("Stay", " calm.", " Help", " is", " on", " its", " way", ".")]
    async with fake.FakeOpenAI() as server:
        server.then(fake.streams(*deltas, pause=0.1))
        model = OpenAI(OpenAIConfig(model="tried", base_url=server.base_url))
        stream = Thinker([model], Policy(budget=5, attempt=3)).stream(ASKED)
        started = time.monotonic()
        arrived = [(sentence, time.monotonic() - started) async for sentence in stream]
        await model.close()
    assert [sentence for sentence, _ in arrived] == ["Stay calm.", "Help is on its way."]
    assert arrived[1][1] - arrived[0][1] > 0.3
    assert stream.seconds < arrived[1][1]


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((DOWN,), "connection"),
        (("Half a sen", DOWN), "connection"),
        ((asyncio.Event(),), "timeout"),
        (("Half a sen", asyncio.Event()), "timeout"),
        (("  ",), "invalid_answer"),
        ((ValueError("secret"),), "unexpected"),
    ],
)
async def test_until_the_first_sentence_another_model_takes_over(steps, code):
    bad, good = StepModel(*steps, name="bad"), StepModel("Help comes.", name="good")
    stream = Thinker([bad, good], QUICK).stream(ASKED)
    assert await told(stream) == ["Help comes."]
    assert (stream.engine, [f.code for f in stream.failures], bad.ended) == ("good", [code], 1)


async def test_after_the_first_sentence_a_failure_is_the_answers_and_counts_against_the_model():
    seen: list[Attempt] = []
    bad, good = StepModel("Stay calm. And", DOWN, name="bad"), StepModel("x", name="good")
    thinker = Thinker([bad, good], QUICK, observer=seen.append)
    sentences = aiter(thinker.stream(ASKED))
    assert await anext(sentences) == "Stay calm."
    with pytest.raises(ProviderError) as caught:
        await anext(sentences)
    assert (caught.value.code, good.asked) == ("connection", [])
    assert [a.code for a in seen] == ["", "connection"]


async def test_a_model_that_hangs_after_its_first_sentence_ends_with_the_budget_and_a_slow_listener_costs_nothing():
    policy = Policy(budget=0.25, attempt=0.2, attempts=1)
    sentences = aiter(Thinker([StepModel("One. Two. Th", asyncio.Event())], policy).stream(ASKED))
    assert await anext(sentences) == "One."
    await asyncio.sleep(0.4)
    assert await anext(sentences) == "Two."
    with pytest.raises(ProviderError) as caught:
        await anext(sentences)
    assert caught.value.code == "timeout"


async def test_closing_ends_the_model():
    model = StepModel("One. Two", asyncio.Event())
    stream = Thinker([model], QUICK).stream(ASKED)
    assert await anext(aiter(stream)) == "One."
    await stream.aclose()
    assert model.ended == 1


async def test_nothing_is_asked_before_it_is_awaited():
    model = StepModel("One.")
    await Thinker([model], QUICK).stream(ASKED).aclose()
    assert model.asked == []


async def test_a_tool_is_asked_for_without_a_word():
    call = ToolCall("1", "find", {})
    stream = Thinker([StepModel(call)], QUICK).stream(ASKED)
    assert await told(stream) == []
    assert stream.tool_calls == [call]
