"""Callers by the hundred whose sound costs little: one thread sends and takes the RTP packets of all.

A caller hears the greeting out, speaks, hears the answer out or cuts in, and so on until told to stop. When packets
came is the kernel's word, not that of a thread that may be late.
"""

from __future__ import annotations

import heapq
import secrets
import select
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from tests.benchmarks.live_sound import FRAME_SECONDS, Packet, voice
from webadmin.operations.sip_rtp import CODECS, Codec, RtpStream, decoder, encoder

FRAME_NS = int(FRAME_SECONDS * 1e9)
SILENCE_BYTE = {"PCMU": 0xFF, "PCMA": 0xD5}
RATE = 8000

TURN_SECONDS = 0.0025
"""Between two looks at all sockets: phones that are looked at for each packet would take what is measured its time."""

QUIET = 0.3
"""Seconds without sound after which the caller takes an answer for finished."""

THINKING = 0.2
"""Seconds a caller takes to reply."""

PATIENCE = 6.0
"""Seconds until a caller who gets no answer speaks again."""

VOICED_LEVEL = 600
"""Sample from which a packet counts as sound, not silence; the prepared ones reach ten times as much."""

_LOOKED_AT = slice(60, 100)
"""Samples of a packet that are looked at: 5 ms in one piece, in which every prepared sound is loud."""

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_HEADER = struct.Struct("!BBHII")


