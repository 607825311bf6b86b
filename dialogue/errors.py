"""Errors of a call, typed: each says at which stage it arose and whether another attempt can help."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialogue.turns import Utterance


class Stage(StrEnum):
    """The part of a call in which something happens or fails."""

    LINE = "line"
    SPEECH_TO_TEXT = "speech_to_text"
    LANGUAGE_MODEL = "language_model"
    TEXT_TO_SPEECH = "text_to_speech"
    VOICE_ACTIVITY = "voice_activity"
    SCENARIO = "scenario"
    JOURNAL = "journal"


class HotlineError(Exception):
    """Base of every error this project raises on purpose."""


class CallError(HotlineError):
    """Something failed in a call.

    Args:
        stage: where it failed.
        code: short machine-readable reason, e.g. ``timeout`` or ``rate_limited``.
        detail: one sentence for the log. Never what a caller or a model said, never a phone number.
        retryable: whether the same attempt may succeed if made again.
    """

    def __init__(self, stage: Stage, code: str, detail: str = "", *, retryable: bool = False) -> None:
        super().__init__(f"{stage}: {code}" + (f": {detail}" if detail else ""))
        self.stage = stage
        self.code = code
        self.detail = detail
        self.retryable = retryable


class ProviderError(CallError):
    """An engine (speech-to-text, language model, text-to-speech, voice activity) failed.

    Args:
        retry_after: seconds the engine asks to be left alone, where it says so.
    """

    def __init__(
        self, stage: Stage, code: str, detail: str = "", *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(stage, code, detail, retryable=retryable)
        self.retry_after = retry_after


class LineError(CallError):
    """The telephone line failed: the door can neither speak to nor hear the caller any more."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(Stage.LINE, code, detail)


class JournalError(CallError):
    """A step could not be written to disk, so the call must not go on without a person."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(Stage.JOURNAL, code, detail)


class CallerHungUp(HotlineError):
    """The caller is gone. Not a failure: every wait on a line may end this way.

    Args:
        utterance: what the caller said before the line went dead, where a recording of it remains.
    """

    def __init__(self, utterance: Utterance | None = None) -> None:
        super().__init__("the caller hung up")
        self.utterance = utterance


class ConfigurationError(HotlineError):
    """A setting is wrong. Its text is one sentence that says which one and what to put there."""
