"""Whether a caller who makes a sound while the assistant speaks has something to say.

The assistant falls silent at the first voice and keeps the rest of its sentence: a cough or an "mm-hm" lets it go on
where it stopped, anything else is the caller's turn.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

import yaml

from dialogue.errors import ConfigurationError

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_LONGEST_BACKCHANNEL = 3
"""Words of an utterance above which it is never a mere sign of listening."""


class Verdict(Enum):
    """What to do about the caller's sound."""

    WAIT = "wait"
    RESUME = "resume"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class InterruptionPolicy:
    """When a sound is an interruption. Seconds.

    Args:
        sustained: voice that makes it one whatever is said.
        decide_within: after falling silent, when the decision must have been made.
    """

    sustained: float = 0.4
    decide_within: float = 0.5


class Interruption:
    """One sound of the caller while the assistant speaks; made when the assistant has just fallen silent.

    A text that comes only after RESUME and turns out to be words is for whoever asked to act on: it is the caller's
    turn then.
    """

    def __init__(self, policy: InterruptionPolicy | None = None) -> None:
        self._policy = policy or InterruptionPolicy()

    def judge(
        self, *, paused_for: float, voiced_for: float, voiced: bool, text: str | None, language: str, asked: bool
    ) -> Verdict:
        """Decide, or wait for more.

        Args:
            paused_for: seconds since the assistant fell silent.
            voiced_for: seconds of the caller's voice.
            voiced: whether they still speak.
            text: what was recognised; None where that is not known yet.
            language: ISO 639-1 code of the conversation.
            asked: the assistant has just asked something, so that "yes" answers it.
        """
        if voiced_for >= self._policy.sustained:
            return Verdict.DROP
        if not voiced and text is not None:
            return Verdict.RESUME if not text.strip() or is_backchannel(text, language, asked=asked) else Verdict.DROP
        if paused_for >= self._policy.decide_within:
            return Verdict.DROP if voiced else Verdict.RESUME
        return Verdict.WAIT


def is_backchannel(text: str, language: str, *, asked: bool = False) -> bool:
    """Whether words only say that the caller is listening.

    Args:
        text: as recognised; nothing recognised is not a sign of listening.
        language: ISO 639-1 code.
        asked: the assistant has just asked something: what could answer it is an answer then.
    """
    normal = unicodedata.normalize("NFC", text).casefold()
    words = [word.replace("’", "'") for word in _WORD.findall(normal)]
    if not words or len(words) > _LONGEST_BACKCHANNEL:
        return False
    lists = _lists().get(language, {})
    listening, agreeing = lists.get("listening", frozenset()), lists.get("agreeing", frozenset())
    parts = [part for word in words for part in word.split("-")]
    if asked and ("-".join(parts) in agreeing or any(part in agreeing for part in parts)):
        return False
    return all(part in listening or part in agreeing for part in parts)


@cache
def _lists() -> dict[str, dict[str, frozenset[str]]]:
    path = Path(__file__).with_name("backchannels.yaml")
    try:
        return {
            language: {kind: frozenset(str(word) for word in words) for kind, words in kinds.items()}
            for language, kinds in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        }
    except (OSError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}.") from error