def _levels(name: str) -> bytes:
    """How loud each byte of a codec is: its sample over 128."""
    samples = np.frombuffer(decoder(CODECS[name])(bytes(range(256))), "<i2").astype(int)
    return (np.abs(samples) // 128).clip(0, 255).astype(np.uint8).tobytes()


_LEVELS = {name: _levels(name) for name in SILENCE_BYTE}


class Doing(Enum):
    """What a caller does."""

    HEARING_OUT = "hearing_out"
    SPEAKING = "speaking"
    AWAITING = "awaiting"


@dataclass(slots=True)
class Utterance:
    """What a caller said once.

    Args:
        began: seconds, when its first packet left.
        ended: when its last one did; 0 while it is being said.
        cut_in: it was begun while the assistant spoke.
    """

    began: float
    ended: float = 0.0
    cut_in: bool = False


@dataclass
class Caller:
    """One caller.

    Args:
        identity: number of their voice.
        codec: of their phone: PCMU or PCMA.
        cut_in_every: of so many answers they cut into one; 0: into none.
        cut_in_after: seconds of an answer they hear before they do.
        seconds: how long what they say is.
    """

    identity: int
    codec: Codec
    cut_in_every: int = 3
    cut_in_after: float = 0.6
    seconds: float = 1.2
    packets: list[Packet] = field(default_factory=list)
    said: list[Utterance] = field(default_factory=list)

    def __post_init__(self) -> None:
        pcm = voice(self.identity, self.seconds, RATE)
        payload = encoder(self.codec)(pcm)
        size = int(RATE * FRAME_SECONDS)
        self._frames = [payload[start : start + size] for start in range(0, len(payload) // size * size, size)]
        self._silence = bytes([SILENCE_BYTE[self.codec.name]]) * size
        self._levels = _LEVELS[self.codec.name]
        self._doing = Doing.HEARING_OUT
        self._next_frame = 0
        self._answers = 0
        self._voice_since = self._last_voice = self._since = 0.0
        self.stopping = False

    def frame(self, now: float) -> bytes:
        """What the caller's phone sends now."""
        if self._doing is not Doing.SPEAKING:
            if not self._may_speak(now):
                return self._silence
            self._doing, self._next_frame = Doing.SPEAKING, 0
        frame = self._frames[self._next_frame]
        self._next_frame += 1
        if self._next_frame == len(self._frames):
            self._doing, self._since = Doing.AWAITING, now
            self._last_voice = self._voice_since = 0.0
            self.said[-1].ended = now
        return frame

    def take(self, at: float, sequence: int, payload: bytes) -> None:
        """A packet came in."""
        voiced = max(payload[_LOOKED_AT].translate(self._levels), default=0) * 128 >= VOICED_LEVEL
        self.packets.append(Packet(at, sequence, voiced, payload))
        if not voiced:
            return
        if self._doing is Doing.AWAITING:
            self._doing = Doing.HEARING_OUT
            self._answers += 1
        self._voice_since = self._voice_since or at
        self._last_voice = at

    def _may_speak(self, now: float) -> bool:
        if self.stopping:
            return False
        cut_in = False
        if self._doing is Doing.AWAITING:
            due = now - self._since >= PATIENCE
        elif not self._voice_since:
            due = False
        else:
            cut_in = bool(
                self._answers
                and self.cut_in_every
                and self._answers % self.cut_in_every == 0
                and now - self._last_voice < QUIET
                and now - self._voice_since >= self.cut_in_after
            )
            due = cut_in or now - self._last_voice >= QUIET + THINKING
        if due:
            self.said.append(Utterance(now, cut_in=cut_in))
        return due


class _Line:
    """A caller's RTP session."""

    def __init__(self, caller: Caller, phone: socket.socket, payload_type: int) -> None:
        self.caller, self.socket, self.payload_type = caller, phone, payload_type
        self.sequence, self.timestamp = secrets.randbits(15), secrets.randbits(31)
        self.source = secrets.randbits(32)

    def send(self, now: float) -> None:
        payload = self.caller.frame(now)
        header = _HEADER.pack(0x80, self.payload_type, self.sequence, self.timestamp, self.source)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + len(payload)) & 0xFFFFFFFF
        try:
            self.socket.send(header + payload)
        except OSError:
            # The other side has hung up; SIP says so.
            return

    def receive(self) -> None:
        try:
            data, notes, _, _ = self.socket.recvmsg(2048, 64)
        except OSError:
            return
        if len(data) <= 12 or data[1] & 0x7F != self.payload_type:
            return
        seconds, nanoseconds = _TIMESPEC.unpack_from(notes[0][2])
        self.caller.take(seconds + nanoseconds / 1e9, int.from_bytes(data[2:4]), data[12:])


class Exchange:
    """The thread that carries the packets of all callers. Use it as a context manager."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._lines: dict[int, _Line] = {}
        self._news: deque[tuple[bool, _Line]] = deque()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="rtp", daemon=True)
        self.worst_lateness = 0.0
        """Seconds by which a packet of ours left too late, at most."""

    def __enter__(self) -> Exchange:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join(5)
        self._poll.close()

    def add(self, line: _Line) -> None:
        """Begin to carry a line. From any thread."""
        self._news.append((True, line))

    def remove(self, line: _Line) -> None:
        """Stop carrying it and close its socket. From any thread."""
        self._news.append((False, line))

    def _run(self) -> None:
        due: list[tuple[int, int]] = []
        while not self._stop:
            while self._news:
                self._take(due, *self._news.popleft())
            now = time.monotonic_ns()
            while due and due[0][0] <= now:
                at, number = heapq.heappop(due)
                line = self._lines.get(number)
                if line is None:
                    continue
                line.send(time.time())
                self.worst_lateness = max(self.worst_lateness, (now - at) / 1e9)
                # A clock that was held up goes on from now: a burst would be no phone's.
                heapq.heappush(due, (max(at + FRAME_NS, now - FRAME_NS), number))
            for number, _ in self._poll.poll(0):
                if number in self._lines:
                    self._lines[number].receive()
            time.sleep(TURN_SECONDS)

    def _take(self, due: list[tuple[int, int]], begins: bool, line: _Line) -> None:
        number = line.socket.fileno()
        if begins:
            self._lines[number] = line
            self._poll.register(number, select.EPOLLIN)
            # Phones do not send in step.
            heapq.heappush(due, (time.monotonic_ns() + secrets.randbelow(FRAME_NS), number))
        elif number in self._lines:
            self._poll.unregister(number)
            del self._lines[number]
            line.socket.close()


def stream_type(exchange: Exchange, callers: deque[Caller]) -> type[RtpStream]:
    """What carries a `SipPhone`'s sound by ``exchange``: each call is the next caller's."""

    class CarriedStream(RtpStream):
        _line: _Line | None = None

        async def open(self, host: str) -> tuple[str, int]:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind((host, 0))
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            address: tuple[str, int] = self._socket.getsockname()
            return address

        def start(self, remote: tuple[str, int], codec: Codec, payload_type: int, event_type: int | None) -> None:
            if self._line is None:
                self._socket.connect(remote)
                self._line = _Line(callers.popleft(), self._socket, payload_type)
                exchange.add(self._line)

        async def close(self) -> None:
            if self._line is None:
                self._socket.close()
            else:
                exchange.remove(self._line)

    return CarriedStream
