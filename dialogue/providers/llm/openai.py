"""Any server with OpenAI's chat completions (OpenAI, DeepSeek, Ollama, vLLM), through the official client.

Servers differ in what they take; what one refuses is left out from then on: docs/decisions/0005-structured-answers.md.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar

import openai
import structlog
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ValidationError

from dialogue.errors import ProviderError, Stage
from dialogue.ports import Answer, Delta, Message, TextDelta, Tool, ToolCall
from dialogue.providers.llm.strict_schema import schema_name, strict_schema
from dialogue.providers.openai_http import bounded_client, translate

log = structlog.get_logger(__name__)

ADAPTATIONS = 5
"""Requests in a row that may be spent on finding out what a server takes."""

SHOWN_ERRORS = 10
"""Findings of the validation that are shown to the model."""

SHOWN_ANSWER = 4000
"""Characters of a wrong answer that are shown to the model again."""


class Structure(IntEnum):
    """How an answer is held to its schema; each is the next resort of the one before."""

    SCHEMA = 0
    """The server follows a JSON Schema."""
    JSON = 1
    """The server guarantees JSON; the schema stands in the prompt."""
    PROMPT = 2
    """Nothing but the prompt."""


@dataclass(frozen=True, slots=True)
class OpenAIConfig:
    """Which server and model.

    Args:
        model: as the server names it.
        api_key: empty for a server that asks for none.
        base_url: up to and including ``/v1``.
        structure: what to try first.
        max_tokens: length of an answer.
        temperature: 0 gives the same answer to the same words; None leaves it to the server.
        timeout: seconds for each step of the connection (`dialogue.resilience` limits the whole).
        longest: bytes of a response, headers not counted.
    """

    model: str
    api_key: str = field(default="", repr=False)
    base_url: str = "https://api.openai.com/v1"
    structure: Structure = Structure.SCHEMA
    max_tokens: int = 1500
    temperature: float | None = 0.0
    timeout: float = 30.0
    longest: int = 262_144


def model_error(code: str, detail: str, *, retryable: bool = False) -> ProviderError:
    """A failure of the language model."""
    return ProviderError(Stage.LANGUAGE_MODEL, code, detail, retryable=retryable)


class _Invalid(Exception):
    """An answer that is not the object asked for. ``findings`` is for the model, never for a log."""

    def __init__(self, text: str, findings: str) -> None:
        super().__init__()
        self.text = text
        self.findings = findings


class OpenAI:
    """A language model behind OpenAI's interface. Belongs to the event loop it is first used in.

    Args:
        config: which server and model.
    """

    name = "openai"
    config_type: ClassVar[type[OpenAIConfig]] = OpenAIConfig

    def __init__(self, config: OpenAIConfig) -> None:
        self._config = config
        self._structure = config.structure
        self._schema_shown = False
        self._limit_name = "max_tokens"
        self._temperature = config.temperature
        self._client = openai.AsyncOpenAI(
            # The client wants a key; servers that ask for none ignore it.
            api_key=config.api_key or "none",
            base_url=config.base_url,
            max_retries=0,
            timeout=config.timeout,
            http_client=bounded_client(config.longest, config.timeout),
        )

    @property
    def model(self) -> str:
        """Name of the model that is asked for."""
        return self._config.model

    async def reply(
        self, messages: Sequence[Message], schema: type[BaseModel] | None, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[Delta]:
        """Yield text as it comes or, with ``schema``, one validated `Answer`; tool calls in either case.

        An answer that is not the object asked for is sent back once with what is wrong with it.

        Raises:
            ProviderError: ``timeout``, ``connection``, ``rate_limited``, ``server_error`` (all retryable),
                ``unauthorised``, ``no_credit``, ``not_found``, ``rejected``, ``refused``, ``too_long``, or
                ``invalid_answer`` where the second answer is wrong too.
        """
        if schema is None:
            async for delta in self._talk(messages, tools):
                yield delta
            return
        try:
            deltas = await self._fill_in(messages, schema, tools)
        except _Invalid as invalid:
            self._schema_shown = True
            log.info("model_answer_repaired", stage=Stage.LANGUAGE_MODEL.value, engine=self.name)
            try:
                deltas = await self._fill_in([*messages, *_repair(invalid)], schema, tools)
            except _Invalid:
                raise model_error("invalid_answer", f"not a {schema.__name__}, twice") from None
        for delta in deltas:
            yield delta

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _fill_in(
        self, messages: Sequence[Message], schema: type[BaseModel], tools: Sequence[Tool]
    ) -> Sequence[Delta]:
        completion = await self._ask(messages, schema, tools, stream=False)
        # The client hands over a body of any other form as it came.
        choices = completion.choices if isinstance(completion, ChatCompletion) else None
        if not choices or choices[0].message is None:
            raise model_error("invalid_answer", "the server's answer is not a chat completion")
        choice = choices[0]
        if choice.message.refusal or choice.finish_reason == "content_filter":
            raise model_error("refused", "the model declined to answer")
        if choice.message.tool_calls:
            return [
                _tool_call(call.id, call.function.name, call.function.arguments, tools)
                for call in choice.message.tool_calls
                if call.type == "function"
            ]
        text = choice.message.content or ""
        try:
            value = _read(text, schema)
        except _Invalid:
            if choice.finish_reason == "length":
                raise model_error("too_long", f"the answer was cut at {self._config.max_tokens} tokens") from None
            raise
        return [Answer(value, text, completion.model or self._config.model)]

    async def _talk(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncIterator[Delta]:
        stream = await self._ask(messages, None, tools, stream=True)
        calls: dict[int, list[str]] = {}
        finished = None
        try:
            async with stream:
                async for chunk in stream:
                    for choice in chunk.choices or ():
                        finished = choice.finish_reason or finished
                        if choice.delta is None:
                            continue
                        if choice.delta.refusal:
                            raise model_error("refused", "the model declined to answer")
                        if choice.delta.content:
                            yield TextDelta(choice.delta.content)
                        for part in choice.delta.tool_calls or ():
                            call = calls.setdefault(part.index, ["", "", ""])
                            call[0] = part.id or call[0]
                            if part.function is not None:
                                call[1] += part.function.name or ""
                                call[2] += part.function.arguments or ""
        except Exception as error:
            # The client's own errors may carry the server's text, which is not for a log.
            raise translate(error, Stage.LANGUAGE_MODEL) from None
        match finished:
            case None:
                raise model_error("connection", "the answer broke off", retryable=True)
            case "content_filter":
                raise model_error("refused", "the model declined to answer")
            case "length":
                raise model_error("too_long", f"the answer was cut at {self._config.max_tokens} tokens")
        for identity, name, arguments in calls.values():
            yield _tool_call(identity, name, arguments, tools)

    async def _ask(
        self, messages: Sequence[Message], schema: type[BaseModel] | None, tools: Sequence[Tool], *, stream: bool
    ) -> Any:
        """Make one request; where the server refuses a parameter, leave that out and ask again."""
        for _ in range(ADAPTATIONS):
            request = self._request(messages, schema, tools)
            try:
                return await self._client.chat.completions.create(**request, stream=stream)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if not self._adapt(error, request):
                    raise translate(error, Stage.LANGUAGE_MODEL) from None
            except Exception as error:
                raise translate(error, Stage.LANGUAGE_MODEL) from None
        raise model_error("rejected", "the server takes none of the known forms of a request")

    def _request(
        self, messages: Sequence[Message], schema: type[BaseModel] | None, tools: Sequence[Tool]
    ) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self._config.model, self._limit_name: self._config.max_tokens}
        if self._temperature is not None:
            request["temperature"] = self._temperature
        if tools:
            request["tools"] = [_tool_schema(tool) for tool in tools]
        instruction = ""
        if schema is not None:
            if self._structure is not Structure.SCHEMA or self._schema_shown:
                instruction = _instruction(schema)
            if self._structure is Structure.SCHEMA:
                described = {"name": schema_name(schema), "strict": True, "schema": strict_schema(schema)}
                request["response_format"] = {"type": "json_schema", "json_schema": described}
            elif self._structure is Structure.JSON:
                request["response_format"] = {"type": "json_object"}
        request["messages"] = _wire(messages, instruction)
        return request

    def _adapt(self, error: openai.APIStatusError, request: Mapping[str, Any]) -> bool:
        """Leave out what the server refuses. Returns whether there was such a thing."""
        complaint = f"{error.body!r} {error.message}".lower()
        param = str(error.param or "").lower()
        if "max_completion_tokens" in complaint and "max_tokens" in request:
            self._limit_name = left_out = "max_completion_tokens"
        elif "temperature" in (param or complaint) and "temperature" in request:
            self._temperature, left_out = None, "temperature"
        elif "response_format" in request and any(
            word in complaint for word in ("response_format", "json_schema", "json schema", "grammar", "json_object")
        ):
            # Another call may have found out the same at the same time: one step from what this request tried.
            tried = Structure.SCHEMA if request["response_format"]["type"] == "json_schema" else Structure.JSON
            self._structure = max(self._structure, Structure(tried + 1))
            left_out = "response_format"
        else:
            return False
        log.warning(
            "server_lacks", stage=Stage.LANGUAGE_MODEL.value, engine=self.name, parameter=left_out,
            structure=self._structure.name.lower(),
        )  # fmt: skip
        return True


def _wire(messages: Sequence[Message], instruction: str) -> list[dict[str, str]]:
    """Messages as the interface has them, with our instruction at the end of the first system message.

    Some servers take one system message only, at the start. A tool's result goes as a user's words, for `Message`
    does not say which call it answers.
    """
    wire = [
        {"role": "user", "content": f"Result of the tool:\n{m.content}"} if m.role == "tool"
        else {"role": m.role, "content": m.content}
        for m in messages
    ]  # fmt: skip
    if not instruction:
        return wire
    if wire and wire[0]["role"] == "system":
        wire[0]["content"] += f"\n\n{instruction}"
    else:
        wire.insert(0, {"role": "system", "content": instruction})
    return wire


def _instruction(schema: type[BaseModel]) -> str:
    # JSON mode is refused by some servers where the word JSON does not occur in the messages.
    described = json.dumps(strict_schema(schema), ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It follows this JSON Schema:\n{described}"


def _repair(invalid: _Invalid) -> tuple[Message, Message]:
    return (
        Message("assistant", invalid.text[:SHOWN_ANSWER] or "(empty)"),
        Message("user", f"This is not the JSON object that was asked for:\n{invalid.findings}\nGive it again, whole."),
    )


def _read(text: str, schema: type[BaseModel]) -> BaseModel:
    """Return the object in a model's answer. A Markdown fence around it is taken off; prose is not."""
    body = text.strip()
    if body.startswith("```") and body.endswith("```"):
        body = body[3:-3].removeprefix("json").strip()
    try:
        return schema.model_validate_json(body, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[:SHOWN_ERRORS]
        findings = "\n".join(f"- {'.'.join(map(str, f['loc'])) or 'answer'}: {f['msg']}" for f in found)
        # The findings repeat what was validated; as a cause they would end in a log.
        raise _Invalid(text, findings) from None


def _tool_schema(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": strict_schema(tool.arguments),
        "strict": True,
    }
    return {"type": "function", "function": function}


def _tool_call(identity: str, name: str, arguments: str, tools: Sequence[Tool]) -> ToolCall:
    """Check a call against the tools that were offered."""
    tool = next((t for t in tools if t.name == name), None)
    if tool is None:
        raise model_error("invalid_answer", "the model calls a tool that was not offered")
    try:
        checked = tool.arguments.model_validate_json(arguments or "{}")
    except ValidationError:
        raise model_error("invalid_answer", f"wrong arguments for the tool {tool.name}") from None
    return ToolCall(identity, name, checked.model_dump(mode="json"))
