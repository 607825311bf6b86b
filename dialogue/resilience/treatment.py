"""What is done to a voice's sound on its way to the line: its rate and its loudness."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import soxr

from dialogue.audio import SAMPLE_BYTES
from dialogue.loudness import Leveller
from dialogue.resilience.streams import ending


async def at_rate(stream: AsyncIterator[bytes], rate: int, wanted: int) -> AsyncIterator[bytes]:
    """Yield a stream of PCM at another rate in Hz, whole samples only, nothing empty."""
    resampler = None if rate == wanted else soxr.ResampleStream(rate, wanted, 1, dtype="int16")
    left = b""
    async with ending(stream):
        async for chunk in stream:
            pcm = left + chunk if left else chunk
            whole = len(pcm) - len(pcm) % SAMPLE_BYTES
            pcm, left = pcm[:whole], pcm[whole:]
            if resampler is not None and pcm:
                pcm = resampler.resample_chunk(np.frombuffer(pcm, dtype="<i2")).astype("<i2").tobytes()
            if pcm:
                yield pcm
    if resampler is not None:
        rest = resampler.resample_chunk(np.empty(0, dtype="<i2"), last=True)
        if len(rest):
            yield rest.astype("<i2").tobytes()


async def levelled(stream: AsyncIterator[bytes], leveller: Leveller) -> AsyncIterator[bytes]:
    """Yield a stream of whole samples at the common loudness."""
    async with ending(stream):
        async for chunk in stream:
            if pcm := leveller.feed(chunk):
                yield pcm
    if rest := leveller.end():
        yield rest


def levelled_whole(pcm: bytes, leveller: Leveller) -> bytes:
    whole = pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]
    return leveller.feed(whole) + leveller.end()
