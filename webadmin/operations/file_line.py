"""A line without telephony: the caller's turns come from WAV files, what is said can be kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dialogue.audio import Audio, read_wav
from dialogue.errors import CallerHungUp
from dialogue.ports import Briefing, Line, ListenLimits, Speech, Spoken
from dialogue.turns import Heard, Silence, TransferReason, Utterance


class FileLine(Line):
    """Plays a caller who says one file a turn and hangs up after the last.

    Args:
        files: WAV files, one for each turn of the caller.
        show: called with each line of what happens.
    """

    def __init__(self, files: Sequence[Path], show: Callable[[str], None]) -> None:
        self._turns = [(path.name, read_wav(path)) for path in files]
        self._show = show
        self.heard: list[Audio] = []
        """What the caller heard, speech by speech."""

    async def say(self, speech: Speech) -> Spoken:
        pcm = b"".join([chunk async for chunk in speech.chunks()])
        sound = Audio(pcm, speech.rate)
        self.heard.append(sound)
        self._show(f"assistant: {speech.text}")
        return Spoken(sound.seconds)

    async def listen(self, limits: ListenLimits) -> Heard:
        if not self._turns:
            raise CallerHungUp
        name, audio = self._turns.pop(0)
        self._show(f"caller:    [{name}, {audio.seconds:.1f} s]")
        if not any(audio.pcm):
            return Silence(audio.seconds)
        longest = int(limits.longest * audio.rate) * 2
        return Utterance(Audio(audio.pcm[:longest], audio.rate), name, cut=len(audio.pcm) > longest)

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        self._show(f"→ to a person: {reason.value}")

    async def hang_up(self) -> None:
        self._show("→ the assistant hangs up")
