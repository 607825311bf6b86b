"""What a door and a speech worker write to each other in Redis, and under which keys.

Celery carries the number of a request only. Words and sound lie under a key that goes when it is read, or when the
time for an answer is over by the clock of Redis: neither stays in a queue, a log or a result store.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from dialogue.turns import Transcript

QUEUE = "speech"
BEAT_SECONDS = 0.7
"""Between two signs of life of a worker."""

LOST_MILLISECONDS = 2500
"""After which a worker without a sign of life counts as dead; a caller waits no longer for it."""

REPLIES_KEPT_SECONDS = 60
"""Replies to a door that has ended are deleted after this."""

LONGEST_SECONDS = 120.0
"""The most a request may be given."""

Kind = Literal["stt", "tts"]
M = TypeVar("M", bound="Message")

TRANSCRIPT = TypeAdapter(Transcript)


def request_key(request_id: str) -> str:
    return f"hotline:speech:request:{request_id}"


def replies_key(door_id: str) -> str:
    return f"hotline:speech:replies:{door_id}"


def worker_key(worker_id: str) -> str:
    return f"hotline:speech:worker:{worker_id}"


def serves_key(kind: Kind, engine: str) -> str:
    return f"hotline:speech:serves:{kind}:{engine}"


class Message(BaseModel):
    """A line of JSON and, behind it, sound as it is."""

    model_config = ConfigDict(frozen=True)

    def pack(self, sound: bytes = b"") -> bytes:
        """Return the message with 16-bit mono PCM behind it."""
        return self.model_dump_json(exclude_defaults=True).encode() + b"\n" + sound

    @classmethod
    def unpack(cls: type[M], data: bytes) -> tuple[M, bytes]:
        """Return the message and its sound. Raises pydantic's ValidationError."""
        head, _, sound = data.partition(b"\n")
        return cls.model_validate_json(head), sound


class Request(Message):
    """What a door wants done.

    Args:
        id: of the request.
        door: where the replies go.
        kind: recognise (``stt``: the sound behind it, at the engine's rate) or synthesise (``tts``: `text`).
        engine: which engine.
        seconds: within which the door wants it.
        language: ISO 639-1 code; None: detect.
        hints: words likely to occur.
        languages: those that detection may find; empty: any.
        text: the words to speak.
    """

    id: str
    door: str
    kind: Kind
    engine: str
    seconds: float = Field(gt=0, le=LONGEST_SECONDS)
    language: str | None = None
    hints: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    text: str = ""


class Reply(Message):
    """What a worker says of a request: ``taken`` first, then ``part`` any number of times, then ``done`` or ``failed``.

    Args:
        id: of the request.
        what: which of them. A part of ``tts`` has sound behind it.
        worker: who took it.
        transcript: fields of the final transcript, with ``done`` of ``stt``.
        code, detail, retryable, retry_after: of the failure, as in `ProviderError`.
    """

    id: str
    what: Literal["taken", "part", "done", "failed"]
    worker: str = ""
    transcript: dict[str, object] | None = None
    code: str = ""
    detail: str = ""
    retryable: bool = False
    retry_after: float | None = None
