"""What passes between caller and assistant: frozen values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dialogue.audio import Audio


@dataclass(frozen=True, slots=True)
class Utterance:
    """The caller spoke.

    Args:
        audio: what was recorded, silence around it included.
        source: name of the file that keeps it, relative to the door's spool; empty where none does.
        cut: the recording ended at its time limit, the caller may have wanted to go on.
    """

    audio: Audio
    source: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """The caller pressed a key: one of ``0123456789*#``."""

    digit: str


@dataclass(frozen=True, slots=True)
class Silence:
    """The caller said nothing for ``seconds``."""

    seconds: float


Heard = Utterance | Key | Silence


@dataclass(frozen=True, slots=True)
class Transcript:
    """Recognised words.

    Args:
        text: the words; empty where nothing was recognised.
        language: ISO 639-1 code, or None where the engine does not tell.
        confidence: 0 to 1, or None where the engine gives none.
        engine: which engine served.
        final: False for a partial result that may still change.
        doubtful: why the words look like the engine's invention; empty where they do not. Such words stand on record
            and count as not understood.
        invented: words the engine gave besides, which look like its invention while the others do not.
    """

    text: str
    language: str | None = None
    confidence: float | None = None
    engine: str = ""
    final: bool = True
    doubtful: tuple[str, ...] = ()
    invented: str = ""

    @property
    def words(self) -> str:
        """The text where it may be relied on; empty where it is doubtful."""
        return "" if self.doubtful else self.text


class NextStep(StrEnum):
    """What the door does after a reply has been spoken."""

    LISTEN = "listen"
    TRANSFER = "transfer"
    CLOSE = "close"


class TransferReason(StrEnum):
    """Why a person takes over. Stands on the call record and in the channel variable."""

    CRITICAL = "critical"
    DANGER = "danger"
    CALLER_ASKED = "caller_asked"
    NOT_UNDERSTOOD = "not_understood"
    SILENCE = "silence"
    NO_ADDRESS = "no_address"
    INVALID_ANSWER = "invalid_answer"
    TURN_LIMIT = "turn_limit"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the assistant says, and what follows.

    Args:
        text: the words to speak.
        language: ISO 639-1 code of the words.
        then: listen again, transfer to a person, or close the call.
        reason: why it transfers; None otherwise.
        purpose: what the sentence is for (``greeting``, ``question``, ``answer``, ``farewell``, ``apology``,
            ``filler``).
        expects: what kind of answer it asks for (``address``), so that the caller is given time for it; empty: any.
        protected: it is spoken to its end, also where the caller begins to speak.
        notice: whole sentences at the beginning of ``text`` that are spoken to their end, also where the caller begins
            to speak (the law wants them heard); what follows them may be cut short.
    """

    text: str
    language: str
    then: NextStep = NextStep.LISTEN
    reason: TransferReason | None = None
    purpose: str = "answer"
    expects: str = ""
    protected: bool = False
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange: what the caller said and what was answered. Number 0 is the greeting.

    Args:
        number: from 0 on.
        heard: what the caller said before the reply; None where nothing.
        reply: what the assistant set out to say.
        spoken: the words the caller heard where that was not the whole reply; None where it was.
    """

    number: int
    heard: Transcript | None
    reply: Reply
    spoken: str | None = None

    @property
    def said(self) -> str:
        """The reply as the caller heard it, for a model's history."""
        return self.reply.text if self.spoken is None else self.spoken


@dataclass(frozen=True, slots=True)
class Assessment:
    """The structured outcome of a conversation so far.

    Args:
        fields: the scenario's answer as JSON-compatible values; None stands for unknown.
        source: ``llm`` (model's answer, checked) or ``rules`` (no model, or the model failed).
        engine: name and model of what served, e.g. ``openai:gpt-4o-mini`` or ``rules``.
        evidence: per field the words of the caller it rests on.
        notes: findings of the checks, e.g. a field raised by the rule layer.
        model_answer: the model's own text before the checks; None without a model.
        prompt_version: version of the prompt files that were used; empty without a model.
    """

    fields: Mapping[str, Any]
    source: str
    engine: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    model_answer: str | None = None
    prompt_version: str = ""
