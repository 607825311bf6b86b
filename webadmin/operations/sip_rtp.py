"""The sound of a call: RTP in and out, 20 ms a packet, on a clock of its own (RFC 3550, 3551, 4733)."""

from __future__ import annotations

import asyncio
import secrets
import struct
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from G722 import G722

from dialogue.audio import SAMPLE_BYTES, Audio

FRAME_SECONDS = 0.02
KEYS = "0123456789*#ABCD"
EVENT_TYPE = 101
"""Payload type we offer for telephone-events."""

KEY_FRAMES = 8
"""Packets a key lasts (160 ms); the last is sent three times (RFC 4733, 2.5.1.4)."""

VOICE_LEVEL = 150.0
"""Root mean square of 16-bit samples from which a packet counts as sound: about -47 dB of full scale."""

LATE_SECONDS = 0.1
"""How far the other side may fall behind the clock before silence takes its place."""

LONGEST_HEARD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Codec:
    """A way to carry sound.

    Args:
        name: as people write it.
        payload_type: number in RTP; a dynamic one is what we offer.
        rtp_name: as SDP writes it.
        rate: samples per second, Hz.
        clock: RTP timestamps per second (8000 for G.722 as well, RFC 3551, 4.5.2).
    """

    name: str
    payload_type: int
    rtp_name: str
    rate: int
    clock: int


CODECS = {
    codec.name: codec
    for codec in (
        Codec("G722", 9, "G722/8000", 16_000, 8_000),
        Codec("L16", 118, "L16/16000", 16_000, 16_000),
        Codec("PCMU", 0, "PCMU/8000", 8_000, 8_000),
        Codec("PCMA", 8, "PCMA/8000", 8_000, 8_000),
    )
}


