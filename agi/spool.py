"""The folder shared with Asterisk: what it plays, and what it records of an utterance."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from dialogue.errors import ConfigurationError

SLIN_FORMATS = {8000: "sln", 12_000: "sln12", 16_000: "sln16", 24_000: "sln24", 32_000: "sln32", 48_000: "sln48"}
"""Rate in Hz to the file name extension under which Asterisk knows headerless 16-bit PCM of that rate."""

_Result = TypeVar("_Result")
_SAFE_PATH = re.compile(r"/[A-Za-z0-9._/-]+")
_ROOM_BYTES = 8 * 1024 * 1024
_SPEECH_KEY = re.compile(r"[0-9a-f]{8,128}")


_THREADS = ThreadPoolExecutor(4, "agi-files")


async def in_thread(work: Callable[..., _Result], *arguments: object) -> _Result:
    """Run what touches the spool in threads of its own: a busy engine elsewhere must not keep a caller waiting."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work, *arguments)


@dataclass(frozen=True, slots=True)
class Spool:
    """The shared folder under its two names.

    Args:
        local: as this process sees it.
        pbx: as Asterisk sees it.

    Raises:
        ConfigurationError: Asterisk's applications would take the path apart (a comma, a bracket, a space …).
    """

    local: Path
    pbx: PurePosixPath

    def __post_init__(self) -> None:
        if not _SAFE_PATH.fullmatch(str(self.pbx)):
            raise ConfigurationError(
                f"the spool folder {self.pbx} must be absolute and of letters, digits and . _ - only"
            )

    def speech(self, key: str, rate: int) -> Path:
        """File, relative to the folder, that holds a speech. Raises ValueError for a key that is no hex digest."""
        if not _SPEECH_KEY.fullmatch(key):
            raise ValueError("a cache key is a hex digest")
        return Path("speech") / f"{key}.{SLIN_FORMATS[rate]}"


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that no reader ever sees a part of it.

    Args:
        path: where it ends up; its folder is made.
        content: the whole of it.
        mode: who may read it, whatever the umask: Asterisk runs as another user.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(draft, mode)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def open_to_pbx(folder: Path) -> None:
    """Make a folder that Asterisk's group may write to, whatever the umask. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o2770)


def is_full(folder: Path) -> bool:
    """Whether there is no room for an utterance. Raises OSError."""
    return shutil.disk_usage(folder).free < _ROOM_BYTES
