"""A connection to Asterisk's Manager Interface: what the watchdog needs of it, with a time limit on every answer.

panoramisk reads and writes the protocol. Its `Manager` is left out: it reconnects for ever without telling a wrong
password from an Asterisk that is away, and sends actions of a lost connection again on the next one, where a redirect
of long ago must not be made.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from panoramisk.ami_protocol import AMIProtocol

from dialogue.errors import HotlineError

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 2.0
# Asterisk holds back its "no" for a second.
LOGIN_SECONDS = 4.0
_LINE = re.compile(r"[^\r\n\x00]*")


class AmiError(HotlineError):
    """An action was refused. Its text is Asterisk's reason."""


class AmiUnavailable(AmiError):
    """Asterisk does not answer on AMI, or the connection is lost."""


class AmiRefused(AmiError):
    """User or password is wrong, or the user lacks a right. Trying again does not help; the text says what to do."""


@dataclass(frozen=True, slots=True)
class AmiAddress:
    """Where AMI is served and who we are there (``manager.conf``)."""

    host: str = "127.0.0.1"
    port: int = 5038
    user: str = "hotline"
    password: str = field(default="", repr=False)


class _Peer:
    """What panoramisk's protocol expects of its manager: nothing is kept for a later connection."""

    forgetable_actions: tuple[str, ...] = ()
    save_stream = None

    def __init__(self) -> None:
        self.awaiting_actions: list[Any] = []
        self.lost = asyncio.Event()

    def connection_lost(self, _reason: object) -> None:
        self.lost.set()

    def dispatch(self, _event: object) -> None:
        """Events are switched off at the login; those that come all the same are nobody's."""


class AmiConnection:
    """An open, authenticated connection. Made by `connect`."""

    def __init__(self, protocol: Any, peer: _Peer) -> None:
        self._protocol, self._peer = protocol, peer

    async def action(self, name: str, seconds: float = ANSWER_SECONDS, **headers: str) -> Mapping[str, Any]:
        """Send an action and return its response.

        Args:
            name: e.g. ``Getvar``.
            seconds: longest wait.
            headers: further headers.

        Raises:
            AmiError: refused.
            AmiUnavailable: no answer in time, or the connection is lost.
            ValueError: a header has a line break, which would begin another header.
        """
        response = await self._send(name, headers, seconds, as_list=False)
        if isinstance(response, list):
            response = response[0]
        if not response.success:
            raise AmiError(f"AMI refuses {name}: {response.message or 'without a reason'}")
        answer: Mapping[str, Any] = response
        return answer

    async def listing(self, name: str, **headers: str) -> list[Mapping[str, Any]]:
        """Send an action that answers with a list of events, and return them. Raises as `action`."""
        responses = await self._send(name, headers, ANSWER_SECONDS, as_list=None)
        if not isinstance(responses, list):
            raise AmiError(f"AMI refuses {name}: {responses.message or 'without a reason'}")
        return [entry for entry in responses[1:] if entry.get("Event") == name]

    async def get_variable(self, name: str) -> str:
        """A global variable; empty where there is none. Raises as `action`."""
        value = (await self.action("Getvar", Variable=name)).get("Value", "")
        return value if isinstance(value, str) else ""

    async def set_variable(self, name: str, value: str) -> None:
        """Set a global variable. Raises as `action`."""
        await self.action("Setvar", Variable=name, Value=value)

    async def channels(self, variables: Sequence[str]) -> list[Mapping[str, Any]]:
        """Every channel, with the values of ``variables``, each as ``Variable`` (NAME=value). Raises as `action`."""
        return await self.listing("Status", Variables=",".join(variables))

    async def redirect(self, channel: str, context: str, extension: str, priority: str = "1") -> None:
        """Send a channel, which may be in a bridge, elsewhere in the dialplan. Raises as `action`."""
        await self.action("Redirect", Channel=channel, Context=context, Exten=extension, Priority=priority)

    async def _send(self, name: str, headers: Mapping[str, str], seconds: float, *, as_list: bool | None) -> Any:
        for value in (name, *headers.values()):
            if not _LINE.fullmatch(value):
                raise ValueError(f"a header of {name} has a line break")
        if self._peer.lost.is_set():
            raise AmiUnavailable("AMI: the connection is lost")
        answer = self._protocol.send({"Action": name, **headers}, as_list=as_list)
        lost = asyncio.ensure_future(self._peer.lost.wait())
        try:
            await asyncio.wait((answer, lost), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()
        if not answer.done():
            raise AmiUnavailable(
                "AMI: the connection is lost" if self._peer.lost.is_set() else f"AMI: no answer within {seconds:g} s"
            )
        return answer.result()


@asynccontextmanager
async def connect(address: AmiAddress) -> AsyncIterator[AmiConnection]:
    """Connect and log in; the password itself does not go over the wire.

    Raises:
        AmiRefused: user or password is wrong.
        AmiUnavailable: nothing that answers as AMI does.
    """
    peer = _Peer()
    where = f"{address.host}:{address.port}"
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, protocol = await asyncio.get_running_loop().create_connection(AMIProtocol, address.host, address.port)
    except (OSError, TimeoutError) as error:
        raise AmiUnavailable(f"AMI does not answer on {where}: {error or 'no answer in time'}") from None
    protocol.factory, protocol.encoding = peer, "utf-8"
    connection = AmiConnection(protocol, peer)
    try:
        await _log_in(connection, address)
        yield connection
    finally:
        protocol.close()


async def _log_in(connection: AmiConnection, address: AmiAddress) -> None:
    refusal = f"AMI at {address.host}:{address.port} refuses the user {address.user!r}"
    try:
        challenge = (await connection.action("Challenge", AuthType="MD5")).get("Challenge", "")
        # The digest is AMI's, not ours to choose; it keeps the password off the wire.
        key = hashlib.md5(f"{challenge}{address.password}".encode(), usedforsecurity=False).hexdigest()
        await connection.action("Login", LOGIN_SECONDS, AuthType="MD5", Username=address.user, Key=key, Events="off")
    except AmiUnavailable:
        raise
    except AmiError:
        raise AmiRefused(
            f"{refusal}: correct AMI_USER and AMI_PASSWORD, or the user's section and permit in manager.conf."
        ) from None
