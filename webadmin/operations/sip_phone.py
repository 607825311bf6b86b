"""A SIP phone for the demo, `doctor` and tests: places and takes calls over UDP, speaks and listens.

A user agent of RFC 3261 as far as a phone on a trusted network needs one: INVITE, ACK, BYE, CANCEL, REGISTER, digest
authentication, retransmissions. `docs/decisions/0002-sip-phone.md` says why it is our own.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog

from dialogue.audio import Audio
from webadmin.operations.sip_call import CallEnd, SipCall, codec_of
from webadmin.operations.sip_message import (
    VERSION,
    SipMessage,
    SipSyntaxError,
    authorization,
    build_sdp,
    host_and_port,
    new_branch,
    parse_sdp,
    quoted,
    tag_of,
    uri_of,
)
from webadmin.operations.sip_rtp import CODECS, EVENT_TYPE, RtpStream
from webadmin.operations.sip_transaction import T1, T2, TRANSACTION_SECONDS, CallFailed, ClientTransactions

__all__ = ["Audio", "CallEnd", "CallFailed", "SipCall", "SipPhone"]

log = structlog.get_logger(__name__)

RING_SECONDS = 60.0
REMEMBERED_RESPONSES = 1000
ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, UPDATE"


class SipPhone(asyncio.DatagramProtocol):
    """A phone on one UDP port; any number of calls at once. Use it as an asynchronous context manager.

    Args:
        host: local address for SIP and RTP.
        port: local SIP port; 0 takes a free one.
        user: user part of its own URI, the caller's number as the PBX sees it.
        display_name: name beside it; any text.
        password: for digest authentication, where the PBX asks.
        auto_answer: answer calls that come in, as an operator's phone in a test does.
        codecs: names of `CODECS` it takes for calls that come in, in order of preference.
    """

    stream_type: type[RtpStream] = RtpStream
    """What carries the sound of its calls."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        user: str = "caller",
        display_name: str = "",
        password: str = "",
        auto_answer: bool = False,
        codecs: Sequence[str] = ("G722", "PCMU", "PCMA"),
    ) -> None:
        self.user, self.display_name, self.password = user, display_name, password
        self.auto_answer = auto_answer
        self.codecs = tuple(codecs)
        self.incoming: asyncio.Queue[SipCall] = asyncio.Queue()
        """Calls that came in and were answered."""
        self.calls: dict[str, SipCall] = {}
        self._local = (host, port)
        self._transport: asyncio.DatagramTransport | None = None
        self._transactions = ClientTransactions(self.send)
        self._answered: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._registered: tuple[str, int] | None = None
        self._instance = f"{secrets.token_hex(8)}@{host}"
        self._cseq = secrets.randbelow(10_000)

    async def __aenter__(self) -> SipPhone:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self._local)
        address = self._transport.get_extra_info("sockname")
        self._local = (address[0], address[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(CallFailed, TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.gather(*(call.hang_up() for call in list(self.calls.values())), return_exceptions=True)
                if self._registered is not None:
                    await self.register(f"sip:{self._registered[0]}:{self._registered[1]}", expires=0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for call in list(self.calls.values()):
            await call.finish(CallEnd("us"))
        if self._transport is not None:
            self._transport.close()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of its SIP socket."""
        return self._local

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self._local[0]}:{self._local[1]}>"

    async def call(
        self, uri: str, codec: str = "G722", ring_seconds: float = RING_SECONDS, from_value: str | None = None
    ) -> SipCall:
        """Place a call and return once it is answered.

        Args:
            uri: e.g. ``sip:102@127.0.0.1:5060``.
            codec: a name of `CODECS`.
            ring_seconds: longest wait for an answer.
            from_value: whole value of the From header without its tag, for tests of what a PBX does with it.

        Raises:
            CallFailed: refused, or not answered within ``ring_seconds``.
            SipSyntaxError: the URI is none.
        """
        remote = host_and_port(uri)
        chosen = CODECS[codec]
        stream = self.stream_type()
        media = await stream.open(self._local[0])
        offer = build_sdp(media, {chosen.payload_type: chosen.rtp_name, EVENT_TYPE: "TELEPHONE-EVENT/8000"})
        call = SipCall(self, stream, remote, uri, f"{secrets.token_hex(12)}@{self._local[0]}")
        call.local = f"{from_value or self._own_address()};tag={secrets.token_hex(6)}"
        call.remote = f"<{uri}>"
        self.calls[call.call_id] = call
        try:
            async with asyncio.timeout(ring_seconds):
                answer = await self._invite(call, offer)
            call.take_answer(answer, chosen)
        except BaseException as error:
            await call.finish(CallEnd("us"))
            if isinstance(error, TimeoutError):
                raise CallFailed(408, "not answered") from None
            raise
        return call

    async def register(self, registrar: str, expires: int = 300) -> None:
        """Tell a registrar where this phone is.

        Args:
            registrar: e.g. ``sip:127.0.0.1:5060``.
            expires: seconds the registration holds; 0 ends it.

        Raises:
            CallFailed: refused, or no answer.
        """
        remote = host_and_port(registrar)
        own = f"<sip:{self.user}@{remote[0]}>"
        extra = [("Contact", self.contact), ("Expires", str(expires))]
        tag = f"{own};tag={secrets.token_hex(6)}"
        await self.request("REGISTER", f"sip:{remote[0]}:{remote[1]}", remote, tag, own, self._instance, extra)
        self._registered = remote if expires else None

    async def next_call(self, seconds: float = RING_SECONDS) -> SipCall:
        """Return the next call that comes in and is answered. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            return await self.incoming.get()

    async def request(
        self,
        method: str,
        uri: str,
        remote: tuple[str, int],
        local: str,
        to: str,
        call_id: str,
        extra: Sequence[tuple[str, str]] = (),
    ) -> SipMessage:
        """Send a request other than INVITE and return its 2xx response; a challenge is answered once.

        Raises:
            CallFailed: refused, or no answer within `TRANSACTION_SECONDS`.
        """
        credentials: list[tuple[str, str]] = []
        for attempt in (1, 2):
            headers = [*extra, *credentials]
            response = await self._transactions.run(self._build(method, uri, local, to, call_id, headers), remote)
            if response.status in (401, 407) and self.password and attempt == 1:
                credentials = [self._credentials(response, method, uri)]
                continue
            break
        if not 200 <= response.status < 300:
            raise CallFailed(response.status, response.reason)
        return response

    def _own_address(self) -> str:
        name = f"{quoted(self.display_name)} " if self.display_name else ""
        return f"{name}<sip:{self.user}@{self._local[0]}>"

    def _build(
        self, method: str, uri: str, local: str, to: str, call_id: str, extra: Sequence[tuple[str, str]] = ()
    ) -> SipMessage:
        self._cseq += 1
        via = f"{VERSION}/UDP {self._local[0]}:{self._local[1]};branch={new_branch()};rport"
        return SipMessage(
            f"{method} {uri} {VERSION}",
            [
                ("Via", via),
                ("Max-Forwards", "70"),
                ("From", local),
                ("To", to),
                ("Call-ID", call_id),
                ("CSeq", f"{self._cseq} {method}"),
                ("User-Agent", "Hotline phone"),
                *extra,
            ],
        )

    def _credentials(self, response: SipMessage, method: str, uri: str) -> tuple[str, str]:
        proxy = response.status == 407
        challenge = response.get("proxy-authenticate" if proxy else "www-authenticate")
        name = "Proxy-Authorization" if proxy else "Authorization"
        return name, authorization(challenge, method, uri, self.user, self.password)

    async def _invite(self, call: SipCall, offer: str) -> SipMessage:
        """Send INVITE until it is answered; CANCEL it where the wait is given up."""
        credentials: list[tuple[str, str]] = []
        for _attempt in (1, 2):
            extra = [("Contact", self.contact), ("Allow", ALLOW), ("Content-Type", "application/sdp"), *credentials]
            invite = self._build("INVITE", call.target, call.local, call.remote, call.call_id, extra)
            invite.body = offer
            call.invite = invite
            try:
                response = await self._transactions.run(invite, call.peer)
            except asyncio.CancelledError:
                self._cancel(invite, call)
                raise
            if response.status < 300:
                return response
            self._transactions.acknowledge_refusal(invite, response, call.peer)
            if response.status in (401, 407) and self.password and not credentials:
                credentials = [self._credentials(response, "INVITE", call.target)]
                continue
            break
        raise CallFailed(response.status, response.reason)

    def _cancel(self, invite: SipMessage, call: SipCall) -> None:
        headers = [pair for pair in invite.headers if pair[0] in ("Via", "Max-Forwards", "From", "To", "Call-ID")]
        headers.append(("CSeq", f"{invite.get('cseq').split(' ')[0]} CANCEL"))
        cancel = SipMessage(invite.start.replace("INVITE", "CANCEL", 1), headers)

        async def cancelled() -> None:
            with suppress(CallFailed):
                await self._transactions.run(cancel, call.peer)

        async def until_gone() -> None:
            # The INVITE ends with 487, or was answered in this very moment and is hung up.
            with suppress(TimeoutError, CallFailed):
                response = await self._transactions.final_response(invite, T2)
                if response.status >= 300:
                    self._transactions.acknowledge_refusal(invite, response, call.peer)
                    return
                call.take_dialog(response)
                self.send(call.acknowledgement(), call.peer)
                await self.request("BYE", call.target, call.peer, call.local, call.remote, call.call_id)

        self.own(cancelled())
        self.own(until_gone())

    def send(self, data: bytes, remote: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, remote)

    def own(self, work: Any) -> None:
        """Run a coroutine to its end, at most as long as the phone."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._work_done)

    def _work_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("sip_task_failed", stage="line", error=type(error).__name__)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there yet: the request is sent again."""

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        try:
            message = SipMessage.parse(data)
        except SipSyntaxError:
            return
        if message.is_response:
            if self._transactions.take(message):
                return
            if message.method == "INVITE" and 200 <= message.status < 300:
                call = self.calls.get(message.get("call-id"))
                if call is not None and call.answered:
                    self.send(call.acknowledgement(), call.peer)
            return
        key = (message.branch, message.method)
        if key in self._answered:
            self.send(self._answered[key], addr)
        elif message.method == "ACK":
            if (call := self.calls.get(message.get("call-id"))) is not None:
                call.acknowledged.set()
        else:
            self._take_request(message, addr)

    def _respond(
        self,
        request: SipMessage,
        addr: tuple[str, int],
        status: int,
        reason: str,
        tag: str = "",
        extra: Sequence[tuple[str, str]] = (),
        body: str = "",
    ) -> bytes:
        response = request.response(status, reason, tag or secrets.token_hex(6), extra)
        response.body = body
        data = response.to_bytes()
        self._answered[request.branch, request.method] = data
        while len(self._answered) > REMEMBERED_RESPONSES:
            self._answered.popitem(last=False)
        self.send(data, addr)
        return data

    def _take_request(self, request: SipMessage, addr: tuple[str, int]) -> None:
        call = self.calls.get(request.get("call-id"))
        match request.method:
            case "BYE" if call is not None:
                self._respond(request, addr, 200, "OK")
                self.own(call.finish(CallEnd("them", request.cause)))
            case "INVITE" if call is not None and call.answered:
                self._respond(request, addr, 200, "OK", "", *self._description(call.description))
            case "INVITE" if self.auto_answer and call is None:
                self.own(self._answer(request, addr))
            case "INVITE":
                self._respond(request, addr, 486, "Busy Here")
            case "CANCEL":
                self._respond(request, addr, 200, "OK")
                if call is not None and not call.acknowledged.is_set():
                    self.own(call.finish(CallEnd("them", request.cause)))
            case "OPTIONS" | "NOTIFY" | "UPDATE":
                self._respond(request, addr, 200, "OK", extra=[("Allow", ALLOW)])
            case "BYE":
                self._respond(request, addr, 481, "Call/Transaction Does Not Exist")
            case _:
                self._respond(request, addr, 405, "Method Not Allowed", extra=[("Allow", ALLOW)])

    def _description(self, body: str) -> tuple[list[tuple[str, str]], str]:
        return [("Contact", self.contact), ("Allow", ALLOW), ("Content-Type", "application/sdp")], body

    async def _answer(self, invite: SipMessage, addr: tuple[str, int]) -> None:
        """Take a call: 200 with our description, again until the ACK is here (RFC 3261, 13.3.1.4)."""
        try:
            offer = parse_sdp(invite.body)
        except SipSyntaxError:
            offer = None
        chosen = codec_of(offer, self.codecs) if offer else None
        if offer is None or chosen is None:
            self._respond(invite, addr, 488, "Not Acceptable Here")
            return
        codec, payload_type, event_type = chosen
        stream = self.stream_type()
        media = await stream.open(self._local[0])
        formats = {payload_type: codec.rtp_name}
        if event_type is not None:
            formats[event_type] = "TELEPHONE-EVENT/8000"
        tag = secrets.token_hex(6)
        call = SipCall(self, stream, addr, uri_of(invite.get("contact")), invite.get("call-id"))
        call.local, call.remote = f"{invite.get('to')};tag={tag}", invite.get("from")
        call.description = build_sdp(media, formats)
        call.answered = bool(tag_of(call.local))
        self.calls[call.call_id] = call
        data = self._respond(invite, addr, 200, "OK", tag, *self._description(call.description))
        stream.start(offer.address, codec, payload_type, event_type)
        wait = T1
        while not call.acknowledged.is_set() and not call.ended.is_set() and wait < TRANSACTION_SECONDS:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait, T2)):
                    await call.acknowledged.wait()
                    break
            self.send(data, addr)
            wait *= 2
        if call.acknowledged.is_set() and not call.ended.is_set():
            self.incoming.put_nowait(call)
        elif not call.ended.is_set():
            await call.hang_up()
