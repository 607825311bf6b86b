"""The journal's files: what a line looks like, who owns a folder, how far it has been read. Knows no Django.

<root>/<instance>/lock             held (flock) as long as the owning process lives
<root>/<instance>/000001.jsonl     one step per line, only ever appended to
<root>/<instance>/position.json    how far the lines are in the database
<root>/rejected.jsonl              lines that no database could take, kept for a person
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

VERSION = 1
SUFFIX = ".jsonl"
READ_BYTES = 1 << 20


class BadLine(ValueError):
    """A whole line that is not a journal entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One journalled step.

    Args:
        call_id: the call it belongs to.
        number: place in its call, from 1, as the writing process counted.
        at: when it was recorded, UTC. No two entries of one process have the same time.
        kind: name of the event, see `dialogue.events.KINDS`.
        data: the event's fields.
    """

    call_id: UUID
    number: int
    at: datetime
    kind: str
    data: Mapping[str, Any]

    def to_line(self) -> bytes:
        """Return the entry as one line of JSON, line feed included."""
        text = json.dumps(
            {
                "v": VERSION,
                "call_id": str(self.call_id),
                "number": self.number,
                "at": self.at.isoformat(timespec="microseconds"),
                "kind": self.kind,
                "data": self.data,
            },
            ensure_ascii=False,
            separators=(",", ":"),
            default=str,
        )
        return text.encode("utf-8", "replace") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """Read a line back.

        Raises:
            BadLine: it is not an entry of a version known here.
        """
        try:
            value = json.loads(line)
            if value["v"] != VERSION:
                raise BadLine(f"journal version {value['v']!r} is not known")
            at = datetime.fromisoformat(value["at"])
            if at.tzinfo is None or not isinstance(value["data"], dict):
                raise BadLine("time without zone, or data that is no object")
            call_id, number = UUID(value["call_id"]), int(value["number"])
            return cls(call_id, number, at.astimezone(UTC), str(value["kind"]), value["data"])
        except BadLine:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise BadLine(f"not a journal entry: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a folder: number of the segment, and bytes from its beginning."""

    segment: int = 1
    offset: int = 0


@dataclass(slots=True)
class Position:
    """How far a folder is in the database, and which of its calls have begun and not ended there."""

    place: Place = Place()
    open_calls: set[UUID] = field(default_factory=set)


class Folder:
    """The folder of one writing process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    def create(cls, root: Path, name: str) -> Folder:
        """Make a new folder and take it. It gets its name once it is taken, so that nobody adopts it in between.

        Raises:
            OSError: it cannot be made, or is there already.
        """
        draft = cls(root / f".{name}")
        draft.path.mkdir(parents=True)
        draft.acquire()
        folder = cls(draft.path.rename(root / name))
        folder._lock, draft._lock = draft._lock, None
        sync_folder(root)
        return folder

    def acquire(self) -> bool:
        """Take the folder, or return False where its owner lives. The kernel lets go when the process dies."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_ino == (self.path / "lock").stat().st_ino:
                self._lock = handle
                return True
        except (BlockingIOError, FileNotFoundError):
            # Its owner lives, or another process has just cleared it away.
            pass
        os.close(handle)
        return False

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def segment(self, number: int) -> Path:
        return self.path / f"{number:06d}{SUFFIX}"

    def segments(self) -> list[int]:
        """Numbers of the segments that are there, oldest first."""
        return sorted(int(file.stem) for file in self.path.glob(f"*{SUFFIX}") if file.stem.isdigit())

    def load_position(self) -> Position:
        """Return the position kept; the beginning where none, or none readable, is. Entries read twice do no harm."""
        try:
            value = json.loads((self.path / "position.json").read_bytes())
            place = Place(int(value["segment"]), int(value["offset"]))
            return Position(place, {UUID(text) for text in value["open_calls"]})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Position()

    def save_position(self, position: Position) -> None:
        """Replace the position kept. Raises OSError."""
        value = {
            "segment": position.place.segment,
            "offset": position.place.offset,
            "open_calls": sorted(map(str, position.open_calls)),
        }
        new = self.path / "position.new"
        new.write_text(json.dumps(value))
        new.replace(self.path / "position.json")

    def read(self, start: Place, end: Place | None = None, *, most: int = 500) -> Chunk:
        """Read whole lines from ``start`` on.

        Args:
            start: where to begin.
            end: where to stop: lines beyond it may not be on disk yet. None reads to the end of a dead owner's
                files; a last line that was never finished is left out.
            most: lines at most.
        """
        lines: list[bytes] = []
        place = start
        for number in self.segments():
            if number < start.segment or (end is not None and number > end.segment):
                continue
            offset = start.offset if number == start.segment else 0
            limit = end.offset if end is not None and number == end.segment else None
            place = Place(number, offset)
            for line in _whole_lines(self.segment(number), offset, limit):
                if len(lines) == most:
                    return Chunk(lines, place)
                lines.append(line)
                place = Place(number, place.offset + len(line))
        return Chunk(lines, place)

    def drop_segments_before(self, number: int) -> None:
        """Delete segments whose every line is in the database. Raises OSError."""
        for old in self.segments():
            if old < number:
                self.segment(old).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder of a dead owner once nothing in it is needed, and let go of it. Raises OSError."""
        for file in self.path.iterdir():
            if file.name != "lock":
                file.unlink()
        (self.path / "lock").unlink(missing_ok=True)
        self.release()
        self.path.rmdir()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines that were read, each with its line feed, and the place behind the last of them."""

    lines: list[bytes]
    end: Place


def folders(root: Path) -> list[Folder]:
    """Folders of every process that ever wrote below ``root`` and is not cleared away."""
    if not root.is_dir():
        return []
    there = sorted(path for path in root.iterdir() if path.name[0] != "." and not path.is_symlink())
    return [Folder(path) for path in there if path.is_dir()]


def keep_rejected(root: Path, lines: Iterable[bytes]) -> None:
    """Append lines that cannot be stored to the file a person looks at, on disk before it returns. Raises OSError."""
    data = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)
    if not data:
        return
    with (root / "rejected.jsonl").open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Put a folder's list of names on disk, so that a file just made survives a power cut. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _whole_lines(path: Path, offset: int, limit: int | None) -> Iterator[bytes]:
    """Yield the finished lines between two offsets, in bytes."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        while limit is None or offset < limit:
            line = file.readline()
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            if limit is not None and offset > limit:
                return
            yield line
