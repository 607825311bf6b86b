"""SIP messages, their session descriptions and digest authentication, as far as a phone needs them.

RFC 3261 (messages), RFC 8866 and 3264 (SDP offer and answer), RFC 7616 (digest).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

VERSION = "SIP/2.0"
LARGEST = 65_535

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "c": "content-type",
    "l": "content-length",
    "k": "supported",
}
_PARAMETER = re.compile(r'([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;]+)')
_TAG = re.compile(r";\s*tag\s*=\s*([^;\s]+)")
_URI = re.compile(r"<([^>]*)>")


class SipSyntaxError(ValueError):
    """The bytes are no SIP message."""


@dataclass(slots=True)
class SipMessage:
    """A request or a response.

    Args:
        start: the Request-Line or Status-Line.
        headers: names and values in their order.
        body: the session description, or empty.
    """

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> SipMessage:
        """Read a datagram.

        Raises:
            SipSyntaxError: it is no SIP message.
        """
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        if VERSION not in start:
            raise SipSyntaxError("no SIP start line")
        headers: list[tuple[str, str]] = []
        for line in lines:
            if line[:1] in " \t" and headers:
                headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
                continue
            name, colon, value = line.partition(":")
            if not colon:
                raise SipSyntaxError("a header without a colon")
            headers.append((name.strip(), value.strip()))
        message = cls(start, headers, body)
        for needed in ("via", "from", "to", "call-id", "cseq"):
            if not message.get(needed):
                raise SipSyntaxError(f"no {needed}")
        return message

    def to_bytes(self) -> bytes:
        """The datagram.

        Raises:
            SipSyntaxError: a line break stands inside a line.
        """
        body = self.body.encode()
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(body)}"]
        if any("\r" in line or "\n" in line for line in lines):
            raise SipSyntaxError("a line break inside a line")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def get(self, name: str) -> str:
        """First value of a header, or an empty text."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if _COMPACT.get(key.lower(), key.lower()) == name]

    @property
    def is_response(self) -> bool:
        return self.start.startswith(VERSION)

    @property
    def status(self) -> int:
        """Status-Code of a response; 0 where it makes no sense."""
        word = self.start.split(" ", 2)[1] if " " in self.start else ""
        return int(word) if self.is_response and word.isdecimal() else 0

    @property
    def reason(self) -> str:
        """Reason-Phrase of a response."""
        return self.start.split(" ", 2)[2] if self.start.count(" ") >= 2 else ""

    @property
    def method(self) -> str:
        """Method of a request, or of the request a response answers."""
        return self.get("cseq").rpartition(" ")[2] if self.is_response else self.start.split(" ", 1)[0]

    @property
    def branch(self) -> str:
        """Branch of the topmost Via: names the transaction."""
        found = re.search(r"branch\s*=\s*([^;,\s]+)", self.get("via"))
        return found[1] if found else ""

    @property
    def cause(self) -> int | None:
        """Q.850 cause of a Reason header (RFC 3326), where there is one."""
        found = re.search(r"Q\.850\s*;\s*cause\s*=\s*(\d{1,3})", self.get("reason"), re.IGNORECASE)
        return int(found[1]) if found else None

    def response(self, status: int, reason: str, to_tag: str = "", extra: Sequence[tuple[str, str]] = ()) -> SipMessage:
        """Answer this request (RFC 3261, 8.2.6.2)."""
        copied = [(name, value) for name in ("Via", "Record-Route") for value in self.all(name.lower())]
        to = self.get("to")
        if to_tag and not tag_of(to):
            to = f"{to};tag={to_tag}"
        copied += [
            ("From", self.get("from")),
            ("To", to),
            ("Call-ID", self.get("call-id")),
            ("CSeq", self.get("cseq")),
            *extra,
        ]
        return SipMessage(f"{VERSION} {status} {reason}", copied)


def tag_of(value: str) -> str:
    """Tag of a From or To value, or an empty text."""
    found = _TAG.search(value.rpartition(">")[2] if ">" in value else value)
    return found[1] if found else ""


def uri_of(value: str) -> str:
    """URI of a From, To or Contact value."""
    found = _URI.search(value)
    return found[1] if found else value.split(";", 1)[0].strip()


