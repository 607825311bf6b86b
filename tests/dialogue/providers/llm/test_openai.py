"""The language model over real HTTP: what the caller's dialogue gets from good, odd and broken servers."""

import asyncio
import json
import logging
import resource
import traceback
from enum import StrEnum

import pytest
from pydantic import BaseModel, ConfigDict, Field

from dialogue.errors import ProviderError
from dialogue.ports import Answer, Message, TextDelta, Tool, ToolCall
from dialogue.providers.llm.openai import OpenAI, OpenAIConfig, Structure
from tests.fakes import openai_server as fake

KEY = "sk-very-secret-key-0123456789"


class Urgency(StrEnum):
    HIGH = "high"
    LOW = "low"


class Report(BaseModel):
    model_config = ConfigDict(extra="forbid")

    urgency: Urgency | None = Field(description="How fast help is needed")
    people: int | None = None
    weapons: bool | None = None
    summary: str = Field(max_length=200)


GOOD = json.dumps({"urgency": "high", "people": 2, "weapons": False, "summary": "a fight"})
ASKED = [Message("system", "You classify."), Message("user", "two men are fighting")]


@pytest.fixture
async def server():
    async with fake.FakeOpenAI() as running:
        yield running


@pytest.fixture
async def model(server):
    engine = OpenAI(OpenAIConfig("fake-1", KEY, server.base_url, timeout=2.0))
    yield engine
    await engine.close()


async def ask(model: OpenAI, schema=Report, tools=()):
    return [delta async for delta in model.reply(ASKED, schema, tools)]


async def refusal_of(model: OpenAI, schema=Report, tools=()) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(model, schema, tools)
    return caught.value


async def test_a_server_that_follows_the_schema_gives_the_object(server, model):
    server.then(fake.says(GOOD))
    [answer] = await ask(model)
    assert answer == Answer(Report(urgency="high", people=2, weapons=False, summary="a fight"), GOOD, "fake-1")
    sent = server.requests[0]
    schema = sent["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["required"] == ["urgency", "people", "weapons", "summary"]
    assert schema["schema"]["additionalProperties"] is False
    assert sent["max_tokens"] > 0
    assert sent["messages"] == [
        {"role": "system", "content": "You classify."},
        {"role": "user", "content": "two men are fighting"},
    ]


@pytest.mark.parametrize("status", [400, 422])
async def test_a_server_without_json_schema_is_asked_in_json_mode_from_then_on(server, model, status):
    server.then(fake.lacks_json_schema(fake.says(GOOD), status=status))
    await ask(model)
    await ask(model)
    formats = [request["response_format"]["type"] for request in server.requests]
    assert formats == ["json_schema", "json_object", "json_object"]
    system = server.requests[1]["messages"][0]
    assert system["role"] == "system"
    assert system["content"].startswith("You classify.")
    assert "additionalProperties" in system["content"]


async def test_two_calls_that_find_out_at_once_stop_at_json_mode(server, model):
    server.then(fake.lacks_json_schema(fake.says(GOOD)))
    await asyncio.gather(ask(model), ask(model), ask(model))
    await ask(model)
    assert server.requests[-1]["response_format"] == {"type": "json_object"}


async def test_a_server_without_any_format_is_asked_in_the_prompt_alone(server, model):
    server.then(fake.lacks_every_format(fake.says(GOOD)))
    [answer] = await ask(model)
    assert answer.value.people == 2
    assert "response_format" not in server.requests[-1]


async def test_json_mode_can_be_configured(server):
    server.then(fake.says(GOOD))
    model = OpenAI(OpenAIConfig("fake-1", base_url=server.base_url, structure=Structure.JSON))
    await ask(model)
    await model.close()
    assert [r["response_format"]["type"] for r in server.requests] == ["json_object"]


async def test_a_reasoning_model_gets_the_parameters_it_takes(server, model):
    server.then(fake.reasoning_model(fake.says(GOOD)))
    await ask(model)
    assert "max_tokens" not in server.requests[-1]
    assert server.requests[-1]["max_completion_tokens"] > 0
    assert "temperature" not in server.requests[-1]


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        ("Sure! I think two men are fighting.", "Invalid JSON"),
        (
            '{"urgency": "high", "people": 2, "weapons": "no", "summary": "a"}',
            "weapons: Input should be a valid boolean",
        ),
        ('{"urgency": "apocalyptic", "summary": "a"}', "urgency: Input should be 'high' or 'low'"),
        ('{"urgency": "high", "summary": "a", "colour": "red"}', "colour: Extra inputs"),
        ("   ", "Invalid JSON"),
        ("[]", "should be an object"),
    ],
)
async def test_a_wrong_answer_is_sent_back_once_with_what_is_wrong(server, model, wrong, finding):
    server.then(fake.says(wrong), fake.says(GOOD))
    [answer] = await ask(model)
    assert answer.value.urgency is Urgency.HIGH
    again = server.requests[1]["messages"]
    assert [m["role"] for m in again] == ["system", "user", "assistant", "user"]
    assert finding in again[-1]["content"]
    assert "additionalProperties" in again[0]["content"], "a server that ignores the schema reads it in the prompt"


async def test_two_wrong_answers_are_an_invalid_answer(server, model):
    server.then(fake.says("no JSON here, street Abai 10"))
    error = await refusal_of(model)
    assert (error.code, error.retryable) == ("invalid_answer", False)
    assert len(server.requests) == 2
    assert "Abai" not in str(error)
    assert "Abai" not in "".join(traceback.format_exception(error)), "neither in a logged traceback"


