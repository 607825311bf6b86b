"""Engines that run on a speech worker, as links of a chain before the same engines in the door itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from pydantic import ValidationError

from dialogue.errors import ProviderError, Stage
from dialogue.ports import SpeechToText, SttRequest, TextToSpeech
from dialogue.turns import Transcript
from webadmin.speech.exchange import SpeechExchange
from webadmin.speech.messages import TRANSCRIPT

SUFFIX = "@worker"
"""Behind an engine's name where a worker served; records and metrics show it."""


class RemoteRecogniser:
    """A recogniser on a speech worker.

    Args:
        here: the same engine in this process; its capabilities count.
        exchange: the way to the workers.
        seconds: after which a request is worth nothing.
    """

    def __init__(self, here: SpeechToText, exchange: SpeechExchange, seconds: float) -> None:
        self.name = here.name + SUFFIX
        self.capabilities = replace(here.capabilities, streaming=False)
        self._engine = here.name
        self._exchange = exchange
        self._seconds = seconds

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        """Yield one final transcript. Raises ProviderError."""
        sound = b"".join([chunk async for chunk in chunks])
        asked = self._exchange.ask(
            "stt",
            self._engine,
            self._seconds,
            sound=sound,
            language=request.language,
            hints=request.hints,
            languages=request.languages,
        )
        async with aclosing(asked) as replies:
            async for reply, _ in replies:
                if reply.what == "done":
                    try:
                        found = TRANSCRIPT.validate_python(reply.transcript)
                    except ValidationError:
                        raise ProviderError(
                            Stage.SPEECH_TO_TEXT, "invalid_answer", "the speech worker is of another version"
                        ) from None
                    yield found

    async def close(self) -> None:
        """Nothing of its own is open."""


class RemoteVoice:
    """A voice on a speech worker.

    Args:
        here: the same engine in this process; its capabilities and names of voices count.
        exchange: the way to the workers.
        seconds: after which a request is worth nothing.
    """

    def __init__(self, here: TextToSpeech, exchange: SpeechExchange, seconds: float) -> None:
        self.name = here.name + SUFFIX
        self.capabilities = here.capabilities
        self._here = here
        self._exchange = exchange
        self._seconds = seconds

    def voice(self, language: str) -> str:
        """Name of the voice used for a language."""
        return self._here.voice(language)

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM as the worker makes it. Raises ProviderError."""
        asked = self._exchange.ask("tts", self._here.name, self._seconds, text=text, language=language)
        async with aclosing(asked) as replies:
            async for reply, sound in replies:
                if reply.what == "part" and sound:
                    yield sound

    async def close(self) -> None:
        """Nothing of its own is open."""
