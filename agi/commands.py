"""AGI's text: commands as Asterisk's parser takes them apart again, and its replies as typed values.

Grammar: Asterisk's `res_agi.c` (`parse_args`, `ast_agi_send`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dialogue.errors import LineError

MAX_LINE_BYTES = 2000
"""Older versions of Asterisk cut a line at 2048 bytes and take the rest for the next command."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_REPLY_PREFIX = "200 result="


@dataclass(frozen=True, slots=True)
class AgiResult:
    """Asterisk's answer to one command.

    Args:
        code: three-digit status.
        result: what stands after ``result=``, possibly empty.
        data: what stands in parentheses after it.
        endpos: sample at which playing or recording ended, where the command tells it.
    """

    code: int
    result: str
    data: str = ""
    endpos: int | None = None

    @property
    def number(self) -> int:
        """``result`` as a number.

        Raises:
            LineError: ``bad_reply``, it is none.
        """
        try:
            return int(self.result)
        except ValueError:
            raise LineError("bad_reply", "the result is not a number") from None


def quote(argument: str) -> str:
    """Return ``argument`` so that Asterisk's parser reads exactly one argument out of it.

    Line breaks and other control characters would end the command, so each run of them becomes a space.
    """
    text = _CONTROL.sub(" ", argument).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def command_line(command: str, *arguments: str | int) -> bytes:
    """Build the line of a command.

    Args:
        command: words of the command, from our own code only.
        arguments: data; each becomes one quoted argument.

    Raises:
        LineError: ``command_too_long``.
    """
    for word in arguments:
        command += f" {word}" if isinstance(word, int) else f" {quote(word)}"
    line = f"{command}\n".encode("utf-8", "replace")
    if len(line) > MAX_LINE_BYTES:
        raise LineError("command_too_long", f"it takes {len(line)} bytes")
    return line


def parse_result(line: str) -> AgiResult:
    """Read a ``200 result=…`` line.

    Data in parentheses may hold parentheses itself, so it reaches to the last one of the line.

    Raises:
        LineError: ``bad_reply``.
    """
    if not line.startswith(_REPLY_PREFIX):
        raise LineError("bad_reply", "the reply is not one of AGI")
    result, _, rest = line[len(_REPLY_PREFIX) :].partition(" ")
    if not rest:
        return AgiResult(200, result)
    data = ""
    if rest[0] == "(":
        end = rest.rfind(")")
        if end < 0:
            raise LineError("bad_reply", "a parenthesis does not close")
        data, rest = rest[1:end], rest[end + 1 :]
    endpos = None
    _, found, tail = rest.partition("endpos=")
    if found:
        digits = tail.split(" ", 1)[0]
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise LineError("bad_reply", "endpos is not a number")
        endpos = int(digits)
    return AgiResult(200, result, data, endpos)


def parse_headers(block: str) -> dict[str, str]:
    """Read the ``agi_name: value`` lines a call begins with.

    Raises:
        LineError: ``bad_header``: a line of another form, or a name twice (a value with a line break in it
            would otherwise stand for a header of its own).
    """
    headers: dict[str, str] = {}
    for line in block.strip("\n").split("\n"):
        name, colon, value = line.partition(":")
        if not colon or not name.startswith("agi_") or name in headers:
            raise LineError("bad_header", "a header line has another form or comes twice")
        headers[name] = value.strip()
    return headers