def _mu_law_levels() -> np.ndarray[Any, Any]:
    """Sample of each mu-law byte (G.711)."""
    code = ~np.arange(256, dtype=np.uint8)
    size = ((((code & 0x0F).astype(np.int32) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -size, size).astype("<i2")


def _a_law_levels() -> np.ndarray[Any, Any]:
    """Sample of each A-law byte (G.711)."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    part = ((code & 0x70) >> 4).astype(np.int32)
    step = (code & 0x0F).astype(np.int32) << 4
    size = np.where(part == 0, step + 8, (step + 0x108) << np.maximum(part - 1, 0))
    return np.where(code & 0x80, size, -size).astype("<i2")


def _nearest(levels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Byte whose sample is nearest, for each of the 65,536 samples from -32768 on."""
    order = np.argsort(levels, kind="stable")
    sorted_levels = levels[order].astype(np.int32)
    borders = (sorted_levels[1:] + sorted_levels[:-1]) // 2
    return order[np.searchsorted(borders, np.arange(-32768, 32768), side="left")].astype(np.uint8)


_LEVELS = {"PCMU": _mu_law_levels(), "PCMA": _a_law_levels()}
_BYTES = {name: _nearest(levels) for name, levels in _LEVELS.items()}


def encoder(codec: Codec) -> Callable[[bytes], bytes]:
    """Return a function from 16-bit mono PCM at the codec's rate to a payload. It remembers what it encoded before."""
    if codec.name == "G722":
        state = G722(16_000, 64_000)
        return lambda pcm: bytes(state.encode(np.frombuffer(pcm, "<i2")))
    if codec.name == "L16":
        return lambda pcm: np.frombuffer(pcm, "<i2").astype(">i2").tobytes()
    table = _BYTES[codec.name]
    return lambda pcm: table[np.frombuffer(pcm, "<i2").astype(np.int32) + 32768].tobytes()


def decoder(codec: Codec) -> Callable[[bytes], bytes]:
    """Return a function from a payload to 16-bit mono PCM at the codec's rate."""
    if codec.name == "G722":
        state = G722(16_000, 64_000)
        return lambda payload: np.asarray(state.decode(payload), dtype="<i2").tobytes()
    if codec.name == "L16":
        return lambda payload: np.frombuffer(payload[: len(payload) // 2 * 2], ">i2").astype("<i2").tobytes()
    levels = _LEVELS[codec.name]
    return lambda payload: levels[np.frombuffer(payload, np.uint8)].tobytes()


def _mixed(frame: bytes, room: bytes, start: int) -> bytes:
    """Add as much of a sound that repeats, from a byte on, as the frame is long."""
    around = room[start : start + len(frame)]
    while len(around) < len(frame):
        around += room[: len(frame) - len(around)]
    total = np.frombuffer(frame, "<i2").astype(np.int32) + np.frombuffer(around, "<i2")
    return np.clip(total, -32768, 32767).astype("<i2").tobytes()


class RtpStream(asyncio.DatagramProtocol):
    """Both directions of a call's sound. Sends silence where there is nothing to say, as a phone does.

    What comes in is laid on a timeline that begins with the stream: where nothing came, there is silence.
    """

    def __init__(self) -> None:
        self.codec: Codec | None = None
        self.packets = 0
        """Sound packets that came in."""
        self.last_voice = 0.0
        """Loop time at which sound, not silence, last came in; 0 before the first."""
        self.arrivals = array("d")
        """Loop time at which each sound packet came in."""
        self.voices = array("d")
        """The same of those packets that held sound, not silence."""
        self.room = b""
        """16-bit mono PCM at the codec's rate that is heard under all we send, over and over; empty: a silent room."""
        self.keys = ""
        """Keys the other side pressed."""
        self._transport: asyncio.DatagramTransport | None = None
        self._clock: asyncio.Task[None] | None = None
        self._heard = bytearray()
        self._began = 0.0
        self._outgoing: deque[bytes | str] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._key_timestamp: int | None = None

    async def open(self, host: str) -> tuple[str, int]:
        """Take a free port and return the address.

        Raises:
            OSError: there is none.
        """
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        address: tuple[str, int] = self._transport.get_extra_info("sockname")
        return address[0], address[1]

    def start(self, remote: tuple[str, int], codec: Codec, payload_type: int, event_type: int | None) -> None:
        """Begin to send and to take what comes.

        Args:
            remote: where the other side takes RTP.
            codec: for both directions.
            payload_type: number the other side knows the codec by.
            event_type: number it knows telephone-events by, or None where it takes none.
        """
        if self._clock is not None:
            return
        self.codec = codec
        self._payload_type, self._event_type = payload_type, event_type
        self._decode = decoder(codec)
        self._began = asyncio.get_running_loop().time()
        self._clock = asyncio.create_task(self._send(remote, codec, encoder(codec)), name="rtp clock")

    async def close(self) -> None:
        """Stop both directions. What was heard stays."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
        self._outgoing.clear()
        self._idle.set()

    @property
    def heard(self) -> Audio:
        """Everything heard so far."""
        return Audio(bytes(self._heard), self.codec.rate if self.codec else 8_000)

    def heard_from(self, position: int) -> Audio:
        """What was heard from a position on, in bytes of the timeline."""
        return Audio(bytes(self._heard[position:]), self.codec.rate if self.codec else 8_000)

    @property
    def position(self) -> int:
        """Present end of the timeline, in bytes."""
        return len(self._heard)

    async def play(self, audio: Audio) -> None:
        """Send sound and return once its last packet has left."""
        if self.codec is None:
            return
        pcm = audio.at(self.codec.rate).pcm
        size = int(self.codec.rate * FRAME_SECONDS) * SAMPLE_BYTES
        for start in range(0, len(pcm), size):
            self._outgoing.append(pcm[start : start + size].ljust(size, b"\0"))
        await self._drained()

    async def press(self, keys: str) -> None:
        """Send keys as telephone-events and return once they have left.

        Raises:
            ValueError: not a key, or the other side takes no telephone-events.
        """
        if self._event_type is None or not keys or set(keys) - set(KEYS):
            raise ValueError("not keys, or the other side takes no telephone-events")
        self._outgoing.extend(keys)
        await self._drained()

    async def _drained(self) -> None:
        if self._outgoing and self._clock is not None and not self._clock.done():
            self._idle.clear()
            await self._idle.wait()

    async def _send(self, remote: tuple[str, int], codec: Codec, encode: Callable[[bytes], bytes]) -> None:
        loop = asyncio.get_running_loop()
        sequence, timestamp, source = secrets.randbits(15), secrets.randbits(31), secrets.randbits(32)
        step = int(codec.clock * FRAME_SECONDS)
        silence = bytes(int(codec.rate * FRAME_SECONDS) * SAMPLE_BYTES)
        key, key_frame, key_timestamp = "", 0, 0
        room_at = 0
        due = loop.time()

        def send(kind: int, stamp: int, payload: bytes, marker: bool = False) -> None:
            nonlocal sequence
            header = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), sequence, stamp & 0xFFFFFFFF, source)
            sequence = (sequence + 1) & 0xFFFF
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(header + payload, remote)

        while True:
            frame: bytes | str = silence
            if not key:
                if self._outgoing:
                    frame = self._outgoing.popleft()
                else:
                    self._idle.set()
            if isinstance(frame, str):
                key, key_frame, key_timestamp = frame, 0, timestamp
            if key and self._event_type is not None:
                key_frame += 1
                last = key_frame >= KEY_FRAMES
                event = struct.pack("!BBH", KEYS.index(key), (0x80 if last else 0) | 10, key_frame * step)
                for _ in range(3 if last else 1):
                    send(self._event_type, key_timestamp, event, marker=key_frame == 1)
                if last:
                    key = ""
            elif isinstance(frame, bytes):
                if self.room:
                    frame = _mixed(frame, self.room, room_at)
                    room_at = (room_at + len(frame)) % len(self.room)
                send(self._payload_type, timestamp, encode(frame))
            timestamp += step
            due += FRAME_SECONDS
            # A clock that was held up goes on from now: a burst would only be dropped.
            due = max(due, loop.time() - 5 * FRAME_SECONDS)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if self.codec is None or len(data) < 12 or data[0] >> 6 != 2:
            return
        start = 12 + 4 * (data[0] & 0x0F)
        if data[0] & 0x10 and len(data) >= start + 4:
            start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
        kind, payload = data[1] & 0x7F, data[start:]
        if kind == self._event_type:
            self._take_key(int.from_bytes(data[4:8]), payload)
        elif kind == self._payload_type and payload:
            self._take_sound(self._decode(payload))

    def _take_sound(self, pcm: bytes) -> None:
        assert self.codec is not None
        now = asyncio.get_running_loop().time()
        self.packets += 1
        samples = np.frombuffer(pcm, "<i2").astype(np.float64)
        self.arrivals.append(now)
        if samples.size and float(np.sqrt(np.mean(samples * samples))) >= VOICE_LEVEL:
            self.last_voice = now
            self.voices.append(now)
        second = self.codec.rate * SAMPLE_BYTES
        missing = now - self._began - len(self._heard) / second
        if missing > LATE_SECONDS:
            self._heard += bytes(int(missing * self.codec.rate) * SAMPLE_BYTES)
        if len(self._heard) < LONGEST_HEARD_SECONDS * second:
            self._heard += pcm

    def _take_key(self, timestamp: int, payload: bytes) -> None:
        if len(payload) >= 4 and payload[0] < len(KEYS) and timestamp != self._key_timestamp:
            self._key_timestamp = timestamp
            self.keys += KEYS[payload[0]]
