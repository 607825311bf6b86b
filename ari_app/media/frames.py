"""AudioSocket's frames: kind (1 byte), length (2 bytes, big-endian), payload.

Sources: res/res_audiosocket.c and https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/
"""

from __future__ import annotations

import struct

HANG_UP, IDENTITY, DTMF, ERROR = 0x00, 0x01, 0x03, 0xFF
RATES = {
    0x10: 8000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
"""Kind of a frame of sound to its rate in Hz."""
KINDS = {rate: kind for kind, rate in RATES.items()}

_HEADER = struct.Struct("!BH")


def frame(kind: int, payload: bytes = b"") -> bytes:
    """Return a frame as it is sent. ``payload``: 65,535 bytes at most."""
    return _HEADER.pack(kind, len(payload)) + payload


class FrameReader:
    """Takes frames out of a stream of bytes, however it is cut. What waits for its end is less than one frame."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the frames that are complete now: kind and payload."""
        if self._rest:
            data = self._rest + data
        frames = []
        at, size = 0, len(data)
        while size - at >= _HEADER.size:
            kind, length = _HEADER.unpack_from(data, at)
            end = at + _HEADER.size + length
            if end > size:
                break
            frames.append((kind, data[at + _HEADER.size : end]))
            at = end
        self._rest = data[at:]
        return frames
