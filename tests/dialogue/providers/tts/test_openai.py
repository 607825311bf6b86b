"""A server's voice is given on as it comes, and each of its faults is one that the fail-over knows."""

import asyncio
import time

import numpy as np
import pytest

from dialogue.errors import ProviderError
from dialogue.providers.tts.openai import RATE, OpenAI, OpenAIConfig
from dialogue.resilience import Policy, Speaker
from tests.fakes.openai_server import FakeOpenAI, fails, not_json, silent, speaks
from tests.fakes.streaming import StepVoice

TONE = (np.sin(np.arange(RATE) / 10) * 9000).astype("<i2").tobytes()


@pytest.fixture
async def server():
    async with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def voice(server):
    engine = OpenAI(OpenAIConfig(base_url=server.base_url, api_key="key-1", voices={"kk": "nova"}, timeout=0.5))
    yield engine
    await engine.close()


async def speak(engine: OpenAI, text: str = "Что случилось?", language: str = "ru") -> bytes:
    return b"".join([chunk async for chunk in engine.synthesise(text, language)])


async def test_it_asks_for_raw_sound_in_the_voice_of_the_language(server, voice):
    server.then(speaks(TONE))
    assert await speak(voice) == TONE
    assert server.requests[-1] == {
        "model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Что случилось?", "response_format": "pcm",
    }  # fmt: skip
    assert server.headers[-1]["Authorization"] == "Bearer key-1"
    await speak(voice, "Не болды?", "kk")
    assert server.requests[-1]["voice"] == "nova"
    assert (voice.voice("ru"), voice.voice("kk")) == ("gpt-4o-mini-tts alloy", "gpt-4o-mini-tts nova")


async def test_the_first_sound_is_there_while_the_server_still_speaks(server, voice):
    server.then(speaks(*[TONE[:9600]] * 5, pause=0.2))
    stream = voice.synthesise("Что случилось?", "ru")
    first = await anext(stream)
    began = time.monotonic()
    rest = b"".join([chunk async for chunk in stream])
    assert first + rest == TONE[:9600] * 5
    assert time.monotonic() - began > 0.5, "the rest came later"


async def test_a_caller_who_leaves_ends_the_request(server, voice):
    server.then(speaks(*[TONE] * 3, pause=10))
    stream = voice.synthesise("Что случилось?", "ru")
    await anext(stream)
    await stream.aclose()
    server.then(speaks(TONE))
    assert await speak(voice) == TONE


async def test_a_text_without_words_asks_nobody(server, voice):
    assert await speak(voice, " ") == b""
    assert server.requests == []


@pytest.mark.parametrize(
    ("behaviour", "code", "retryable"),
    [
        (fails(401), "unauthorised", False),
        (fails(403), "unauthorised", False),
        (fails(404), "not_found", False),
        (fails(400), "rejected", False),
        (fails(429, code="insufficient_quota"), "no_credit", False),
        (fails(429, Retry_After="7"), "rate_limited", True),
        (fails(500), "server_error", True),
        (fails(503), "server_error", True),
        (silent, "timeout", True),
        (speaks(TONE[:9600], announced=len(TONE)), "connection", True),
        (speaks(), "no_audio", False),
        (not_json, "invalid_answer", False),
        (speaks(b'{"ok": true}', kind="application/json"), "invalid_answer", False),
        (speaks(b"RIFF" + TONE), "invalid_answer", False),
        (speaks(b"ID3" + TONE, kind="audio/mpeg"), "invalid_answer", False),
    ],
)
async def test_each_fault_is_a_typed_error(server, voice, behaviour, code, retryable):
    server.then(behaviour)
    with pytest.raises(ProviderError) as caught:
        await speak(voice)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert caught.value.retry_after == (7 if code == "rate_limited" else None)
    assert "случилось" not in str(caught.value)
    assert "key-1" not in str(caught.value)


async def test_nobody_at_the_address_is_a_typed_error():
    engine = OpenAI(OpenAIConfig(base_url="http://127.0.0.1:9/v1", timeout=1))
    with pytest.raises(ProviderError) as caught:
        await speak(engine)
    await engine.close()
    assert (caught.value.code, caught.value.retryable) == ("connection", True)


async def test_sound_without_end_is_cut_off(server):
    engine = OpenAI(OpenAIConfig(base_url=server.base_url, longest_speech=0.5))
    server.then(speaks(*[TONE] * 20))
    with pytest.raises(ProviderError) as caught:
        await speak(engine)
    await engine.close()
    assert caught.value.code == "too_long"


@pytest.mark.parametrize("behaviour", [fails(500), silent, speaks(TONE[:0]), not_json, fails(401)])
@pytest.mark.parametrize("streamed", [True, False])
async def test_the_next_voice_speaks_where_the_server_fails_and_says_so(server, voice, behaviour, streamed):
    server.then(behaviour)
    other = StepVoice(name="espeak")
    speaker = Speaker([voice, other], None, Policy(budget=4, attempt=1, attempts=1))
    speech = speaker.stream("Алло", "ru") if streamed else await speaker.prepare("Алло", "ru")
    pcm = b"".join([chunk async for chunk in speech.chunks()])
    assert (speech.engine, len(speech.failures), len(pcm) > 16_000) == ("espeak", 1, True)


async def test_many_sentences_at_once_do_not_mix(server, voice):
    async def echo(_, request, body):
        return await speaks(body["input"].encode() * 500)(_, request, body)

    server.then(echo)
    texts = [f"{number:04}" for number in range(30)]
    for text, said in zip(texts, await asyncio.gather(*(speak(voice, text) for text in texts)), strict=True):
        assert said == text.encode() * 500
