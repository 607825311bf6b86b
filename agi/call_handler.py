#!/usr/bin/env python3
"""The AGI door as a classic script, for ``AGI(call_handler.py,intake_102,${CALL_ID},ru)``.

Joins Asterisk's pipes to the FastAGI server, so that no model loads per call. Needs nothing but Python 3.9, and may
be copied into Asterisk's agi-bin. The server's address: ``AGI_SERVER`` (``host:port``) in the environment, else the
first line of ``call_handler.conf`` beside this file, else 127.0.0.1:4573.

Exits with 0 once the server has set the marker variable; with 1 whatever else happened, so that the dialplan takes the
caller to a person.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

DEFAULT_SERVER = "127.0.0.1:4573"
CONNECT_SECONDS = 2.0
HEADER_SECONDS = 5.0
HEADER_BYTES = 16_384
READ_BYTES = 65_536
MARKER = re.compile(rb'^SET VARIABLE "?CALL_OUTCOME\b', re.MULTILINE)
SCENARIO = re.compile(r"[a-z0-9_]{1,64}")
ARGUMENT = re.compile(r"[\x00-\x1f\x7f]+")


class RelayError(Exception):
    """Why the call cannot be handed to the server."""


def server_address() -> tuple[str, int]:
    """Where the server listens. Raises RelayError."""
    configured = os.environ.get("AGI_SERVER", "")
    if not configured:
        with suppress(OSError):
            lines = Path(__file__).resolve().with_name("call_handler.conf").read_text(encoding="utf-8").splitlines()
            configured = lines[0].strip() if lines else ""
    host, _, port = (configured or DEFAULT_SERVER).rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise RelayError("the server's address must be host:port")
    return host.strip("[]"), int(port)


def read_headers() -> bytes:
    """Read Asterisk's headers up to the blank line, without it. Raises RelayError."""
    block = b""
    ends = time.monotonic() + HEADER_SECONDS
    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        while not block.endswith(b"\n\n"):
            left = ends - time.monotonic()
            if left <= 0 or not ready.select(left):
                raise RelayError("Asterisk sent no blank line after its headers")
            # Byte by byte: what follows the blank line belongs to the conversation.
            byte = os.read(0, 1)
            block += byte
            if not byte or len(block) > HEADER_BYTES:
                raise RelayError("Asterisk's headers are cut off or too long")
    return block[:-1]


def network_headers(block: bytes, scenario: str, arguments: list[str]) -> bytes:
    """Turn a script's headers into those a FastAGI server expects: our first argument names the script."""
    kept = [line for line in block.split(b"\n") if line and not line.startswith((b"agi_network", b"agi_arg_"))]
    added = [f"agi_arg_{number}: {ARGUMENT.sub(' ', text)}" for number, text in enumerate(arguments, 1)]
    return (
        b"\n".join(
            [b"agi_network: yes", f"agi_network_script: {scenario}".encode(), *kept]
            + [line.encode("utf-8", "replace") for line in added]
        )
        + b"\n\n"
    )


def send_all(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def relay(server: socket.socket, hung_up: socket.socket) -> bool:
    """Carry lines both ways until either side ends. Returns whether the server set the marker."""
    marked = False
    line = b""
    with selectors.DefaultSelector() as ready:
        for source in (0, server, hung_up):
            ready.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is hung_up:
                    ready.unregister(hung_up)
                    server.sendall(b"HANGUP\n")
                elif key.fileobj is server:
                    data = server.recv(READ_BYTES)
                    if not data:
                        return marked
                    *_, last = parts = (line + data).split(b"\n")
                    marked = marked or any(MARKER.match(part) for part in parts[:-1])
                    line = last[-4096:]
                    send_all(data)
                else:
                    data = os.read(0, READ_BYTES)
                    if not data:
                        return marked
                    server.sendall(data)


def run(arguments: list[str]) -> int:
    """Relay one call; returns the exit status."""
    here, signalled = socket.socketpair()

    def tell(_signal: int, _frame: FrameType | None) -> None:
        with suppress(OSError):
            signalled.send(b"h")

    signalled.setblocking(False)
    signal.signal(signal.SIGHUP, tell)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        if not arguments or not SCENARIO.fullmatch(arguments[0]):
            raise RelayError("the first argument must be the name of a scenario")
        headers = network_headers(read_headers(), arguments[0], arguments[1:])
        with socket.create_connection(server_address(), timeout=CONNECT_SECONDS) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.sendall(headers)
            # A peer that reads nothing for so long is dead; waiting for its commands has no limit, as a call has none.
            server.settimeout(30.0)
            return 0 if relay(server, here) else 1
    except (RelayError, OSError) as error:
        print(f"call_handler: {error}", file=sys.stderr)  # noqa: T201 - Asterisk's console is the log here
        return 1


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
