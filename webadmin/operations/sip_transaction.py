"""Client transactions: a request, sent until its response is here (RFC 3261, 17.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dialogue.errors import HotlineError
from webadmin.operations.sip_message import SipMessage

T1 = 0.5
"""Seconds until a request is sent again; doubled each time up to `T2` (RFC 3261, 17.1.1.1)."""
T2 = 4.0
TRANSACTION_SECONDS = 64 * T1


class CallFailed(HotlineError):
    """A call or a registration was refused, or nobody answered.

    Args:
        status: the SIP response's Status-Code, e.g. 486; 408 where no answer came.
        reason: its Reason-Phrase.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class ClientTransactions:
    """The requests of a phone that wait for responses.

    Args:
        send: sends a datagram to an address.
    """

    def __init__(self, send: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._send = send
        self._responses: dict[tuple[str, str], asyncio.Queue[SipMessage]] = {}

    def take(self, response: SipMessage) -> bool:
        """Hand a response to who waits for it; False where nobody does."""
        waiting = self._responses.get((response.branch, response.method))
        if waiting is None:
            return False
        waiting.put_nowait(response)
        return True

    async def final_response(self, request: SipMessage, seconds: float) -> SipMessage:
        """Wait for the final response of a request that was sent before. Raises TimeoutError."""
        key = (request.branch, request.method)
        responses = self._responses[key] = asyncio.Queue()
        try:
            async with asyncio.timeout(seconds):
                while (response := await responses.get()).status < 200:
                    pass
                return response
        finally:
            del self._responses[key]

    async def run(self, request: SipMessage, remote: tuple[str, int]) -> SipMessage:
        """Send a request again and again until its final response is here (RFC 3261, 17.1).

        Raises:
            CallFailed: none came within `TRANSACTION_SECONDS`; an INVITE that rings is not limited here.
        """
        key = (request.branch, request.method)
        responses = self._responses[key] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        data, wait, end, provisional = request.to_bytes(), T1, loop.time() + TRANSACTION_SECONDS, False
        try:
            while True:
                if not provisional:
                    self._send(data, remote)
                try:
                    async with asyncio.timeout(T2 if provisional else wait):
                        response = await responses.get()
                except TimeoutError:
                    wait = min(2 * wait, T2)
                    # An INVITE that rings is waited for by whoever placed the call.
                    if loop.time() > end and not (provisional and request.method == "INVITE"):
                        raise CallFailed(408, "no answer") from None
                    continue
                if response.status >= 200:
                    return response
                provisional = True
        finally:
            del self._responses[key]

    def acknowledge_refusal(self, invite: SipMessage, response: SipMessage, remote: tuple[str, int]) -> None:
        """ACK of a non-2xx response belongs to the INVITE's transaction (RFC 3261, 17.1.1.3)."""
        number = invite.get("cseq").split(" ")[0]
        headers = [
            ("Via", invite.get("via")),
            ("Max-Forwards", "70"),
            ("From", invite.get("from")),
            ("To", response.get("to")),
            ("Call-ID", invite.get("call-id")),
            ("CSeq", f"{number} ACK"),
        ]
        self._send(SipMessage(invite.start.replace("INVITE", "ACK", 1), headers).to_bytes(), remote)
