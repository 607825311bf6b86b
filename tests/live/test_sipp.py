"""Another SIP implementation, sipp, calls the hotline: what our own phone gets right by agreeing with itself shows."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path

import pytest

from tests.live.pbx import Sandbox

pytestmark = pytest.mark.live

SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="call, listen, hang up">
  <send retrans="500"><![CDATA[
    INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: sipp <sip:87017654321@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:sipp@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=- 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [local_ip]
    t=0 0
    m=audio {rtp_port} RTP/AVP 0
    a=rtpmap:0 PCMU/8000
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
    ACK [next_url] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: sipp <sip:87017654321@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <pause milliseconds="2000"/>
  <send retrans="500"><![CDATA[
    BYE [next_url] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: sipp <sip:87017654321@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 2 BYE
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""


async def test_sipp_calls_and_gets_sound(sandbox: Sandbox, tmp_path: Path) -> None:
    program = shutil.which("sipp")
    if program is None:
        pytest.fail("sipp is needed by the live tests and is not installed: run `make system-test`", pytrace=False)
    before = sandbox.reports()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        scenario = tmp_path / "call.xml"
        scenario.write_text(SCENARIO.replace("{rtp_port}", str(ear.getsockname()[1])))
        arguments = ["-sf", str(scenario), "-s", "102", "-m", "1", "-i", "127.0.0.1", "-nostdin", "-timeout", "20s"]
        process = await asyncio.create_subprocess_exec(
            program,
            f"127.0.0.1:{sandbox.sip_port}",
            *arguments,
            cwd=tmp_path,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()[-500:]
        packets = []
        while True:
            try:
                packets.append(ear.recv(2048))
            except BlockingIOError:
                break
    voiced = [packet for packet in packets if packet[1] & 0x7F == 0 and len(set(packet[12:])) > 8]
    assert len(voiced) > 25, "half a second of the announcement at least"
    report = await sandbox.report_of_next_call(before)
    assert report["caller"] == "87017654321"
    assert report["queue_result"] == "ABANDONED"
