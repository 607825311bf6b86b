"""Two of our phones call each other: what a person with a phone in the hand notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from dialogue.audio import Audio
from webadmin.operations.sip_message import SipSyntaxError
from webadmin.operations.sip_phone import CallFailed, SipPhone


def tone(seconds: float, hertz: float = 500.0, rate: int = 16_000) -> Audio:
    samples = 8000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return Audio(samples.astype("<i2").tobytes(), rate)


def strongest_hertz(audio: Audio) -> float:
    samples = np.frombuffer(audio.pcm, "<i2").astype(np.float64)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * audio.rate / samples.size)


@pytest.fixture
async def caller() -> AsyncIterator[SipPhone]:
    async with SipPhone(user="caller") as phone:
        yield phone


@pytest.fixture
async def callee() -> AsyncIterator[SipPhone]:
    async with SipPhone(user="callee", auto_answer=True, codecs=("G722", "L16", "PCMU", "PCMA")) as phone:
        yield phone


def uri(phone: SipPhone) -> str:
    return f"sip:{phone.user}@{phone.address[0]}:{phone.address[1]}"


@pytest.mark.parametrize("codec", ["G722", "L16", "PCMU", "PCMA"])
async def test_both_hear_each_other(caller: SipPhone, callee: SipPhone, codec: str) -> None:
    call = await caller.call(uri(callee), codec=codec)
    taken = await callee.next_call(5)
    await asyncio.gather(call.say(tone(0.6, 500)), taken.say(tone(0.6, 900)))
    heard, answered = await asyncio.gather(
        call.hear_until_quiet(0.2, start_seconds=0.3), taken.hear_until_quiet(0.2, start_seconds=0.3)
    )
    assert call.codec is not None
    assert call.codec.name == codec
    assert strongest_hertz(taken.received) == pytest.approx(500, abs=15)
    assert strongest_hertz(call.received) == pytest.approx(900, abs=15)
    assert (heard.rate, answered.rate) == (call.codec.rate, call.codec.rate)


async def test_listening_ends_when_the_other_side_falls_quiet(caller: SipPhone, callee: SipPhone) -> None:
    call = await caller.call(uri(callee))
    taken = await callee.next_call(5)

    async def speak() -> None:
        await taken.say(tone(0.4))
        await taken.say(Audio(bytes(16_000), 16_000))
        await taken.say(tone(0.4))

    heard, _ = await asyncio.gather(call.hear_until_quiet(quiet_seconds=0.8), speak())
    assert 1.2 < heard.seconds < 2.6, "a pause shorter than quiet_seconds belongs to what is said"
    assert (await call.hear_until_quiet(start_seconds=0.2)).pcm == b"", "silence is not something said"


async def test_keys_arrive_once_each(caller: SipPhone, callee: SipPhone) -> None:
    call = await caller.call(uri(callee))
    taken = await callee.next_call(5)
    await call.press("102#0")
    async with asyncio.timeout(2):
        while len(taken.keys) < 5:  # noqa: ASYNC110 — a phone shows its keys, it does not announce them
            await asyncio.sleep(0.02)
    assert taken.keys == "102#0"
    with pytest.raises(ValueError, match="keys"):
        await call.press("x")


async def test_a_hang_up_ends_the_call_at_both_ends(caller: SipPhone, callee: SipPhone) -> None:
    call = await caller.call(uri(callee))
    taken = await callee.next_call(5)
    await taken.hang_up()
    assert (await call.wait_ended(2)).by == "them"
    assert taken.end is not None
    assert taken.end.by == "us"
    await call.hang_up()
    await call.say(tone(5.0))
    assert not caller.calls
    assert not callee.calls


async def test_a_hang_up_ends_what_is_being_said(caller: SipPhone, callee: SipPhone) -> None:
    call = await caller.call(uri(callee))
    taken = await callee.next_call(5)
    saying = asyncio.create_task(call.say(tone(30.0)))
    await taken.hear_until_quiet(start_seconds=0.3, longest_seconds=0.3)
    await taken.hang_up()
    async with asyncio.timeout(2):
        await saying


async def test_a_busy_phone_refuses(caller: SipPhone) -> None:
    async with SipPhone(user="busy") as busy:
        with pytest.raises(CallFailed) as refusal:
            await caller.call(uri(busy))
    assert (refusal.value.status, refusal.value.reason) == (486, "Busy Here")
    assert not caller.calls


async def test_a_codec_the_other_side_does_not_speak_is_refused(caller: SipPhone) -> None:
    async with SipPhone(user="narrow", auto_answer=True, codecs=("PCMA",)) as narrow:
        with pytest.raises(CallFailed) as refusal:
            await caller.call(uri(narrow), codec="G722")
    assert refusal.value.status == 488


async def test_nobody_there_is_an_error_after_the_time_given(caller: SipPhone) -> None:
    async with SipPhone() as gone:
        nobody = uri(gone)
    with pytest.raises(CallFailed) as failure:
        await caller.call(nobody, ring_seconds=0.3)
    assert failure.value.status == 408


async def test_lost_datagrams_are_sent_again(
    caller: SipPhone, callee: SipPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first datagram of each kind is lost, in both directions."""
    lost: set[tuple[int, str]] = set()

    def lossy(phone: SipPhone) -> Any:
        send = phone.send

        def sending(data: bytes, remote: tuple[str, int]) -> None:
            kind = data.split(b" ", 1)[0].decode()
            if (id(phone), kind) in lost:
                send(data, remote)
            lost.add((id(phone), kind))

        return sending

    for phone in (caller, callee):
        monkeypatch.setattr(phone, "send", lossy(phone))
        monkeypatch.setattr(phone._transactions, "_send", phone.send)
    call = await caller.call(uri(callee), ring_seconds=10)
    taken = await callee.next_call(10)
    await call.hang_up()
    assert (await taken.wait_ended(10)).by == "them"
    assert {"INVITE", "ACK", "BYE"} <= {kind for phone, kind in lost if phone == id(caller)}


async def test_many_calls_at_once_in_one_process_do_not_mix(caller: SipPhone, callee: SipPhone) -> None:
    calls = await asyncio.gather(*(caller.call(uri(callee), codec="PCMU") for _ in range(10)))
    taken = {call.call_id: call for call in [await callee.next_call(5) for _ in calls]}
    hertz = {call.call_id: 300.0 + 100 * number for number, call in enumerate(calls)}
    await asyncio.gather(*(call.say(tone(0.5, hertz[call.call_id], 8000)) for call in calls))
    await asyncio.gather(*(call.hear_until_quiet(0.2, start_seconds=0.2) for call in taken.values()))
    for call_id, call in taken.items():
        assert strongest_hertz(call.received) == pytest.approx(hertz[call_id], abs=20)


async def test_a_cancelled_call_leaves_nothing_behind(caller: SipPhone) -> None:
    async with SipPhone(user="deaf") as deaf:
        deaf._take_request = lambda *_: None  # type: ignore[method-assign]
        calling = asyncio.create_task(caller.call(uri(deaf)))
        async with asyncio.timeout(2):
            while not caller.calls:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert not caller.calls


@pytest.mark.parametrize("bad", ["102", "sips:102@127.0.0.1", "sip:102@127.0.0.1\r\nX: y", "sip:102@127.0.0.1:999999"])
async def test_a_uri_that_is_none_is_refused(caller: SipPhone, bad: str) -> None:
    with pytest.raises((SipSyntaxError, CallFailed)):
        await caller.call(bad, ring_seconds=0.3)
