"""SIP messages, descriptions, digests and codecs, against the RFCs' own examples where they have some."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webadmin.operations import sip_message
from webadmin.operations.sip_message import SipMessage, SipSyntaxError, authorization, host_and_port, parse_sdp, tag_of
from webadmin.operations.sip_rtp import CODECS, decoder, encoder

RESPONSE = (
    b'SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 127.0.0.1:5;branch=z9hG4bKx;rport=5\r\nf: "a;tag=b" <sip:a@b>;tag=one\r\n'
    b"t: <sip:c@d>;tag=two\r\ni: id@host\r\nCSeq: 7 INVITE\r\nSubject: folded\r\n line\r\nl: 0\r\n\r\n"
)


def test_a_response_with_compact_and_folded_headers_is_read() -> None:
    message = SipMessage.parse(RESPONSE)
    assert (message.status, message.reason, message.method, message.branch) == (200, "OK", "INVITE", "z9hG4bKx")
    assert tag_of(message.get("from")) == "one", "a tag inside a quoted name is none"
    assert message.get("subject") == "folded line"


@pytest.mark.parametrize(
    "data", [b"", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", RESPONSE.replace(b"CSeq", b"X"), b"\xff" * 99]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        SipMessage.parse(data)


@given(st.binary(max_size=300))
def test_no_datagram_breaks_the_parser(data: bytes) -> None:
    try:
        message = SipMessage.parse(RESPONSE[:-2] + data)
    except SipSyntaxError:
        return
    assert message.status == 200


def test_a_line_break_cannot_be_smuggled_into_a_message() -> None:
    with pytest.raises(SipSyntaxError):
        SipMessage("INVITE sip:a@b SIP/2.0", [("From", "x\r\nEvil: yes")]).to_bytes()


def test_the_digest_is_that_of_rfc_7616(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_message.secrets, "token_hex", lambda _: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    expected = {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    for algorithm, digest in expected.items():
        value = authorization(challenge.format(algorithm), "GET", "/dir/index.html", "Mufasa", "Circle of Life")
        assert re.search(r'response="(\w+)"', value)[1] == digest


def test_a_session_description_is_read_and_written() -> None:
    body = sip_message.build_sdp(("127.0.0.1", 4000), {118: "L16/16000", 101: "TELEPHONE-EVENT/8000"})
    read = parse_sdp(body + "m=video 9 RTP/AVP 96\r\n")
    assert read.address == ("127.0.0.1", 4000)
    assert read.formats == {118: "L16/16000", 101: "TELEPHONE-EVENT/8000"}
    with pytest.raises(SipSyntaxError):
        parse_sdp("v=0\r\nm=video 9 RTP/AVP 96\r\n")


def test_where_a_uri_points() -> None:
    assert host_and_port("sip:102@127.0.0.1:5060") == ("127.0.0.1", 5060)
    assert host_and_port("sip:localhost;transport=udp") == ("127.0.0.1", 5060)


@pytest.mark.parametrize(("name", "byte", "sample"), [("PCMU", 0xFF, 0), ("PCMU", 0x80, 32124), ("PCMU", 0x00, -32124)])
def test_mu_law_is_that_of_g711(name: str, byte: int, sample: int) -> None:
    assert np.frombuffer(decoder(CODECS[name])(bytes([byte])), "<i2")[0] == sample


@pytest.mark.parametrize(("byte", "sample"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256)])
def test_a_law_is_that_of_g711(byte: int, sample: int) -> None:
    assert np.frombuffer(decoder(CODECS["PCMA"])(bytes([byte])), "<i2")[0] == sample


@pytest.mark.parametrize("name", ["PCMU", "PCMA", "L16"])
def test_decoding_and_encoding_again_changes_nothing(name: str) -> None:
    payload = bytes(range(256))
    if name == "PCMU":
        payload = payload.replace(b"\x7f", b"\xff")  # two zeros, of which the encoder has one
    again = encoder(CODECS[name])(decoder(CODECS[name])(payload))
    if name == "PCMU":
        again = again.replace(b"\x7f", b"\xff")
    assert again == payload
