"""The classic script carries a call to the server with nothing but the system's Python, and fails with a status."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import pytest

from agi.routes import AgiCall
from dialogue.errors import CallerHungUp
from dialogue.turns import TransferReason
from tests.agi.conftest import Door, asks
from tests.fakes.agi_peer import AgiPeer, header_block

SCRIPT = Path(__file__).parents[2] / "agi" / "call_handler.py"
PYTHON = shutil.which("python3", path="/usr/bin") or sys.executable
HEADERS = header_block("ignored", agi_callerid="+77011234567").replace(b"agi_network: yes\n", b"")


async def start(port: int, *arguments: str, **environment: str) -> Process:
    """Run the script as Asterisk would, without any of this project's packages in reach."""
    return await asyncio.create_subprocess_exec(
        PYTHON,
        "-I",
        str(SCRIPT),
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd="/",
        env={"AGI_SERVER": f"127.0.0.1:{port}", "PATH": os.defpath, **environment},
    )


async def converse(script: Process, headers: bytes = HEADERS, **options: object) -> AgiPeer:
    """Play Asterisk on the script's pipes until it ends."""
    assert script.stdin is not None
    assert script.stdout is not None
    peer = AgiPeer(0, **options)  # type: ignore[arg-type]
    script.stdin.write(headers)
    async with asyncio.timeout(20):
        await peer.converse(script.stdout, script.stdin)
        await script.wait()
    return peer


async def transfer(call: AgiCall) -> AgiCall:
    await call.line.transfer(TransferReason.CRITICAL, None)
    return call


async def test_a_call_is_carried_to_the_server_and_back(door: Door) -> None:
    handler, outcome = asks(transfer)
    call_id = "3f1654d4-35a9-4e82-b323-5ba424327e14"
    async with door.open(handler) as server:
        script = await start(server.port, "try", call_id, "kk")
        peer = await converse(script)
    assert script.returncode == 0
    assert peer.variables == {"CALL_REASON": "critical", "CALL_OUTCOME": "transfer"}
    call = outcome.value
    assert (call.call_id, call.language, call.caller, call.dialled) == (call_id, "kk", "+77011234567", "102")


async def test_an_argument_with_a_line_break_names_no_other_call(door: Door) -> None:
    handler, outcome = asks(transfer)
    async with door.open(handler) as server:
        script = await start(server.port, "try", "x\nagi_arg_1: y", "ru")
        await converse(script)
    assert outcome.value.call_id not in ("x", "y")


async def test_a_server_that_fails_leaves_the_caller_to_the_dialplan(door: Door) -> None:
    async def fail(call: AgiCall) -> None:
        raise RuntimeError("a bug")

    async with door.open(fail) as server:
        script = await start(server.port, "try")
        peer = await converse(script)
    assert script.returncode == 1
    assert "CALL_OUTCOME" not in peer.variables


async def test_a_hang_up_reaches_the_server() -> None:
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.put_nowait(await reader.readuntil(b"\n\n"))
        received.put_nowait(await reader.readline())
        writer.close()

    async with asyncio.timeout(10), await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        script = await start(server.sockets[0].getsockname()[1], "try", "", "ru")
        assert script.stdin is not None
        script.stdin.write(HEADERS)
        assert b"agi_network_script: try\n" in await received.get()
        script.send_signal(signal.SIGHUP)
        assert await received.get() == b"HANGUP\n"
        assert await script.wait() == 1


async def test_asterisk_gone_ends_script_and_call(door: Door) -> None:
    handler, outcome = asks(lambda call: call.line._session.command("WAIT FOR DIGIT", 60_000))  # type: ignore[attr-defined]
    async with door.open(handler) as server:
        script = await start(server.port, "try", "3f1654d4-35a9-4e82-b323-5ba424327e14", "ru")
        assert script.stdin is not None
        assert script.stdout is not None
        script.stdin.write(HEADERS)
        await script.stdout.readline()
        script.stdin.close()
        async with asyncio.timeout(10):
            await script.wait()
    assert script.returncode == 1
    assert isinstance(outcome.error, CallerHungUp)


@pytest.mark.parametrize("arguments", [(), ("",), ("../x",), ("a\nb",), ("try?x=1",)])
async def test_without_a_scenarios_name_it_fails(arguments: tuple[str, ...]) -> None:
    script = await start(9, *arguments)
    await converse(script)
    assert script.returncode == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "127.0.0.1:99999", ":"])
async def test_without_a_server_it_fails_at_once(address: str) -> None:
    script = await start(9, "try", AGI_SERVER=address)
    await converse(script)
    assert script.returncode == 1


@pytest.mark.parametrize("headers", [b"agi_request: x\n", b"x" * 20_000])
async def test_headers_cut_off_or_endless_make_it_fail(headers: bytes) -> None:
    script = await start(9, "try")
    assert script.stdin is not None
    script.stdin.write(headers)
    script.stdin.write_eof()
    async with asyncio.timeout(10):
        assert await script.wait() == 1
