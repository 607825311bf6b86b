"""Another process's journal, as who keeps its records sees it: that process says how far its disk has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from webadmin.calls.segments import Folder, Place

CLOSED = b"closed"
"""Line with which the writing process says that its journal is complete."""


class Growing(Protocol):
    """A journal that is being written."""

    root: Path
    folder: Folder

    @property
    def synced(self) -> Place:
        """The place up to which everything is on disk."""
        ...

    def add_listener(self, listener: Callable[[], None]) -> None: ...
    def remove_listener(self, listener: Callable[[], None]) -> None: ...


def place_line(place: Place) -> bytes:
    """A place as a line."""
    return b"%d %d\n" % (place.segment, place.offset)


class FollowedJournal:
    """The journal of the process that started this one. Implements `Growing`.

    Args:
        root: folder of all journals.
        name: of the other process's folder below it.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.folder = Folder(root / name)
        self._synced = Place(1, 0)
        self._listeners: list[Callable[[], None]] = []

    @property
    def synced(self) -> Place:
        """The place up to which everything is on disk, as far as was said."""
        return self._synced

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` each time more is on disk."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        self._listeners.remove(listener)

    async def follow(self, lines: asyncio.StreamReader) -> bool:
        """Listen to the writing process until it ends; return whether it said that its journal is complete."""
        # A line without its end was being written when the process died.
        while (raw := await lines.readline()).endswith(b"\n"):
            line = raw.strip()
            if line == CLOSED:
                return True
            segment, _, offset = line.partition(b" ")
            self._synced = Place(int(segment), int(offset))
            for listener in tuple(self._listeners):
                listener()
        return False
