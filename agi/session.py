"""One FastAGI connection: commands out, typed replies in, over panoramisk's request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from panoramisk.fast_agi import Request

from agi.commands import AgiResult, command_line, parse_result
from dialogue.errors import CallerHungUp, LineError

REPLY_SECONDS = 10.0
"""How long Asterisk may take to answer a command that neither plays nor waits."""

_USAGE_LINES = 200
"""Lines of a usage text (520) that are read past before it counts as garbage."""

_OUT_OF_STEP = frozenset({"timeout", "bad_reply", "reply_too_long"})
"""After these, replies no longer match commands: what follows must not be read as an answer."""

_COMMON = {f"200 result={result}\n".encode(): AgiResult(200, result) for result in ("0", "1")}
"""What most replies are, so that they need no parsing."""

_ERRORS = {"510": "command_unknown", "503": "out_of_memory"}


class AgiSession(Request):  # type: ignore[misc]  # panoramisk has no types
    """What a handler holds of a call.

    Replies come in the order of the commands. After the caller has hung up only commands that Asterisk runs on a
    dead channel still work; all others raise `CallerHungUp`.

    Args:
        app: panoramisk's application.
        headers: the ``agi_…`` headers of the call.
        reader: from Asterisk.
        writer: to Asterisk.
    """

    def __init__(
        self, app: Any, headers: Mapping[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(app, headers, reader, writer)
        self.headers: Mapping[str, str] = headers
        self.hung_up = False
        self.closed = False
        self.call_id = ""
        """UUID of the call, once a route has found it; for the log."""
        self._in = reader
        self._out = writer.transport
        self._clock = asyncio.get_running_loop().time
        self._due: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._released = False

    @property
    def script(self) -> str:
        """What the dialplan asked for after the host, without its query."""
        return self.headers.get("agi_network_script", "").partition("?")[0].strip("/")

    @property
    def query(self) -> dict[str, str]:
        """``?name=value`` pairs behind the script's name."""
        return dict(parse_qsl(self.headers.get("agi_network_script", "").partition("?")[2]))

    def release(self) -> None:
        """Leave the call to the dialplan: nothing more is sent."""
        self._released = True

    def send(self, command: str, *arguments: str | int) -> None:
        """Send a command; its reply is fetched with `reply`.

        Raises:
            CallerHungUp: the connection is closed.
            LineError: ``released``, ``command_too_long``.
        """
        if self._released:
            raise LineError("released", "the call was given back to the dialplan")
        if self.closed or self._out.is_closing():
            raise CallerHungUp
        # Commands are short and each waits for its reply, so there is nothing to drain.
        self._out.write(command_line(command, *arguments))

    async def reply(self, seconds: float = REPLY_SECONDS, *, dead: bool = False) -> AgiResult:
        """Wait for the next reply.

        Args:
            seconds: how long to wait for it.
            dead: take a reply of a channel that was hung up as well.

        Raises:
            CallerHungUp: the caller is gone.
            LineError: ``timeout``, ``bad_reply``, ``reply_too_long``, ``command_unknown``, ``command_syntax``.
        """
        self._due = due = self._clock() + seconds
        if self._alarm is None or self._alarm.when() > due:
            self._set_alarm(due)
        try:
            result: AgiResult = await self._read_result()
        except LineError as error:
            if error.code in _OUT_OF_STEP:
                self.release()
            raise
        finally:
            self._due = None
        if self.hung_up and not dead:
            raise CallerHungUp
        return result

    async def command(
        self, command: str, *arguments: str | int, seconds: float = REPLY_SECONDS, dead: bool = False
    ) -> AgiResult:
        """Send a command and wait for its reply: `send` and `reply`."""
        self.send(command, *arguments)
        return await self.reply(seconds, dead=dead)

    async def send_command(self, command: str) -> AgiResult:
        """Send a line as it is: panoramisk's own name. For commands without data of callers or models."""
        return await self.command(command)

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable, also of a channel that was hung up. Raises CallerHungUp, LineError."""
        await self.command("SET VARIABLE", name, value, dead=True)

    async def get_variable(self, name: str) -> str | None:
        """Return a channel variable, or None where it is not set. Raises CallerHungUp, LineError."""
        found = await self.command("GET VARIABLE", name, dead=True)
        return found.data if found.result == "1" else None

    def close(self) -> None:
        """End the session's own timer. Called by the server."""
        if self._alarm is not None:
            self._alarm.cancel()

    async def _read_result(self) -> AgiResult:
        while True:
            raw = await self._next_line()
            if common := _COMMON.get(raw):
                return common
            line = raw.decode("utf-8", "replace").rstrip()
            if line.startswith("200 "):
                return parse_result(line)
            if line == "HANGUP":
                self.hung_up = True
            elif line.startswith("511"):
                self.hung_up = True
                raise CallerHungUp
            elif line.startswith("520"):
                if line.startswith("520-"):
                    await self._skip_usage()
                raise LineError("command_syntax", "Asterisk refused the command's form")
            elif line[:3] in _ERRORS:
                raise LineError(_ERRORS[line[:3]], "Asterisk did not run the command")
            elif not line.startswith("100"):
                raise LineError("bad_reply", "the reply is not one of AGI")

    async def _skip_usage(self) -> None:
        for _ in range(_USAGE_LINES):
            if (await self._next_line()).startswith(b"520 "):
                return
        raise LineError("bad_reply", "a usage text does not end")

    async def _next_line(self) -> bytes:
        try:
            return await self._in.readuntil()
        except TimeoutError:
            raise LineError("timeout", "Asterisk did not answer in time") from None
        except asyncio.LimitOverrunError:
            raise LineError("reply_too_long") from None
        except (asyncio.IncompleteReadError, OSError):
            self.closed = True
            raise CallerHungUp from None

    def _set_alarm(self, when: float) -> None:
        """Have one timer watch all replies: a timer for each would cost more than reading it."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(when, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._due is None:
            return
        if self._clock() >= self._due:
            self._in.set_exception(TimeoutError())
        else:
            self._set_alarm(self._due)
