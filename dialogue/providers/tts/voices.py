"""Voices that lie on this machine: which there are, and what tells one from another under the same name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dialogue.errors import ProviderError, Stage
from dialogue.sentences import Sentences


@dataclass(frozen=True, slots=True)
class LocalVoice:
    """A voice.

    Args:
        model: path of its file or folder, or a name its program knows.
        speaker: of a model that has several; empty for its first.
    """

    model: str
    speaker: str = ""

    @property
    def identity(self) -> str:
        """What stands in keys of cached sound: another file under the same path is another voice."""
        path = Path(self.model)
        try:
            state = path.stat()
        except OSError:
            return f"{self.model}@{self.speaker}"
        return f"{self.model}@{self.speaker} {state.st_size} {state.st_mtime_ns}"


def voice_for(voices: Mapping[str, LocalVoice], language: str, setting: str) -> LocalVoice:
    """Return the voice of a language. Raises ProviderError where none is set."""
    try:
        return voices[language]
    except KeyError:
        known = ", ".join(sorted(voices)) or "no language"
        raise ProviderError(
            Stage.TEXT_TO_SPEECH, "language_not_supported", f"{setting} has a voice for {known}, not for this one"
        ) from None


def sentences(text: str) -> list[str]:
    """Return the sentences of a text in which anything can be pronounced, so that the first is heard while the next
    are made.
    """
    splitter = Sentences()
    found = [*splitter.feed(text), *filter(None, [splitter.rest()])]
    return [" ".join(s.split()) for s in found if any(c.isalnum() for c in s)]
