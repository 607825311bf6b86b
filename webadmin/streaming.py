"""Long bodies sent piece by piece, whichever way the server calls Django."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest


def streamed(request: HttpRequest, chunks: Iterator[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
    """Return ``chunks`` in the form that streams under the server which made ``request``.

    Django collects a synchronous iterator into a list before it sends it over ASGI, so that a large export would
    fill the memory. There each step runs in the request's own thread, where its database connection lives.
    """
    return _stepwise(chunks) if isinstance(request, ASGIRequest) else chunks


async def _stepwise(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    step = sync_to_async(next, thread_sensitive=True)
    try:
        while (chunk := await step(chunks, None)) is not None:
            yield chunk
    finally:
        if close := getattr(chunks, "close", None):
            await sync_to_async(close, thread_sensitive=True)()
