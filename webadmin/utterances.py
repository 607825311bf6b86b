"""Where the live door keeps what callers said, as the turn-by-turn door does: a WAV file each in the spool."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from dialogue.audio import Audio

log = structlog.get_logger(__name__)

_THREADS = ThreadPoolExecutor(2, "utterances")


class UtteranceFolder:
    """Keeps the utterances of one call.

    Args:
        spool: the spool folder.
        call_id: UUID of the call.
    """

    def __init__(self, spool: Path, call_id: str) -> None:
        self._spool = spool
        self._folder = Path("utterances") / call_id
        self._kept = 0

    async def keep(self, audio: Audio) -> str:
        """Write an utterance; return its name in the spool, or an empty one where the disk refuses.

        Sound that cannot be kept is no reason to end a call that can go on without.
        """
        self._kept += 1
        name = self._folder / f"{self._kept}.wav"
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(_THREADS, _write, self._spool / name, audio)
        except OSError as error:
            log.error("utterance_not_kept", stage="line", error=type(error).__name__)
            return ""
        return name.as_posix()


def _write(path: Path, audio: Audio) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(handle, "wb") as file:
        file.write(audio.to_wav())
    draft.replace(path)
