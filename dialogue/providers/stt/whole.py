"""What recognisers of whole utterances share: collecting, voice detection in front, and doubt about what comes out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import ProviderError, Stage
from dialogue.ports import SttCapabilities, SttRequest
from dialogue.providers.stt.phantoms import Piece, judge
from dialogue.providers.stt.voiced import RATE, Stretch, VoiceFinder
from dialogue.turns import Transcript

log = structlog.get_logger(__name__)

LONGEST = 120.0
"""Seconds of an utterance that are recognised; what follows is left out."""

_CODES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha he hi hr ht hu hy id is it "
    "ja ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn "
    "so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh"
)
LANGUAGES = frozenset(_CODES.split())
"""ISO 639-1 codes of the languages that Whisper's multilingual models know."""

NICE = 5
"""How far the processes of recognisers stand back from the doors and Asterisk: sound goes before words."""

SURE = 2.0
"""How many times likelier another language must be than the expected one: a word or two tells little."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an engine made of one stretch.

    Args:
        text: the words.
        language: ISO 639-1 code they are in, or None where the engine does not tell.
        log_probability: mean natural logarithm of the tokens' probabilities; None where the engine gives none.
        no_speech: probability that nobody spoke, 0 to 1; None likewise.
    """

    text: str
    language: str | None
    log_probability: float | None = None
    no_speech: float | None = None


class WholeUtterances(ABC):
    """A recogniser that takes an utterance whole.

    Sound without voice never reaches the engine: it has an empty transcript at once. What the engine gives is judged
    before it is given on (`dialogue.providers.stt.phantoms`).
    """

    name: str
    capabilities = SttCapabilities(languages=LANGUAGES, rate=RATE)

    def __init__(self) -> None:
        self._finder = VoiceFinder()

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        """Yield one final transcript.

        Its confidence is the geometric mean of the tokens' probabilities. It ranks, it does not prove. Its language is
        None where the engine does not tell.

        Raises:
            ProviderError: as the engine says.
        """
        if request.language is not None and request.language not in self.capabilities.languages:
            raise ProviderError(
                Stage.SPEECH_TO_TEXT, "language_not_supported", f"{self.name} does not know {request.language!r}"
            )
        stretches = await self._finder.find(await self._collect(chunks))
        if not stretches:
            yield Transcript("", request.language, engine=self.name)
            return
        decoded = await self._recognise(stretches, request)
        yield self._transcript(stretches, decoded, request)

    async def start(self) -> None:
        """Load what is needed. Raises ProviderError."""
        await self._finder.start()

    @abstractmethod
    async def close(self) -> None:
        """Let go of processes and connections."""

    @abstractmethod
    async def _recognise(self, stretches: Sequence[Stretch], request: SttRequest) -> list[Decoded]:
        """Return what is said in the stretches, in their order. Raises ProviderError."""

    async def _collect(self, chunks: AsyncIterator[bytes]) -> bytes:
        limit = int(LONGEST * RATE) * SAMPLE_BYTES
        pcm = bytearray()
        async for chunk in chunks:
            pcm += chunk
            if len(pcm) > limit:
                log.warning("utterance_cut", stage=Stage.SPEECH_TO_TEXT.value, engine=self.name, seconds=LONGEST)
                break
        return bytes(pcm[: min(len(pcm), limit) // SAMPLE_BYTES * SAMPLE_BYTES])

    def _transcript(self, stretches: Sequence[Stretch], decoded: Sequence[Decoded], request: SttRequest) -> Transcript:
        joined = len(stretches) != len(decoded)
        whole = sum(stretch.seconds for stretch in stretches)
        pieces = [
            Piece(found.text, whole / len(decoded) if joined else stretches[number].seconds, found.no_speech,
                  found.log_probability)
            for number, found in enumerate(decoded)
        ]  # fmt: skip
        text, invented, doubtful = judge(pieces, request.hints)
        language = next((found.language for found in decoded if found.text.strip()), request.language)
        expected = request.languages if request.language is None else (request.language,)
        if text and expected and language is not None and language not in expected:
            doubtful = (*doubtful, "other_language")
        return Transcript(
            text, language, _confidence(decoded) if text else None, self.name, doubtful=doubtful, invented=invented
        )


def likeliest(probabilities: Sequence[tuple[str, float]], languages: Sequence[str]) -> str:
    """Return the language that is spoken.

    Args:
        probabilities: ISO 639-1 codes with their probabilities.
        languages: the only ones it may be, the expected one first; empty: any.
    """
    found = dict(probabilities)
    if not languages:
        return max(found, key=lambda code: found[code], default="en")
    best = max(languages, key=lambda code: found.get(code, 0.0))
    return best if found.get(best, 0.0) > SURE * found.get(languages[0], 0.0) else languages[0]


def longest_text(seconds: float) -> int:
    """Return how many tokens can be said in a stretch of ``seconds``; more are an engine that goes round in circles.

    Whisper cuts words of other scripts in pieces: quick Kazakh has some 20 tokens a second.
    """
    return min(20 + int(25 * seconds), 220)


def _confidence(decoded: Sequence[Decoded]) -> float | None:
    weights = [(len(found.text), found.log_probability) for found in decoded if found.log_probability is not None]
    total = sum(weight for weight, _ in weights)
    if not total:
        return None
    return min(1.0, math.exp(sum(weight * value for weight, value in weights) / total))
