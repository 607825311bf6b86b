"""The HTTP side of servers with OpenAI's interface: answers of bounded size, and their errors in our terms."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai

from dialogue.errors import ProviderError, Stage


class BodyTooLong(Exception):
    """A response went on beyond the limit."""


class _LimitedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = 0
        async for chunk in self._inner:
            total += len(chunk)
            if total > self._limit:
                raise BodyTooLong
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def bounded_client(limit: int, timeout: float) -> httpx2.AsyncClient:
    """Return an HTTP client that stops reading any response, an error's included, after ``limit`` bytes.

    Redirects are not followed: what a caller says goes to the configured server only.

    Args:
        limit: bytes.
        timeout: seconds for each connect, read and write.
    """

    async def limit_body(response: httpx2.Response) -> None:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _LimitedStream(response.stream, limit)

    return openai.DefaultAsyncHttpxClient(
        timeout=timeout,
        follow_redirects=False,
        # Compressed bytes would say nothing about the size in memory.
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [limit_body]},
    )


def translate(error: Exception, stage: Stage) -> ProviderError:
    """Return the provider error for whatever the client raised at a stage.

    Of the server's own text only its short error code is taken over: the rest may repeat the key or the caller's words.
    """
    match error:
        case ProviderError():
            return error
        case BodyTooLong():
            return ProviderError(stage, "too_long", "the answer is larger than allowed")
        case openai.APITimeoutError():
            return ProviderError(stage, "timeout", "the server did not answer in time", retryable=True)
        case openai.APIConnectionError() | httpx2.HTTPError() | httpx2.StreamError():
            cause = error.__cause__ or error
            return ProviderError(stage, "connection", f"no whole answer: {type(cause).__name__}", retryable=True)
        case openai.APIStatusError():
            return _translate_status(error, stage)
        case openai.APIError():
            return ProviderError(stage, "server_error", f"the server broke off: {_short_code(error)}", retryable=True)
        case openai.OpenAIError() | ValueError():
            return ProviderError(stage, "invalid_answer", f"not an answer of this interface: {type(error).__name__}")
        case _:
            return ProviderError(stage, "unexpected", type(error).__name__)


def _translate_status(error: openai.APIStatusError, stage: Stage) -> ProviderError:
    status, code = error.status_code, _short_code(error)
    detail = f"HTTP {status}" + (f", {code}" if code else "")
    if code in {"context_length_exceeded", "string_above_max_length"} or status == 413:
        return ProviderError(stage, "too_long", detail)
    if code in {"content_filter", "content_policy_violation"}:
        return ProviderError(stage, "refused", detail)
    match status:
        case 401 | 403:
            return ProviderError(stage, "unauthorised", detail)
        case 402:
            return ProviderError(stage, "no_credit", detail)
        case 404:
            return ProviderError(stage, "not_found", f"{detail}: check the model's name and the base URL")
        case 429 if code == "insufficient_quota":
            return ProviderError(stage, "no_credit", detail)
        case 429:
            return ProviderError(
                stage, "rate_limited", detail, retryable=True, retry_after=retry_after(error.response.headers)
            )
        case 408 | 409 | 425:
            return ProviderError(stage, "server_error", detail, retryable=True)
        case _ if status >= 500:
            return ProviderError(
                stage, "server_error", detail, retryable=True, retry_after=retry_after(error.response.headers)
            )
        case _:
            return ProviderError(stage, "rejected", detail)


def _short_code(error: openai.APIError) -> str:
    code = error.code
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z_]{1,40}", code) else ""


def retry_after(headers: Any) -> float | None:
    """Seconds a server asks to wait (``Retry-After`` as a number or a date, or ``retry-after-ms``), or None."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
            except ValueError:
                continue
        if 0 <= seconds < 86_400:
            return seconds
    return None