def host_and_port(uri: str) -> tuple[str, int]:
    """Where a ``sip:`` URI points: numeric host and port (5060 where it names none).

    Raises:
        SipSyntaxError: it is no ``sip:`` URI.
    """
    found = re.fullmatch(r"sip:(?:[^@]*@)?([A-Za-z0-9.-]+)(?::(\d{1,5}))?(?:[;?].*)?", uri)
    if not found:
        raise SipSyntaxError("not a sip: URI with a host: sip:102@127.0.0.1:5060")
    return ("127.0.0.1" if found[1] == "localhost" else found[1]), int(found[2] or 5060)


def quoted(text: str) -> str:
    """``text`` as a quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def new_branch() -> str:
    return "z9hG4bK" + secrets.token_hex(12)


def authorization(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """Value of the Authorization header that answers a challenge (RFC 7616).

    Raises:
        SipSyntaxError: it asks for an algorithm other than MD5 and SHA-256.
    """
    given = {name.lower(): value.strip('"') for name, value in _PARAMETER.findall(challenge)}
    algorithm = given.get("algorithm", "MD5")
    digests = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
    if algorithm.upper() not in digests:
        raise SipSyntaxError("an unknown digest algorithm")

    def digest(*parts: str) -> str:
        return digests[algorithm.upper()](":".join(parts).encode(), usedforsecurity=False).hexdigest()

    realm, nonce = given.get("realm", ""), given.get("nonce", "")
    secret, request = digest(user, realm, password), digest(method, uri)
    fields = {"username": quoted(user), "realm": quoted(realm), "nonce": quoted(nonce), "uri": quoted(uri)}
    if "auth" in given.get("qop", "").split(","):
        count, client = "00000001", secrets.token_hex(8)
        answer = digest(secret, nonce, count, client, "auth", request)
        fields |= {"qop": "auth", "nc": count, "cnonce": quoted(client)}
    else:
        answer = digest(secret, nonce, request)
    fields |= {"response": quoted(answer), "algorithm": algorithm}
    if "opaque" in given:
        fields["opaque"] = quoted(given["opaque"])
    return "Digest " + ", ".join(f"{name}={value}" for name, value in fields.items())


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """The audio part of an SDP body.

    Args:
        address: host and port that take RTP.
        formats: payload types in order of preference, with ``NAME/rate`` in capitals.
    """

    address: tuple[str, int]
    formats: Mapping[int, str]


_STATIC_FORMATS = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}


def parse_sdp(body: str) -> SessionDescription:
    """Read the first audio stream.

    Raises:
        SipSyntaxError: there is none.
    """
    host, port, names = "", 0, {}
    types: list[int] = []
    for line in body.splitlines():
        if line.startswith("c=IN IP4 "):
            host = line[9:].split("/", 1)[0].strip()
        elif line.startswith("m=") and types:
            break
        elif found := re.fullmatch(r"m=audio (\d{1,5}) RTP/AVP((?: \d{1,3})+)\s*", line):
            port, types = int(found[1]), [int(word) for word in found[2].split()]
        elif found := re.match(r"a=rtpmap:(\d{1,3}) ([\w.-]+/\d+)", line):
            names[int(found[1])] = found[2].upper()
    if not host or not port or not types:
        raise SipSyntaxError("no audio stream in the session description")
    known = {**_STATIC_FORMATS, **names}
    return SessionDescription((host, port), {kind: known.get(kind, "") for kind in types})


def build_sdp(address: tuple[str, int], formats: Mapping[int, str]) -> str:
    """Describe one audio stream, 20 ms a packet, with the keys 0-9 * # as telephone-events."""
    host, port = address
    session = secrets.randbelow(2**31)
    lines = [
        "v=0",
        f"o=- {session} {session} IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(map(str, formats))}",
        *(f"a=rtpmap:{kind} {name}" for kind, name in formats.items()),
        *(f"a=fmtp:{kind} 0-15" for kind, name in formats.items() if name.startswith("TELEPHONE-EVENT")),
        "a=ptime:20",
        "a=sendrecv",
    ]
    return "\r\n".join([*lines, ""])
