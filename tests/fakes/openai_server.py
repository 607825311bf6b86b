"""A server of OpenAI's interface on a loopback port, which can be slow, wrong, broken and rate-limiting."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

Behaviour = Callable[["FakeOpenAI", web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]

MODEL = "fake-1"


def completion(content: str | None, *, finish: str = "stop", **message: Any) -> web.Response:
    """An ordinary answer with this text."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]}
    return web.json_response(body)


def failure(status: int, message: str, *, code: str | None = None, param: str | None = None, **headers: str) -> Any:
    """An error as such servers give it."""
    error = {"message": message, "type": "invalid_request_error", "code": code, "param": param}
    return web.json_response(
        {"error": error}, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def says(content: str | None, **more: Any) -> Behaviour:
    """Answer with this text."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return completion(content, **more)

    return behave


def fails(status: int, message: str = "no", **more: Any) -> Behaviour:
    """Answer with this HTTP error."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return failure(status, message, **more)

    return behave


def lacks_json_schema(then: Behaviour, *, status: int = 400) -> Behaviour:
    """Refuse JSON Schema as DeepSeek does, and JSON mode where the word JSON does not occur."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        wanted = body.get("response_format", {}).get("type")
        if wanted == "json_schema":
            return failure(status, "This response_format type is unavailable now", code="invalid_request_error")
        if wanted == "json_object" and "json" not in json.dumps(body["messages"]).lower():
            return failure(400, "Prompt must contain the word 'json' to use 'response_format' of type 'json_object'")
        return await then(server, request, body)

    return behave


def lacks_every_format(then: Behaviour) -> Behaviour:
    """Refuse any response_format, as an old server does."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "response_format" in body:
            return failure(400, "Unrecognized request argument supplied: response_format")
        return await then(server, request, body)

    return behave


def reasoning_model(then: Behaviour) -> Behaviour:
    """Refuse max_tokens and temperature, as OpenAI's reasoning models do."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "max_tokens" in body:
            text = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            return failure(400, text, code="unsupported_parameter", param="max_tokens")
        if "temperature" in body:
            text = "Unsupported value: 'temperature' does not support 0 with this model."
            return failure(400, text, code="unsupported_value", param="temperature")
        return await then(server, request, body)

    return behave


async def silent(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Take the request and answer nothing for 30 s."""
    await server.wait(30)
    return completion("too late")


async def ten_megabytes(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Answer with 10 MB, counting in ``server.sent`` what was taken."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(160):
        await response.write(b" " * 65_536)
        server.sent += 65_536
    return response


async def half(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Answer half of what was announced, then close."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"id": "c1", "choices": [{"mess')
    assert request.transport is not None
    request.transport.close()
    return response


async def not_json(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Answer with a web page, as a proxy in between does."""
    return web.Response(text="<html>sign in</html>", content_type="text/html")


async def odd_json(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Answer with JSON of another shape."""
    return web.json_response({"choices": None, "unexpected": True})


def streams(*deltas: dict[str, Any], finish: str | None = "stop", pause: float = 0.0) -> Behaviour:
    """Stream these deltas; without a finish the stream breaks off."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for delta, reason in [*((d, None) for d in deltas), *([({}, finish)] if finish else [])]:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
            if pause:
                await server.wait(pause)
        if finish:
            await response.write(b"data: [DONE]\n\n")
        return response

    return behave


def hears(text: str, *, language: str | None = None, **segment: Any) -> Behaviour:
    """Give a transcription in the form that is asked for; ``segment`` holds the figures of its only segment."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if body.get("response_format") != "verbose_json":
            tokens = [{"token": word, "logprob": segment.get("avg_logprob", -0.1)} for word in text.split()]
            return web.json_response({"text": text, **({"logprobs": tokens} if body.get("include[]") else {})})
        figures = {"id": 0, "seek": 0, "start": 0.0, "end": 2.0, "tokens": [1], "temperature": 0.0,
                   "avg_logprob": -0.2, "compression_ratio": 1.1, "no_speech_prob": 0.01, "text": text,
                   **segment}  # fmt: skip
        found = {"task": "transcribe", "language": language or body.get("language", "english"), "duration": 2.0}
        return web.json_response({**found, "text": text, "segments": [figures] if text else []})

    return behave


def knows_only(then: Behaviour, *formats: str) -> Behaviour:
    """Refuse transcriptions in other formats, as simpler servers do."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if body.get("response_format") not in formats or "include[]" in body:
            return failure(400, "response_format is not supported", param="response_format")
        return await then(server, request, body)

    return behave


def speaks(*pieces: bytes, kind: str = "audio/pcm", pause: float = 0.0, announced: int | None = None) -> Behaviour:
    """Send sound piece by piece; where more bytes are announced than come, the connection ends short of them."""

    async def behave(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": kind})
        if announced is not None:
            response.content_length = announced
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            if pause:
                await server.wait(pause)
        if announced is not None:
            assert request.transport is not None
            request.transport.close()
        return response

    return behave


class FakeOpenAI:
    """Serves the behaviours given to `then` one after the other, the last one for ever.

    ``requests`` holds the bodies that arrived (of forms: their fields), ``headers`` their headers.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.sent = 0
        self._behaviours: deque[Behaviour] = deque([says("hello")])
        self._closing = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._serve)
        app.router.add_post("/v1/audio/transcriptions", self._serve)
        app.router.add_post("/v1/audio/speech", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        self.base_url = ""

    def then(self, *behaviours: Behaviour) -> None:
        """Set what the next requests get."""
        self._behaviours = deque(behaviours)

    async def wait(self, seconds: float) -> None:
        """Wait, but no longer than the server lives."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.content_type == "multipart/form-data":
            fields = await request.post()
            body = {
                name: value.file.read() if isinstance(value, web.FileField) else value for name, value in fields.items()
            }
        else:
            body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        behave = self._behaviours.popleft() if len(self._behaviours) > 1 else self._behaviours[0]
        return await behave(self, request, body)
