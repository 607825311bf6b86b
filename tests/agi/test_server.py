"""Whatever connects, calls go on, mix with no other, and end without the marker where something failed."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from agi.commands import AgiResult
from agi.server import FastAgiServer
from agi.session import AgiSession
from dialogue.errors import CallerHungUp, ConfigurationError, LineError
from tests.agi.conftest import serving
from tests.fakes.agi_peer import CLOSE, DEAD, MUTE, AgiPeer, header_block


async def echo(session: AgiSession) -> None:
    """Ask for the channel's status three times and say at the end whose call it was."""
    for _ in range(3):
        await session.command("CHANNEL STATUS")
    await session.set_variable("WHOSE", session.headers["agi_arg_1"])


def server(handler=echo, **options) -> FastAgiServer:
    options.setdefault("header_seconds", 0.3)
    options.setdefault("drain_seconds", 0.0)
    return FastAgiServer("127.0.0.1", 0, {"try": handler}, **options)


async def send_raw(port: int, data: bytes, *, finish: bool = False) -> bytes:
    """Send bytes as a peer would; return what comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if finish:
            writer.write_eof()
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("data", "finish", "code"),
    [
        (b"", False, "header_timeout"),
        (b"", True, "header_incomplete"),
        (b"agi_network: yes\nagi_netw", False, "header_timeout"),
        (b"agi_network: yes\nagi_netw", True, "header_incomplete"),
        (header_block("try")[:-1], False, "header_timeout"),
        (header_block("try")[:-1], True, "header_incomplete"),
        (b"x" * 1_000_000, False, "header_too_long"),
        (b"agi_a: " + b"y" * 1_000_000 + b"\n\n", False, "header_too_long"),
        (b"GET / HTTP/1.1\nHost: here\n\n", False, "bad_header"),
        (bytes(range(256)) + b"\n\n", False, "bad_header"),
        (header_block("other"), False, "no_such_script"),
        (b"agi_network: yes\n\n", False, "no_such_script"),
    ],
)
async def test_a_peer_that_sends_nonsense_is_cut_off_and_the_next_call_served(data, finish, code) -> None:
    async with serving(server()) as running:
        with capture_logs() as logs:
            assert await send_raw(running.port, data, finish=finish) == b""
        assert [entry["code"] for entry in logs if entry["event"] == "call_refused"] == [code]
        assert (await AgiPeer(running.port).run()).variables["WHOSE"]


async def test_calls_at_once_do_not_mix() -> None:
    async with serving(server()) as running:
        peers = await asyncio.gather(*(AgiPeer(running.port).run() for _ in range(50)))
    assert [peer.variables["WHOSE"] for peer in peers] == [peer.call_id for peer in peers]


async def test_a_script_name_may_carry_a_query() -> None:
    seen: list[dict[str, str]] = []

    async def handler(session: AgiSession) -> None:
        seen.append(session.query)

    async with serving(server(handler)) as running:
        await AgiPeer(running.port, script="try?voice=slt").run()
    assert seen == [{"voice": "slt"}]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"510 Invalid or unknown command\n", "command_unknown"),
        (b"520-Invalid command syntax.  Proper usage follows:\nUsage: X\n\n200 result=1\n520 End of proper usage.\n",
         "command_syntax"),
        (b"520 Invalid command syntax.  Proper usage not available.\n", "command_syntax"),
        (b"520-Usage follows:\n" + b"and on\n" * 300, "bad_reply"),
        (b"garbage\n", "bad_reply"),
        (b"\xff\xfe\x00\n", "bad_reply"),
        (b"200 OK\n", "bad_reply"),
        (b"200 result=1 (no end\n", "bad_reply"),
        (b"x" * 100_000 + b"\n", "reply_too_long"),
        (MUTE, "timeout"),
    ],
)  # fmt: skip
async def test_a_wrong_reply_is_an_error_of_the_line_and_of_no_other_call(answer, code) -> None:
    errors: list[LineError] = []

    async def handler(session: AgiSession) -> None:
        try:
            await session.command("CHANNEL STATUS", seconds=0.3)
        except LineError as error:
            errors.append(error)
            raise
        await session.set_variable("WHOSE", "done")

    async with serving(server(handler)) as running:
        with capture_logs() as logs:
            peer = await AgiPeer(running.port, answers={"CHANNEL": answer}).run()
        assert [error.code for error in errors] == [code]
        assert peer.variables == {}
        assert [(entry["stage"], entry["code"]) for entry in logs if entry["event"] == "call_failed"] == [
            ("line", code)
        ]
        assert (await AgiPeer(running.port).run()).variables == {"WHOSE": "done"}


async def test_after_a_refused_command_the_next_reply_is_the_next_commands() -> None:
    results: list[AgiResult] = []

    async def handler(session: AgiSession) -> None:
        with pytest.raises(LineError):
            await session.command("SAY NONSENSE")
        results.append(await session.command("CHANNEL STATUS"))

    usage = b"520-Invalid command syntax.  Proper usage follows:\nUsage: SAY\n520 End of proper usage.\n"
    answers = {"SAY": usage, "CHANNEL": b"100 result=0 Trying...\n200 result=6\n"}
    async with serving(server(handler)) as running:
        await AgiPeer(running.port, answers=answers).run()
    assert [result.number for result in results] == [6]


HANG_UPS = [DEAD, b"HANGUP\n200 result=-1\n", b"HANGUP\n200 result=6\n", CLOSE, b"200 resu" + CLOSE, b"511 x\n"]


@pytest.mark.parametrize("answer", HANG_UPS)
async def test_a_hang_up_ends_the_call_quietly(answer) -> None:
    peer = None
    with capture_logs() as logs:
        async with serving(server(drain_seconds=5.0)) as running:
            peer = await AgiPeer(running.port, answers={"CHANNEL STATUS": [b"200 result=6\n", answer]}).run()
    events = [entry["event"] for entry in logs]
    assert "caller_hung_up" in events
    assert "call_failed" not in events
    assert peer.variables == {}


async def test_a_hang_up_line_between_replies_shifts_none_of_them() -> None:
    seen: list[object] = []

    async def handler(session: AgiSession) -> None:
        await session.command("CHANNEL STATUS")
        with pytest.raises(CallerHungUp):
            await session.command("CHANNEL STATUS")
        seen.append(await session.get_variable("CALL_ID"))

    answers = {"CHANNEL": [b"200 result=6\nHANGUP\n", b"200 result=6\n"], "GET VARIABLE": b"200 result=1 (mine)\n"}
    async with serving(server(handler)) as running:
        await AgiPeer(running.port, answers=answers).run()
    assert seen == ["mine"]


async def test_an_error_in_a_handler_is_logged_and_closes_only_its_call() -> None:
    async def handler(session: AgiSession) -> None:
        session.call_id = session.headers["agi_arg_1"]
        raise RuntimeError("a bug")

    async with serving(server(handler)) as running:
        with capture_logs() as logs:
            peer = await AgiPeer(running.port).run()
    [entry] = [entry for entry in logs if entry["event"] == "call_failed"]
    assert (entry["call_id"], entry["stage"], entry["code"]) == (peer.call_id, "line", "unexpected")


async def test_only_known_peers_are_served() -> None:
    async with serving(server(allowed_peers=["127.0.0.2/32"])) as running:
        with capture_logs() as logs:
            assert (await AgiPeer(running.port).run()).commands == []
        assert [entry["code"] for entry in logs] == ["peer_not_allowed"]
        assert (await AgiPeer(running.port, source="127.0.0.2").run()).variables["WHOSE"]


def test_a_network_that_is_none_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="somewhere"):
        server(allowed_peers=["somewhere"])


async def test_a_call_too_many_is_closed_at_once_and_those_before_it_go_on() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(session: AgiSession) -> None:
        started.set()
        await release.wait()
        await session.set_variable("WHOSE", "first")

    async with serving(server(handler, max_calls=1)) as running:
        first = AgiPeer(running.port)
        talking = asyncio.create_task(first.run())
        await started.wait()
        assert (await AgiPeer(running.port).run()).commands == []
        release.set()
        await talking
    assert first.variables == {"WHOSE": "first"}


async def test_a_stop_lets_calls_end_and_takes_no_new_ones() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(session: AgiSession) -> None:
        started.set()
        await release.wait()
        await session.set_variable("WHOSE", "finished")

    running = server(handler, drain_seconds=10.0)
    stop = asyncio.Event()
    serve = asyncio.create_task(running.serve(stop))
    await running.started.wait()
    peer = AgiPeer(running.port)
    port = running.port
    talking = asyncio.create_task(peer.run())
    await started.wait()
    stop.set()
    # The server's own task runs as soon as this one waits, and closes the door first of all.
    await asyncio.sleep(0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    release.set()
    await asyncio.gather(talking, serve)
    assert peer.variables == {"WHOSE": "finished"}


async def test_a_stop_cuts_calls_that_do_not_end() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(session: AgiSession) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with serving(server(handler, drain_seconds=0.1)) as running:
        peer = asyncio.create_task(AgiPeer(running.port).run())
        await started.wait()
    assert cancelled.is_set()
    assert (await peer).commands == []


async def test_what_a_caller_says_stands_in_no_log() -> None:
    async with serving(server()) as running:
        with capture_logs() as logs:
            await AgiPeer(running.port, headers={"agi_callerid": "+77015556677"}).run()
            await send_raw(running.port, header_block("other", agi_callerid="+77015556677"))
    assert "5556677" not in json.dumps(logs)
