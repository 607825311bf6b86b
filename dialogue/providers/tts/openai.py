"""Any server with OpenAI's speech (OpenAI, and servers for voices at home), through the official client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import openai

from dialogue.errors import ProviderError, Stage
from dialogue.ports import TtsCapabilities
from dialogue.providers.openai_http import bounded_client, translate
from dialogue.spoken import LANGUAGES

RATE = 24_000
"""Hz of what such servers call pcm."""

CHUNK = 4800
"""Bytes given on at a time: 0.1 s."""

_FILES = (b"RIFF", b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1")
"""How files begin that are no raw sound, which simpler servers send whatever they are asked for."""


@dataclass(frozen=True, slots=True)
class OpenAIConfig:
    """Which server, model and voices.

    Args:
        model: as the server names it.
        voice: for every language that has none of its own.
        voices: ISO 639-1 code to the name of its voice.
        api_key: empty for a server that asks for none.
        base_url: up to and including ``/v1``.
        timeout: seconds for each step of the connection (`dialogue.resilience` limits the whole).
        longest_speech: seconds of sound after which something is wrong.
    """

    model: str = "gpt-4o-mini-tts"
    voice: str = "alloy"
    voices: Mapping[str, str] = field(default_factory=dict)
    api_key: str = field(default="", repr=False)
    base_url: str = "https://api.openai.com/v1"
    timeout: float = 30.0
    longest_speech: float = 600.0


class OpenAI:
    """A voice behind OpenAI's interface, streamed. Belongs to the event loop it is first used in.

    Args:
        config: which server, model and voices.
    """

    name = "openai"
    capabilities = TtsCapabilities(languages=frozenset(LANGUAGES), rate=RATE)
    config_type: ClassVar[type[OpenAIConfig]] = OpenAIConfig

    def __init__(self, config: OpenAIConfig) -> None:
        self._config = config
        self._client = openai.AsyncOpenAI(
            # The client wants a key; servers that ask for none ignore it.
            api_key=config.api_key or "none",
            base_url=config.base_url,
            max_retries=0,
            timeout=config.timeout,
            http_client=bounded_client(int(config.longest_speech * RATE * 2), config.timeout),
        )

    def voice(self, language: str) -> str:
        """Model and voice used for a language."""
        return f"{self._config.model} {self._voice(language)}"

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM at 24,000 Hz as it comes.

        Raises:
            ProviderError: ``timeout``, ``connection``, ``rate_limited``, ``server_error`` (all retryable),
                ``unauthorised``, ``no_credit``, ``not_found``, ``rejected``, ``refused``, ``too_long``, or
                ``invalid_answer`` where the server sends anything but raw sound.
        """
        if not text.strip():
            return
        request = self._client.audio.speech.with_streaming_response.create(
            model=self._config.model, voice=self._voice(language), input=text, response_format="pcm"
        )
        try:
            async with request as response:
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind and not kind.startswith("audio/") and kind != "application/octet-stream":
                    raise _error("invalid_answer", "the server sends no sound")
                first = True
                async for chunk in response.iter_bytes(CHUNK):
                    if first and chunk.startswith(_FILES):
                        raise _error("invalid_answer", "the server sends a file, not raw PCM")
                    first = False
                    yield chunk
        except GeneratorExit:
            raise
        except Exception as error:
            # The client's own errors may carry the server's text, which is not for a log.
            raise translate(error, Stage.TEXT_TO_SPEECH) from None
        if first:
            raise _error("no_audio", "the server made no sound")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _voice(self, language: str) -> str:
        return self._config.voices.get(language, self._config.voice)


def _error(code: str, detail: str) -> ProviderError:
    return ProviderError(Stage.TEXT_TO_SPEECH, code, detail)
