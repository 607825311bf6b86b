"""A fake Asterisk at the AGI end of a call: sends headers, answers commands, and misbehaves on request."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

CLOSE = b"\x00close"
"""At the end of an answer: close the connection then."""

MUTE = b"\x00mute"
"""As an answer: say nothing, and go on reading."""

DEAD = b"HANGUP\n511 result=-1 Command Not Permitted on a dead channel or intercept routine\n"
"""As an answer: what Asterisk sends to a command after the caller has hung up."""

BUFFER_BYTES = 32_768
"""What Asterisk collects of a recording before it writes."""

BYTES_PER_SECOND = 96_000
"""16-bit PCM at 48 kHz."""

NOWHERE = Path("/nowhere")

_MONITOR = re.compile(r'EXEC MixMonitor ",r\(([^)]+)\)ni\((\w+)\)"')
_PLAY = re.compile(r'STREAM FILE "([^"]+)" "([^"]*)"')
_SET = re.compile(r'SET VARIABLE "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"')


def header_block(script: str, arguments: Sequence[str] = (), **others: str) -> bytes:
    """The headers Asterisk opens a FastAGI call with, blank line included."""
    values = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_request": f"agi://127.0.0.1/{script}",
        "agi_channel": "PJSIP/anonymous-00000001",
        "agi_language": "en",
        "agi_callerid": "+77010000000",
        "agi_calleridname": "unknown",
        "agi_extension": "102",
        "agi_accountcode": "",
        **others,
        **{f"agi_arg_{number}": text for number, text in enumerate(arguments, 1)},
    }
    return "".join(f"{name}: {value}\n" for name, value in values.items()).encode() + b"\n"


@dataclass
class AgiPeer:
    """One call.

    Args:
        port: of the server on loopback.
        script: name in the AGI URL.
        arguments: ``agi_arg_…``; by default a call id and a language.
        headers: further headers, or other values for the usual ones.
        answers: how to answer commands that begin so, instead of as Asterisk would; lists are used up one by one,
            their last stays.
        utterances: what the caller says each time it is listened to: 16-bit PCM at 48 kHz (empty: nothing), or one
            key as text.
        late: of each utterance, what reaches the disk only when its recording is stopped.
        real_time: write recordings as fast as callers speak, in the pieces Asterisk writes them in.
        spool: the shared folder on this side.
        pbx_spool: the shared folder as commands name it.
        source: address to connect from.
    """

    port: int
    script: str = "try"
    arguments: Sequence[str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, bytes | list[bytes]] = field(default_factory=dict)
    utterances: Sequence[bytes | str] = ()
    late: Sequence[bytes] = ()
    real_time: bool = False
    spool: Path = NOWHERE
    pbx_spool: PurePosixPath = NOWHERE
    source: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.call_id = str(uuid.uuid4())
        if self.arguments is None:
            self.arguments = (self.call_id, "ru")
        self.commands: list[str] = []
        self.variables: dict[str, str] = {}
        self.played: list[str] = []
        self.latencies: list[float] = []
        """Seconds from each of our answers to the server's next command: the server's share."""
        self._heard = 0
        self._recording = NOWHERE
        self._writing: asyncio.Task[None] | None = None

    async def run(self, seconds: float = 20.0) -> AgiPeer:
        """Go through the call until the server closes. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.source, 0))
            try:
                writer.write(header_block(self.script, self.arguments or (), **self.headers))
                await self.converse(reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.close()
        return self

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer commands until the other end closes."""
        answered = 0.0
        while line := await reader.readline():
            now = time.perf_counter()
            if answered:
                self.latencies.append(now - answered)
            command = line.decode().rstrip("\n")
            self.commands.append(command)
            answer = self._override(command) or self._answer(command)
            answered = 0.0
            if answer != MUTE:
                writer.write(answer.removesuffix(CLOSE))
                await writer.drain()
                answered = time.perf_counter()
            if answer.endswith(CLOSE):
                return

    def _override(self, command: str) -> bytes | None:
        for prefix, answer in self.answers.items():
            if command.startswith(prefix):
                if isinstance(answer, list):
                    return answer.pop(0) if len(answer) > 1 else answer[0]
                return answer
        return None

    def _answer(self, command: str) -> bytes:
        if found := _PLAY.fullmatch(command):
            return self._play(found[1], found[2])
        if found := _MONITOR.fullmatch(command):
            return self._record(found[1], found[2])
        if found := _SET.fullmatch(command):
            self.variables[_unquote(found[1])] = _unquote(found[2])
            return b"200 result=1\n"
        if command.startswith("EXEC StopMixMonitor") and self._writing is not None:
            self._writing.cancel()
        if command.startswith("EXEC StopMixMonitor") and 0 < self._heard <= len(self.late):
            with self._recording.open("ab") as file:
                file.write(self.late[self._heard - 1])
        if command.startswith("GET VARIABLE "):
            value = self.variables.get(command.split('"')[1])
            return b"200 result=0\n" if value is None else f"200 result=1 ({value})\n".encode()
        return b"200 result=0\n"

    def _play(self, sound: str, keys: str) -> bytes:
        self.played.append(sound)
        if PurePosixPath(sound).name == "silence":
            said = self._said()
            if isinstance(said, str) and said in keys:
                return f"200 result={ord(said)} endpos=800\n".encode()
            # Asterisk leaves this reply out when the next command ends the playing.
            return MUTE
        files = list(self._local(sound).parent.glob(f"{PurePosixPath(sound).name}.sln*"))
        if not files:
            return b"200 result=-1 endpos=0\n"
        return f"200 result=0 endpos={files[0].stat().st_size // 2}\n".encode()

    def _record(self, target: str, variable: str) -> bytes:
        said = self.utterances[self._heard] if self._heard < len(self.utterances) else b""
        self._heard += 1
        self.variables[variable] = f"0x7f{self._heard:x}"
        self._recording = self._local(target)
        sound = b"" if isinstance(said, str) else said
        self._recording.write_bytes(b"" if self.real_time else sound)
        if self.real_time:
            self._writing = asyncio.create_task(self._write(self._recording, sound))
        return b"200 result=0\n"

    async def _write(self, path: Path, sound: bytes) -> None:
        with path.open("ab", buffering=0) as file:
            for start in range(0, len(sound), BUFFER_BYTES):
                await asyncio.sleep(BUFFER_BYTES / BYTES_PER_SECOND)
                file.write(sound[start : start + BUFFER_BYTES])

    def _said(self) -> bytes | str:
        return self.utterances[self._heard - 1] if 0 < self._heard <= len(self.utterances) else b""

    def _local(self, path: str) -> Path:
        return self.spool / PurePosixPath(path).relative_to(self.pbx_spool)


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
