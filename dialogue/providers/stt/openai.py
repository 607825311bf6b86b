"""Any server with OpenAI's transcriptions (OpenAI, and servers for Whisper at home), through the official client."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import openai
import structlog
from openai.types.audio import Transcription, TranscriptionVerbose

from dialogue.audio import Audio
from dialogue.errors import ProviderError, Stage
from dialogue.ports import SttRequest
from dialogue.providers.openai_http import bounded_client, translate
from dialogue.providers.stt.voiced import RATE, Stretch
from dialogue.providers.stt.whole import Decoded, WholeUtterances

log = structlog.get_logger(__name__)

NAMES = {
    "arabic": "ar", "belarusian": "be", "chinese": "zh", "english": "en", "french": "fr", "german": "de", "hindi": "hi",
    "italian": "it", "japanese": "ja", "kazakh": "kk", "korean": "ko", "polish": "pl", "portuguese": "pt",
    "russian": "ru", "spanish": "es", "tatar": "tt", "turkish": "tr", "ukrainian": "uk", "uzbek": "uz",
}  # fmt: skip
"""Languages as servers spell them out, those that are spoken or mistaken for one another here."""


@dataclass(frozen=True, slots=True)
class OpenAIConfig:
    """Which server and model.

    Args:
        model: as the server names it. Of those named whisper… the server is asked for probabilities of each segment, of
            others for those of each token; a server that knows neither is asked for the text alone.
        api_key: empty for a server that asks for none.
        base_url: up to and including ``/v1``.
        timeout: seconds for each step of the connection (`dialogue.resilience` limits the whole).
        longest: bytes of a response, headers not counted.
    """

    model: str = "whisper-1"
    api_key: str = field(default="", repr=False)
    base_url: str = "https://api.openai.com/v1"
    timeout: float = 30.0
    longest: int = 262_144


class OpenAI(WholeUtterances):
    """A recogniser behind OpenAI's interface. Belongs to the event loop it is first used in.

    Args:
        config: which server and model.
    """

    name = "openai"
    config_type: ClassVar[type[OpenAIConfig]] = OpenAIConfig

    def __init__(self, config: OpenAIConfig) -> None:
        super().__init__()
        self._config = config
        self._plain = False
        self._client = openai.AsyncOpenAI(
            # The client wants a key; servers that ask for none ignore it.
            api_key=config.api_key or "none",
            base_url=config.base_url,
            max_retries=0,
            timeout=config.timeout,
            http_client=bounded_client(config.longest, config.timeout),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _recognise(self, stretches: Sequence[Stretch], request: SttRequest) -> list[Decoded]:
        sound = Audio(b"".join(stretch.pcm for stretch in stretches), RATE).to_wav()
        form: dict[str, Any] = {"model": self._config.model, "file": ("speech.wav", sound, "audio/wav")}
        if request.language is not None:
            form["language"] = request.language
        if request.hints:
            form["prompt"] = ", ".join(request.hints)
        try:
            return _decoded(await self._ask(form), request)
        except Exception as error:
            raise translate(error, Stage.SPEECH_TO_TEXT) from None

    async def _ask(self, form: dict[str, Any]) -> Any:
        if not self._plain:
            more: dict[str, Any] = (
                {"response_format": "verbose_json"}
                if "whisper" in self._config.model
                else {"response_format": "json", "include": ["logprobs"]}
            )
            try:
                return await self._client.audio.transcriptions.create(**form, **more)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                refused = error
            answer = await self._client.audio.transcriptions.create(**form, response_format="json")
            # It was what was asked for besides, not the sound.
            self._plain = True
            log.info("server_gives_text_alone", engine=self.name, status=refused.status_code)
            return answer
        return await self._client.audio.transcriptions.create(**form, response_format="json")


def _decoded(answer: Any, request: SttRequest) -> list[Decoded]:
    match answer:
        case TranscriptionVerbose(segments=[_, *_] as segments):
            language = _code(answer.language) or request.language
            return [
                Decoded(str(one.text or ""), language, _number(one.avg_logprob), _number(one.no_speech_prob))
                for one in segments
            ]
        case TranscriptionVerbose(text=str() as text):
            return [Decoded(text, _code(answer.language) or request.language)]
        case Transcription(text=str() as text, logprobs=tokens):
            values = [value for token in tokens or () if (value := _number(token.logprob)) is not None]
            mean = sum(values) / len(values) if values else None
            return [Decoded(text, request.language, mean)]
        case _:
            raise ProviderError(Stage.SPEECH_TO_TEXT, "invalid_answer", "the server's answer is not a transcription")


def _code(language: object) -> str | None:
    """Return the ISO 639-1 code of a language as servers name it; None where it is none that is known."""
    text = str(language or "").strip().lower()
    return text if len(text) == 2 else NAMES.get(text)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
