"""One call of a `SipPhone`: what a person with a phone in the hand can do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dialogue.audio import Audio
from webadmin.operations.sip_message import (
    VERSION,
    SessionDescription,
    SipMessage,
    SipSyntaxError,
    new_branch,
    parse_sdp,
    tag_of,
    uri_of,
)
from webadmin.operations.sip_rtp import CODECS, FRAME_SECONDS, Codec, RtpStream

if TYPE_CHECKING:
    from webadmin.operations.sip_phone import SipPhone


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended.

    Args:
        by: who hung up.
        cause: Q.850 cause the other side gave (16: normal clearing), where it gave one.
    """

    by: Literal["us", "them"]
    cause: int | None = None


def codec_of(offer: SessionDescription, names: Sequence[str]) -> tuple[Codec, int, int | None] | None:
    """Choose a codec: it, the payload types of it and of telephone-events; None where there is none in common."""
    events = next((kind for kind, name in offer.formats.items() if name.startswith("TELEPHONE-EVENT/")), None)
    for name in names:
        for kind, offered in offer.formats.items():
            if offered == CODECS[name].rtp_name:
                return CODECS[name], kind, events
    return None


class SipCall:
    """A call. Made by `SipPhone`.

    Args:
        phone: whose call it is.
        stream: its sound.
        peer: where its requests are sent.
        target: Request-URI of its requests.
        call_id: value of its Call-ID header.
    """

    def __init__(self, phone: SipPhone, stream: RtpStream, peer: tuple[str, int], target: str, call_id: str) -> None:
        self.call_id = call_id
        self.peer, self.target = peer, target
        self.local = self.remote = ""
        self.description = ""
        self.invite: SipMessage | None = None
        self.answered = False
        self.acknowledged = asyncio.Event()
        self.ended = asyncio.Event()
        """Set once the call is over, whoever ended it; `end` says how."""
        self.end: CallEnd | None = None
        self._phone, self._stream = phone, stream
        self._listened = 0

    @property
    def received(self) -> Audio:
        """Everything heard so far, silence included: as long as the call."""
        return self._stream.heard

    @property
    def packets(self) -> int:
        """Sound packets received."""
        return self._stream.packets

    @property
    def arrivals(self) -> Sequence[float]:
        """Loop time at which each sound packet came in."""
        return self._stream.arrivals

    @property
    def voices(self) -> Sequence[float]:
        """The same of those packets that held sound, not silence."""
        return self._stream.voices

    def be_in(self, room: Audio) -> None:
        """Let a sound be heard under all we send, over and over, from now on."""
        self._stream.room = room.at(self.codec.rate).pcm if self.codec else b""

    @property
    def keys(self) -> str:
        """Keys the other side pressed."""
        return self._stream.keys

    @property
    def codec(self) -> Codec | None:
        return self._stream.codec

    async def hear_until_quiet(
        self, quiet_seconds: float = 1.5, longest_seconds: float = 60.0, start_seconds: float = 20.0
    ) -> Audio:
        """Listen until the other side has said something and fallen quiet.

        Args:
            quiet_seconds: silence that counts as quiet.
            longest_seconds: end listening after this, still spoken to or not.
            start_seconds: end listening after this where nothing is said at all.

        Returns:
            What came since listening ended the last time, silence included; empty where nothing was said. The
            call's end ends listening.
        """
        loop = asyncio.get_running_loop()
        began, start = loop.time(), self._listened
        while not self.ended.is_set():
            now, voice = loop.time(), self._stream.last_voice
            spoken = voice > began
            if now - began >= longest_seconds or (not spoken and now - began >= start_seconds):
                break
            if spoken and now - voice >= quiet_seconds:
                break
            await asyncio.sleep(FRAME_SECONDS)
        self._listened = self._stream.position
        if self._stream.last_voice <= began:
            return Audio(b"", self.received.rate)
        return self._stream.heard_from(start)

    async def say(self, audio: Audio) -> None:
        """Speak; returns when the last sound has left, or at once where the call is over."""
        if not self.ended.is_set():
            await self._stream.play(audio)

    async def press(self, keys: str) -> None:
        """Press keys, 0-9 * # (RFC 4733 telephone-events).

        Raises:
            ValueError: not keys, or the other side takes none.
        """
        if not self.ended.is_set():
            await self._stream.press(keys)

    async def hang_up(self) -> None:
        """End the call. Nothing happens where it is over."""
        if self.ended.is_set():
            return
        answered = self.answered
        await self.finish(CallEnd("us"))
        if answered:
            with suppress(Exception):
                await self._phone.request("BYE", self.target, self.peer, self.local, self.remote, self.call_id)

    async def wait_ended(self, seconds: float = 60.0) -> CallEnd:
        """Return how the call ended. Raises TimeoutError where it has not within ``seconds``."""
        async with asyncio.timeout(seconds):
            await self.ended.wait()
        assert self.end is not None
        return self.end

    def take_dialog(self, response: SipMessage) -> None:
        """Learn from a 2xx response where the dialog's requests go (RFC 3261, 12.1.2)."""
        self.remote = response.get("to")
        if contact := response.get("contact"):
            self.target = uri_of(contact)
        self.answered = bool(tag_of(self.remote))

    def take_answer(self, response: SipMessage, codec: Codec) -> None:
        """Take the answer to our INVITE, acknowledge it and start the sound.

        Raises:
            SipSyntaxError: it describes no sound in the codec that was offered.
        """
        self.take_dialog(response)
        self._phone.send(self.acknowledgement(), self.peer)
        self.acknowledged.set()
        try:
            answer = parse_sdp(response.body)
            chosen = codec_of(answer, [codec.name])
            if chosen is None:
                raise SipSyntaxError("the answer has another codec than the offer")
        except SipSyntaxError:
            self._phone.own(self._phone.request("BYE", self.target, self.peer, self.local, self.remote, self.call_id))
            raise
        self._stream.start(answer.address, codec, chosen[1], chosen[2])

    def acknowledgement(self) -> bytes:
        """ACK of a 2xx response: a transaction of its own, with the INVITE's number (RFC 3261, 13.2.2.4)."""
        assert self.invite is not None
        via = self.invite.get("via").replace(self.invite.branch, new_branch())
        headers = [
            ("Via", via),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.invite.get('cseq').split(' ')[0]} ACK"),
        ]
        return SipMessage(f"ACK {self.target} {VERSION}", headers).to_bytes()

    async def finish(self, end: CallEnd) -> None:
        """The call is over: stop the sound and tell whoever waits. The first reason counts."""
        if self.ended.is_set():
            return
        self.end = end
        self._phone.calls.pop(self.call_id, None)
        self.ended.set()
        await self._stream.close()
