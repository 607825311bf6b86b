"""A caller, engines and a journal for tests of the call loop: scripted, and able to fail at any point."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from dialogue.audio import Audio
from dialogue.errors import CallerHungUp, JournalError, LineError, ProviderError, Stage
from dialogue.events import Event
from dialogue.ports import (
    Answer,
    Briefing,
    ListenLimits,
    Message,
    Speech,
    Spoken,
    SttCapabilities,
    SttRequest,
    TtsCapabilities,
)
from dialogue.turns import Heard, Key, Silence, Transcript, TransferReason, Utterance

RATE = 16000
SPOKEN = Audio(b"\x10\x20" * RATE, RATE)


def says(text: str) -> Utterance:
    """An utterance that `ScriptedRecogniser` understands as ``text``: its source carries the words."""
    return Utterance(Audio(text.encode().ljust(2 * RATE, b"\0"), RATE), source="utterance.wav")


HANG_UP = object()
FAIL = object()


class ScriptedLine:
    """A caller who does, one after another, what ``script`` says: utterances, keys, silences, `HANG_UP`, `FAIL`.

    ``during_speech`` gives, per speech, a key pressed in it or `HANG_UP`.
    """

    def __init__(self, script: Sequence[Any], during_speech: Sequence[Any] = ()) -> None:
        self._script = list(script)
        self._during = list(during_speech)
        self.said: list[str] = []
        self.transferred: TransferReason | None = None
        self.briefing: Briefing | None = None
        self.hung_up = False

    async def say(self, speech: Speech) -> Spoken:
        pcm = b"".join([chunk async for chunk in speech.chunks()])
        self.said.append(speech.text)
        event = self._during.pop(0) if self._during else None
        if event is HANG_UP:
            raise CallerHungUp
        if event is FAIL:
            raise LineError("speech_not_played")
        return Spoken(len(pcm) / 2 / speech.rate, whole=event is None, key=event)

    async def listen(self, limits: ListenLimits) -> Heard:
        event = self._script.pop(0) if self._script else HANG_UP
        if event is HANG_UP:
            raise CallerHungUp
        if event is FAIL:
            raise LineError("recording_not_written")
        if isinstance(event, BaseException):
            raise event
        assert isinstance(event, Utterance | Key | Silence)
        return event

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        self.transferred = reason
        self.briefing = briefing

    async def hang_up(self) -> None:
        self.hung_up = True


class ScriptedStt:
    """Understands what `says` said; text starting with ``?`` is not understood."""

    name = "scripted"
    capabilities = SttCapabilities(frozenset(), RATE)

    def __init__(self, error: ProviderError | None = None) -> None:
        self._error = error

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        pcm = b"".join([chunk async for chunk in chunks])
        if self._error:
            raise self._error
        text = pcm.rstrip(b"\0").decode()
        yield Transcript("" if text.startswith("?") else text, request.language, 0.9, self.name)

    async def close(self) -> None: ...


class ScriptedTts:
    """Speaks a second of sound for any text."""

    name = "scripted"
    capabilities = TtsCapabilities(frozenset({"ru", "kk", "uk", "en"}), RATE)

    def __init__(self, error: ProviderError | None = None) -> None:
        self._error = error

    def voice(self, language: str) -> str:
        return language

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        if self._error:
            raise self._error
        yield SPOKEN.pcm

    async def close(self) -> None: ...


class ScriptedModel:
    """Answers with what ``answer`` makes of the schema, or raises."""

    name = "scripted-model"

    def __init__(self, answer: Callable[[Any], Any] | ProviderError) -> None:
        self._answer = answer
        self.asked: list[Sequence[Message]] = []

    async def reply(self, messages: Sequence[Message], schema: Any, tools: Any = ()) -> AsyncIterator[Answer]:
        self.asked.append(messages)
        if isinstance(self._answer, ProviderError):
            raise self._answer
        value = self._answer(schema)
        yield Answer(value, value.model_dump_json(), "scripted-1")

    async def close(self) -> None: ...


class MemoryJournal:
    """Keeps events in a list; fails from the ``fails_at``-th on."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.events: list[tuple[str, Event]] = []
        self._fails_at = fails_at

    async def record(self, call_id: str, event: Event) -> None:
        if self._fails_at is not None and len(self.events) >= self._fails_at:
            raise JournalError("disk_full")
        self.events.append((call_id, event))

    def of(self, kind: type[Event]) -> list[Any]:
        """The events of one kind."""
        return [event for _, event in self.events if isinstance(event, kind)]


def failing(stage: Stage, code: str = "timeout") -> ProviderError:
    """An engine's error."""
    return ProviderError(stage, code)