async def test_an_answer_in_a_markdown_fence_counts(server, model):
    server.then(fake.says(f"```json\n{GOOD}\n```"))
    [answer] = await ask(model)
    assert answer.value.summary == "a fight"
    assert len(server.requests) == 1


async def test_ten_megabytes_are_not_read(server, model):
    server.then(fake.ten_megabytes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = await refusal_of(model)
    assert error.code == "too_long"
    assert server.sent < 9_000_000, "the connection was not dropped"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000


async def test_an_answer_cut_by_the_token_limit_is_too_long(server, model):
    server.then(fake.says(GOOD[:30], finish="length"))
    assert (await refusal_of(model)).code == "too_long"
    assert len(server.requests) == 1


async def test_a_server_that_answers_nothing_times_out(server):
    server.then(fake.silent)
    model = OpenAI(OpenAIConfig("fake-1", KEY, server.base_url, timeout=0.2))
    error = await refusal_of(model)
    await model.close()
    assert (error.code, error.retryable) == ("timeout", True)


@pytest.mark.parametrize(
    ("behaviour", "code", "retryable"),
    [
        (fake.fails(401, f"Incorrect API key provided: {KEY}"), "unauthorised", False),
        (fake.fails(403), "unauthorised", False),
        (fake.fails(402), "no_credit", False),
        (fake.fails(404, code="model_not_found"), "not_found", False),
        (fake.fails(429, code="insufficient_quota"), "no_credit", False),
        (fake.fails(500), "server_error", True),
        (fake.fails(503), "server_error", True),
        (fake.fails(400, "two men are fighting", code="odd"), "rejected", False),
        (fake.fails(400, code="context_length_exceeded"), "too_long", False),
        (fake.half, "connection", True),
        (fake.not_json, "invalid_answer", False),
        (fake.odd_json, "invalid_answer", False),
        (fake.says(None, refusal="I cannot help with that"), "refused", False),
        (fake.says("", finish="content_filter"), "refused", False),
    ],
)
async def test_each_failure_has_its_code(server, model, behaviour, code, retryable):
    server.then(behaviour)
    error = await refusal_of(model)
    assert (error.code, error.retryable) == (code, retryable)
    assert KEY not in str(error)
    assert "fighting" not in str(error)


async def test_nobody_listening_is_a_connection_failure():
    model = OpenAI(OpenAIConfig("fake-1", KEY, "http://127.0.0.1:9/v1"))
    error = await refusal_of(model)
    await model.close()
    assert (error.code, error.retryable) == ("connection", True)


async def test_a_rate_limit_says_how_long_to_wait(server, model):
    server.then(fake.fails(429, retry_after="2"))
    error = await refusal_of(model)
    assert (error.code, error.retryable, error.retry_after) == ("rate_limited", True, 2.0)
    assert len(server.requests) == 1, "retries belong to the policy, not to the client"


async def test_a_redirect_takes_no_words_elsewhere(server, model):
    server.then(fake.fails(307, Location="http://127.0.0.1:9/v1/chat/completions"))
    assert (await refusal_of(model)).code == "rejected"


async def test_free_text_comes_as_it_is_made(server, model):
    server.then(fake.streams({"content": "Help "}, {"content": "is coming"}, pause=0.05))
    deltas = await ask(model, schema=None)
    assert deltas == [TextDelta("Help "), TextDelta("is coming")]
    assert "response_format" not in server.requests[0]


async def test_text_that_breaks_off_is_not_taken_for_whole(server, model):
    server.then(fake.streams({"content": "Help "}, finish=None))
    assert (await refusal_of(model, schema=None)).code == "connection"


class Place(BaseModel):
    street: str
    house: int


class Found(BaseModel):
    known: bool


async def look_up(place: Place) -> Found:
    return Found(known=True)


LOOK_UP = Tool("look_up", "Find a street", Place, Found, side_effect=False, run=look_up)


async def test_a_tool_call_is_put_together_from_its_pieces(server, model):
    server.then(
        fake.streams(
            {"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "look_up", "arguments": '{"street": "Ab'}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": 'ai", "house": 10}'}}]},
            finish="tool_calls",
        )
    )
    [call] = await ask(model, schema=None, tools=[LOOK_UP])
    assert call == ToolCall("t1", "look_up", {"street": "Abai", "house": 10})
    assert server.requests[0]["tools"][0]["function"]["parameters"]["required"] == ["street", "house"]


@pytest.mark.parametrize(
    "function", [{"name": "rm", "arguments": "{}"}, {"name": "look_up", "arguments": '{"house": 1'}]
)
async def test_a_call_of_no_tool_or_with_wrong_arguments_is_invalid(server, model, function):
    call = {"id": "t1", "type": "function", "function": function}
    server.then(fake.says(None, finish="tool_calls", tool_calls=[call]))
    assert (await refusal_of(model, tools=[LOOK_UP])).code == "invalid_answer"


async def test_the_key_stands_in_no_representation_and_no_log(server, model, caplog):
    caplog.set_level(logging.DEBUG)
    server.then(fake.fails(401, f"Incorrect API key provided: {KEY}"))
    error = await refusal_of(model)
    assert KEY not in repr(model._config)
    assert KEY not in caplog.text
    assert KEY not in repr(error)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
