"""What becomes of speech that was recognised."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue.errors import CallError
from dialogue.turns import Transcript


@dataclass(frozen=True, slots=True)
class Recognition:
    """Speech that became text.

    Args:
        transcript: the words, empty where nothing was understood.
        seconds: from the first attempt to the words.
        engine: which engine served.
        failures: what went wrong before it did.
    """

    transcript: Transcript
    seconds: float
    engine: str
    failures: tuple[CallError, ...] = ()
