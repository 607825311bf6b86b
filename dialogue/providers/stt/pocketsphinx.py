"""PocketSphinx: English speech recognition with the model that is inside the package.

The decoder keeps Python's global interpreter lock for its whole run, so it works in processes of its own: a call
being recognised must not stop the sound of the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar, ParamSpec, TypeVar

import numpy as np
import structlog

from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import ProviderError, Stage
from dialogue.ports import SttCapabilities, SttRequest
from dialogue.providers.workers import WorkerFailure, Workers
from dialogue.turns import Transcript

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

RATE = 16_000
"""Hz the package's acoustic model was trained at."""

SHORTEST = 0.1
"""Seconds below which there is no word to find and the decoder refuses to start."""


QUIETEST = 33
"""Loudness (root mean square of 16-bit samples, -60 dB) that speech on a telephone exceeds in its loudest 0.1 s."""


@dataclass(frozen=True, slots=True)
class PocketSphinxConfig:
    """How PocketSphinx runs.

    Args:
        workers: decoder processes, each with its own model (about 100 MB).
        longest: seconds of an utterance that are recognised; what follows is left out.
        stuck_after: seconds after which a decoder nobody waits for any more is taken for stuck and ended.
    """

    workers: int = 1
    longest: float = 120.0
    stuck_after: float = 60.0


class PocketSphinx:
    """Whole-utterance recogniser for English. Hints are not used: the model's vocabulary is fixed.

    Args:
        config: how it runs.
    """

    name = "pocketsphinx"
    capabilities = SttCapabilities(languages=frozenset({"en"}), rate=RATE)
    config_type: ClassVar[type[PocketSphinxConfig]] = PocketSphinxConfig

    def __init__(self, config: PocketSphinxConfig | None = None) -> None:
        self._config = config or PocketSphinxConfig()
        self._workers = Workers(
            Stage.SPEECH_TO_TEXT, self.name, count=self._config.workers, stuck_after=self._config.stuck_after
        )

    async def start(self) -> None:
        """Start every worker and load its model. Raises ProviderError."""
        await asyncio.gather(*(self._run(_warm) for _ in range(self._config.workers)))

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        """Yield one final transcript.

        Its confidence is the mean (geometric, weighted by duration) of the words' posterior probabilities in the
        decoder's word lattice: 0.6 to 0.95 where the words are right, mostly below 0.4 where they are not or where
        another language is spoken. It ranks, it does not prove. The posterior of the whole utterance is not used: it
        falls towards 0 with length, however clear the words.
        """
        limit = int(self._config.longest * RATE) * SAMPLE_BYTES
        pcm = bytearray()
        async for chunk in chunks:
            if len(pcm) + len(chunk) > limit:
                pcm += chunk[: limit - len(pcm)]
                log.warning("utterance_cut", stage=Stage.SPEECH_TO_TEXT.value, seconds=self._config.longest)
                break
            pcm += chunk
        if len(pcm) < SHORTEST * RATE * SAMPLE_BYTES:
            yield Transcript("", language="en", engine=self.name)
            return
        # A word or two between seconds of silence are taken for others; digital silence alone for a short word.
        sound = Audio(bytes(pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]), RATE).without_silence()
        if not any(sound.pcm):
            yield Transcript("", language="en", engine=self.name)
            return
        text, confidence = await self._run(_decode, sound.pcm)
        yield Transcript(text, language="en", confidence=confidence, engine=self.name)

    async def close(self) -> None:
        """End the workers, whatever they are doing."""
        await self._workers.close()

    async def _run(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        if find_spec("pocketsphinx") is None:
            raise ProviderError(
                Stage.SPEECH_TO_TEXT, "not_installed", "install the Python package pocketsphinx for this engine"
            )
        return await self._workers.run(function, *arguments, **options)


_decoder: Any = None
"""This worker's decoder, in a worker process only."""


def _load() -> Any:
    global _decoder
    if _decoder is None:
        from pocketsphinx import Decoder

        # Digital silence, alone or between words, is "dog" to the decoder, with a posterior of 1; faint noise is not.
        _decoder = Decoder(samprate=RATE, loglevel="FATAL", dither=True, seed=1)
    return _decoder


def _warm() -> None:
    _decode(np.random.default_rng(0).normal(0, 10 * QUIETEST, RATE // 2).astype("<i2").tobytes())


def _decode(pcm: bytes) -> tuple[str, float | None]:
    """Return the words and their confidence (None where there are none)."""
    global _decoder
    if loudest(pcm) < QUIETEST:
        return "", None
    decoder = _load()
    try:
        # The decoder goes on adapting to the channel; a caller must not be heard through the one before.
        decoder.reinit_feat()
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        segments = (
            [] if decoder.hyp() is None else [(s.word, s.prob, s.end_frame - s.start_frame + 1) for s in decoder.seg()]
        )
    except Exception:
        # A decoder that failed in mid-utterance refuses the next one.
        _decoder = None
        with contextlib.suppress(Exception):
            decoder.end_utt()
        raise WorkerFailure("engine_failed", "the decoder did not take the sound", True) from None
    return words_of(segments)


def loudest(pcm: bytes) -> float:
    """Return the root mean square of the loudest 0.1 s of 16-bit PCM, in steps of its scale."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    frames = samples[: len(samples) // (RATE // 10) * (RATE // 10)].reshape(-1, RATE // 10)
    return float(np.sqrt((frames * frames).mean(axis=1)).max(initial=0.0))


def words_of(segments: list[tuple[str, float, int]]) -> tuple[str, float | None]:
    """Turn decoder segments into text and confidence.

    Args:
        segments: word, posterior probability (0 to 1, rounding may exceed it) and duration in frames of 10 ms.
            Silence and noise (``<s>``, ``<sil>``, ``[SPEECH]``, ``++NOISE++``) are left out, and the number of a
            pronunciation (``with(2)``) is cut off.

    Returns:
        The text and its confidence, None where there is no word.
    """
    words = [(w.split("(")[0], p, frames) for w, p, frames in segments if not w.startswith(("<", "[", "+"))]
    if not words:
        return "", None
    total = sum(frames for _, _, frames in words)
    mean = sum(frames * math.log(max(p, 1e-9)) for _, p, frames in words) / total
    return " ".join(word for word, _, _ in words), min(1.0, math.exp(mean))
