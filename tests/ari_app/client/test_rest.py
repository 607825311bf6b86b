"""Requests that go wrong: each becomes one of the client's own errors, in time, and nothing secret shows."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import pytest
from aiohttp import web

from ari_app.client import AriClient, AriError, Channel, Conflict, NotFound, Refused, Unavailable
from dialogue.errors import ConfigurationError, HotlineError
from tests.ari_app.client.conftest import PASSWORD, USER, FakeAri, Request
from tests.services import free_port


def always(status: int, text: str) -> Callable[[Request], object]:
    async def answer(_: Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type="application/json")

    return answer


async def error_of(ari: FakeAri, password: str = PASSWORD) -> AriError:
    async with AriClient(ari.url, USER, password) as client:
        with pytest.raises(AriError) as caught:
            await client.get_channel("1")
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AriError),
        (403, Refused),
        (404, NotFound),
        (409, Conflict),
        (412, Conflict),
        (422, AriError),
        (500, AriError),
        (503, Unavailable),
        (302, AriError),
    ],
)
async def test_a_status_becomes_an_error_with_asterisks_words(ari: FakeAri, status: int, kind: type[AriError]) -> None:
    ari.answer = always(status, json.dumps({"message": "Channel not found"}))
    error = await error_of(ari)
    assert type(error) is kind
    assert isinstance(error, HotlineError)
    assert (error.status, error.request) == (status, "GET /channels/{}")
    assert status == 403 or error.message == "Channel not found"


@pytest.mark.parametrize("text", ["<html>", '{"id":', '"Channel"', "[]", "{}", '{"id": 5}', "\xff"])
@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_that_makes_no_sense_is_an_error(ari: FakeAri, status: int, text: str) -> None:
    ari.answer = always(status, text)
    assert (await error_of(ari)).status == status


async def test_a_wrong_password_says_what_to_do_and_is_shown_nowhere(ari: FakeAri) -> None:
    error = await error_of(ari, "not-the-one")
    assert isinstance(error, Refused)
    assert "ARI_PASSWORD" in str(error)
    assert "not-the-one" not in f"{error} {error!r}"


async def test_a_slow_answer_is_given_up_in_time(ari: FakeAri) -> None:
    async def late(_: Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    ari.answer = late
    began = time.monotonic()
    async with AriClient(ari.url, USER, PASSWORD, timeout=0.2) as client:
        with pytest.raises(Unavailable, match=r"0\.2 s"):
            await client.ping()
    assert time.monotonic() - began < 2


async def test_an_answer_that_stops_half_way_is_an_error() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b'{"id":')
        assert request.transport is not None
        request.transport.abort()
        return answer

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", cut)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with AriClient(f"http://127.0.0.1:{port}", USER, PASSWORD) as client:
            with pytest.raises(Unavailable):
                await client.get_channel("1")
    finally:
        await runner.cleanup()


async def test_nobody_there() -> None:
    async with AriClient(f"http://127.0.0.1:{free_port()}", USER, PASSWORD) as client:
        with pytest.raises(Unavailable, match="no connection"):
            await client.ping()


async def test_a_client_that_is_not_open_says_so(ari: FakeAri) -> None:
    client = AriClient(ari.url, USER, PASSWORD)
    with pytest.raises(Unavailable, match="not open"):
        await client.ping()
    async with client:
        pass
    with pytest.raises(Unavailable, match="not open"):
        await client.hangup("1")


@pytest.mark.parametrize("url", ["", "pbx:8088", "ftp://a", "http://u:p@a/ari", "http://a/ari?api_key=u:p"])
def test_a_bad_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AriClient(url, USER, PASSWORD)
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize("end", ["", "/", "/ari", "/ari/"])
async def test_the_url_may_leave_out_ari(ari: FakeAri, end: str) -> None:
    async with AriClient(ari.url.removesuffix("/ari") + end, USER, PASSWORD) as client:
        await client.answer("1")
    assert ari.requests[0].path == "/ari/channels/1/answer"


async def test_an_id_stays_one_part_of_the_path(ari: FakeAri) -> None:
    async with AriClient(ari.url, USER, PASSWORD) as client:
        await client.answer("a/../b?c=d#e f+g%2F")
        for bad in ("", ".", ".."):
            with pytest.raises(ValueError, match="id"):
                await client.hangup(bad)
    assert [each.path for each in ari.requests] == ["/ari/channels/a%2F..%2Fb%3Fc%3Dd%23e%20f%2Bg%252F/answer"]


@pytest.mark.parametrize(
    "value", ["Абай даңғылы, 5 & 6?", 'a"b\\c\r\nd', "x" * 8000, ""], ids=["words", "signs", "long", "empty"]
)
async def test_a_value_arrives_as_it_is(ari: FakeAri, value: str) -> None:
    async with AriClient(ari.url, USER, PASSWORD) as client:
        await client.set_variable("1", "NAME", value)
    assert ari.requests[0].body == {"variable": "NAME", "value": value}


async def test_half_a_character_does_not_break_a_request(ari: FakeAri) -> None:
    async with AriClient(ari.url, USER, PASSWORD) as client:
        await client.set_variable("1", "NAME", "a\ud83db")
    assert ari.requests[0].body["value"] == "a?b"


async def test_what_a_newer_asterisk_adds_is_no_error_and_numbers_stay_out_of_logs(ari: FakeAri) -> None:
    channel = {"id": "1", "caller": {"name": "Имя", "number": "+77011234567", "new": 1}, "new": {"deep": []}}
    ari.answer = always(200, json.dumps(channel))
    async with AriClient(ari.url, USER, PASSWORD) as client:
        answer = await client.get_channel("1")
    assert isinstance(answer, Channel)
    assert answer.caller.number == "+77011234567"
    assert "7701" not in repr(answer)
    assert "Имя" not in repr(answer)


@pytest.mark.parametrize(
    ("url", "media"),
    [
        ("http://127.0.0.1:8088/ari", "ws://127.0.0.1:8088/media/a%2Fb"),
        ("https://pbx:8089/prefix/ari", "wss://pbx:8089/prefix/media/a%2Fb"),
    ],
)
def test_the_media_socket_is_beside_ari(url: str, media: str) -> None:
    assert AriClient(url, USER, PASSWORD).media_url("a/b") == media


async def test_many_requests_at_once_all_get_their_own_answer(ari: FakeAri) -> None:
    async def echo(request: Request) -> web.StreamResponse:
        return web.json_response({"id": request.path.rpartition("/")[2]})

    ari.answer = echo
    async with AriClient(ari.url, USER, PASSWORD) as client:
        ids = [str(number) for number in range(200)]
        answers = await asyncio.gather(*(client.get_channel(each) for each in ids))
    assert [each.id for each in answers] == ids
