"""Every answer of AMI comes in time or the connection is given up; nothing foreign becomes a header."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from ari_app import ami
from ari_app.ami import AmiAddress, AmiError, AmiRefused, AmiUnavailable, connect

Headers = dict[str, str]
Answer = Callable[[Headers], str | None]

STATUS = (
    "Response: Success\r\nActionID: {id}\r\nEventList: start\r\nMessage: Channel status will follow\r\n\r\n"
    "Event: Status\r\nActionID: {id}\r\nChannel: PJSIP/caller-1\r\nVariable: CALL_ID=a\r\nVariable: CALL_APP=b\r\n\r\n"
    "Event: Status\r\nActionID: {id}\r\nChannel: PJSIP/caller-2\r\n\r\n"
    "Event: StatusComplete\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 2\r\n\r\n"
)


def usual(headers: Headers) -> str | None:
    """As Asterisk answers."""
    match headers["Action"]:
        case "Challenge":
            return "Response: Success\r\nActionID: {id}\r\nChallenge: 4711\r\n\r\n"
        case "Login":
            right = headers["Key"] == hashlib.md5(b"4711secret").hexdigest() and headers["Username"] == "hotline"
            text = "Success\r\nMessage: Authentication accepted" if right else "Error\r\nMessage: Authentication failed"
            return f"Response: {text}\r\nActionID: {{id}}\r\n\r\nEvent: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"
        case "Getvar":
            return "Response: Success\r\nActionID: {id}\r\nVariable: EPOCH\r\nValue: 1800000000\r\n\r\n"
        case "Status":
            return STATUS
        case "Redirect":
            return "Response: Error\r\nActionID: {id}\r\nMessage: Channel does not exist: x\r\n\r\n"
    return None


@asynccontextmanager
async def asterisk(answer: Answer = usual, cut: int = 1 << 16) -> AsyncIterator[tuple[AmiAddress, list[Headers]]]:
    """An AMI server; what it writes leaves in pieces of ``cut`` bytes. None from ``answer``: it says nothing."""
    actions: list[Headers] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"Asterisk Call Manager/11.0.0\r\n")
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.split(": ", 1) for line in block.strip().split("\r\n"))
                actions.append(headers)
                text = answer(headers)
                if text == "close":
                    break
                data = (text or "").replace("{id}", headers["ActionID"]).encode()
                for start in range(0, len(data), cut):
                    writer.write(data[start : start + cut])
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield AmiAddress(port=server.sockets[0].getsockname()[1], password="secret"), actions


@pytest.mark.parametrize("cut", [1 << 16, 1, 7])
async def test_variables_and_channels_are_read(cut: int) -> None:
    async with asterisk(cut=cut) as (address, _), connect(address) as connection:
        assert await connection.get_variable("EPOCH") == "1800000000"
        first, second = await connection.channels(["CALL_ID", "CALL_APP"])
        assert first["Variable"] == ["CALL_ID=a", "CALL_APP=b"]
        assert second["Channel"] == "PJSIP/caller-2"


async def test_the_password_stays_off_the_wire() -> None:
    async with asterisk() as (address, actions), connect(address):
        assert all("secret" not in value for headers in actions for value in headers.values())
        assert "secret" not in repr(address)


async def test_a_wrong_password_says_what_to_correct() -> None:
    async with asterisk() as (address, _):
        with pytest.raises(AmiRefused, match="AMI_USER and AMI_PASSWORD"):
            async with connect(AmiAddress(port=address.port, password="other")):
                pass


async def test_a_refusal_is_told_in_asterisks_words() -> None:
    async with asterisk() as (address, _), connect(address) as connection:
        with pytest.raises(AmiError, match="does not exist") as raised:
            await connection.redirect("PJSIP/caller-1", "hotline-live", "rescued")
        assert not isinstance(raised.value, AmiUnavailable)


@pytest.mark.parametrize("text", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b"])
async def test_a_line_break_never_becomes_a_header(text: str) -> None:
    async with asterisk() as (address, actions), connect(address) as connection:
        before = len(actions)
        with pytest.raises(ValueError, match="line break"):
            await connection.redirect(text, "hotline-live", "rescued")
        await connection.get_variable("EPOCH")
        assert [headers["Action"] for headers in actions[before:]] == ["Getvar"]


async def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami, "ANSWER_SECONDS", 0.1)
    silent = lambda headers: None if headers["Action"] == "Status" else usual(headers)  # noqa: E731
    async with asterisk(silent) as (address, _), connect(address) as connection:
        with pytest.raises(AmiUnavailable, match=r"no answer within 0\.1 s"):
            await connection.channels(["CALL_ID"])


async def test_a_connection_lost_in_mid_answer_is_told_at_once() -> None:
    closing = lambda headers: "close" if headers["Action"] == "Status" else usual(headers)  # noqa: E731
    async with asterisk(closing) as (address, _), connect(address) as connection:
        async with asyncio.timeout(1):
            with pytest.raises(AmiUnavailable, match="lost"):
                await connection.channels(["CALL_ID"])
            with pytest.raises(AmiUnavailable, match="lost"):
                await connection.get_variable("EPOCH")


async def test_where_nothing_listens_is_told() -> None:
    async with asterisk() as (address, _):
        pass
    with pytest.raises(AmiUnavailable, match="does not answer"):
        async with connect(address):
            pass
