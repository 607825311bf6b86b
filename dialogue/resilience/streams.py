"""What the stages share in handling streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import ProviderError, Stage

T = TypeVar("T")

PIECE = 0.1
"""Seconds of sound that are handed on at a time."""


async def pieces(audio: Audio) -> AsyncIterator[bytes]:
    """Yield a sound in pieces of `PIECE` seconds."""
    size = int(PIECE * audio.rate) * SAMPLE_BYTES
    for start in range(0, len(audio.pcm), size):
        yield audio.pcm[start : start + size]


async def close(stream: object) -> None:
    """Close a stream, so that an engine's processes and connections end with the attempt."""
    end = getattr(stream, "aclose", None)
    if end is not None:
        await end()


@asynccontextmanager
async def ending(stream: AsyncIterator[T]) -> AsyncIterator[None]:
    """Close a stream with the block."""
    try:
        yield
    finally:
        await close(stream)


async def step(stream: AsyncIterator[T], seconds: float, stage: Stage, engine: str) -> T | None:
    """Return a stream's next item, or None at its end.

    Raises:
        ProviderError: nothing came within ``seconds``, or the stream failed in whatever way.
    """
    try:
        async with asyncio.timeout(seconds):
            return await anext(stream, None)
    except TimeoutError:
        raise ProviderError(stage, "timeout", f"{engine}: nothing for {seconds:.3g} s", retryable=True) from None
    except ProviderError:
        raise
    except Exception as error:
        # A fault in an engine's code or package must cost this attempt, not the call.
        raise ProviderError(stage, "unexpected", f"{engine}: {type(error).__name__}") from None
