"""Changes what a WebSocket's server sends: sound in pieces of other sizes, and messages that nobody expects."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import cycle

TEXT, BINARY = 0x1, 0x2
SWITCHING = b"HTTP/1.1 101 "


class Frames:
    """Takes a server's bytes, from its answer to the handshake on, and gives those that go on to the client.

    Args:
        sizes: bytes of the pieces that sound is cut into, over and over; empty: as it comes.
        texts: messages that are put between those of the server, one after the other.
        every: sound messages between two of them.

    Attributes:
        sent: sizes of the pieces of sound that went on.
        said: texts that were put between.
    """

    def __init__(self, sizes: Sequence[int] = (), texts: Iterable[str] = (), every: int = 20) -> None:
        self._sizes = cycle(sizes) if sizes else None
        self._size = next(self._sizes) if self._sizes else 0
        self._texts, self._every = iter(texts), every
        self._bytes, self._sound = b"", b""
        self._open = False
        self._count = 0
        self.sent: set[int] = set()
        self.said: list[str] = []

    def __call__(self, data: bytes) -> bytes:
        self._bytes += data
        out = b""
        if not self._open:
            # A channel that is not there yet is answered by another status, on the same connection.
            if not self._bytes.startswith(SWITCHING):
                out, self._bytes = self._bytes, b""
                return out
            head, end, rest = self._bytes.partition(b"\r\n\r\n")
            if not end:
                return b""
            self._open, self._bytes, out = True, rest, head + end
        while frame := self._next():
            out += self._changed(*frame)
        return out

    def _next(self) -> tuple[int, bytes, bytes] | None:
        """Take a whole frame from the bytes (RFC 6455, 5.2; a server masks none): opcode, payload, all of it."""
        have = self._bytes
        if len(have) < 2:
            return None
        length, start = have[1] & 0x7F, 2
        if length >= 126:
            form, start = ("!H", 4) if length == 126 else ("!Q", 10)
            if len(have) < start:
                return None
            (length,) = struct.unpack(form, have[2:start])
        if len(have) < start + length:
            return None
        self._bytes = have[start + length :]
        return have[0] & 0x0F, have[start : start + length], have[: start + length]

    def _changed(self, opcode: int, payload: bytes, whole: bytes) -> bytes:
        if opcode != BINARY:
            return whole
        self._count += 1
        out = b""
        if self._count % self._every == 0 and (text := next(self._texts, None)) is not None:
            out = _frame(TEXT, text.encode())
            self.said.append(text)
        if self._sizes is None:
            return out + whole
        self._sound += payload
        while len(self._sound) >= self._size:
            out += _frame(BINARY, self._sound[: self._size])
            self.sent.add(self._size)
            self._sound = self._sound[self._size :]
            self._size = next(self._sizes)
        return out


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes([size])
    else:
        length = struct.pack("!BH", 126, size) if size < 65_536 else struct.pack("!BQ", 127, size)
    return bytes([0x80 | opcode]) + length + payload
