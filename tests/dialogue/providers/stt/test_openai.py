"""Recognition by a server of OpenAI's interface, over a real socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dialogue.audio import Audio, read_wav
from dialogue.call import Call, CallFacts
from dialogue.conversation import Conversation
from dialogue.errors import ProviderError, Stage
from dialogue.events import Assessed, Recognised, StageFailed
from dialogue.ports import ListenLimits, SttRequest
from dialogue.providers.stt.faster_whisper import FasterWhisper, FasterWhisperConfig
from dialogue.providers.stt.openai import OpenAI, OpenAIConfig
from dialogue.resilience import Policy, Recogniser, Speaker, Thinker
from dialogue.scenarios.registry import load
from dialogue.turns import Utterance
from tests.dialogue.providers.stt.conftest import RUSSIAN, SENTENCE, recognise, silence
from tests.fakes.dialogue import MemoryJournal, ScriptedLine, ScriptedTts
from tests.fakes.openai_server import (
    FakeOpenAI,
    fails,
    half,
    hears,
    knows_only,
    not_json,
    odd_json,
    silent,
    ten_megabytes,
)

TOLD = "украли машину"


@pytest.fixture
async def server() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as server:
        server.then(hears(TOLD))
        yield server


@pytest.fixture
async def engine(server: FakeOpenAI) -> AsyncIterator[OpenAI]:
    engine = OpenAI(OpenAIConfig(api_key="sk-test", base_url=server.base_url, timeout=0.5))
    yield engine
    await engine.close()


async def test_words_come_with_language_and_confidence(engine: OpenAI, server: FakeOpenAI, speech: Audio) -> None:
    server.then(hears(TOLD, language="russian", avg_logprob=-0.25))
    found = await recognise(engine, speech)

    assert (found.text, found.language, found.engine) == (TOLD, "ru", "openai")
    assert found.confidence == pytest.approx(0.78, abs=0.01)
    assert found.doubtful == ()


async def test_the_server_is_told_language_hints_and_model(engine: OpenAI, server: FakeOpenAI, speech: Audio) -> None:
    await recognise(engine, speech, SttRequest("ru", ("улица Абая", "Алматы")))
    (form,) = server.requests

    assert (form["model"], form["language"], form["prompt"]) == ("whisper-1", "ru", "улица Абая, Алматы")
    sound = read_wav(form["file"])
    assert sound.rate == 16_000
    assert 0.5 * speech.seconds < sound.seconds < speech.seconds + 0.6
    assert server.headers[0]["Authorization"] == "Bearer sk-test"


async def test_silence_is_not_sent(engine: OpenAI, server: FakeOpenAI) -> None:
    assert (await recognise(engine, silence(3))).text == ""
    assert server.requests == []


async def test_what_the_server_doubts_is_doubted(engine: OpenAI, server: FakeOpenAI, speech: Audio) -> None:
    server.then(hears("Продолжение следует..."), hears("он пошёл туда", no_speech_prob=0.9, avg_logprob=-1.4))

    assert (await recognise(engine, speech)).doubtful == ("known_phrase",)
    assert (await recognise(engine, speech)).doubtful == ("no_speech", "low_probability")


async def test_a_language_nobody_expects_is_doubted(engine: OpenAI, server: FakeOpenAI, speech: Audio) -> None:
    server.then(hears("merhaba efendim", language="turkish"))
    found = await recognise(engine, speech, SttRequest(None, (), ("kk", "ru")))

    assert "language" not in server.requests[0]
    assert (found.language, found.doubtful) == ("tr", ("other_language",))


async def test_a_model_with_probabilities_of_tokens_has_a_confidence(server: FakeOpenAI, speech: Audio) -> None:
    server.then(hears(TOLD, avg_logprob=-0.5))
    engine = OpenAI(OpenAIConfig("gpt-4o-mini-transcribe", base_url=server.base_url))
    found = await recognise(engine, speech)
    await engine.close()

    assert (found.text, found.language) == (TOLD, "ru")
    assert found.confidence == pytest.approx(0.61, abs=0.01)
    assert server.requests[0]["include[]"] == "logprobs"


async def test_a_simpler_server_is_asked_for_the_text_alone_from_then_on(
    engine: OpenAI, server: FakeOpenAI, speech: Audio
) -> None:
    server.then(knows_only(hears(TOLD), "json"))
    found = [await recognise(engine, speech) for _ in range(2)]

    assert [(one.text, one.confidence) for one in found] == [(TOLD, None)] * 2
    assert [form["response_format"] for form in server.requests] == ["verbose_json", "json", "json"]


@pytest.mark.parametrize(
    ("status", "more", "code", "retryable", "retry_after"),
    [
        (401, {}, "unauthorised", False, None),
        (403, {}, "unauthorised", False, None),
        (404, {}, "not_found", False, None),
        (413, {}, "too_long", False, None),
        (429, {"Retry_After": "3"}, "rate_limited", True, 3.0),
        (429, {"code": "insufficient_quota"}, "no_credit", False, None),
        (500, {}, "server_error", True, None),
        (503, {"Retry_After": "2"}, "server_error", True, 2.0),
        (400, {}, "rejected", False, None),
    ],
)
async def test_errors_are_typed(
    engine: OpenAI, server: FakeOpenAI, speech: Audio, status, more, code, retryable, retry_after
) -> None:
    server.then(fails(status, **more))
    with pytest.raises(ProviderError) as caught:
        await recognise(engine, speech)
    error = caught.value
    assert (error.stage, error.code) == (Stage.SPEECH_TO_TEXT, code)
    assert (error.retryable, error.retry_after) == (retryable, retry_after)


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (silent, "timeout"),
        (half, "connection"),
        (not_json, "invalid_answer"),
        (odd_json, "invalid_answer"),
        (ten_megabytes, "too_long"),
    ],
)
async def test_answers_that_are_none_are_typed(engine: OpenAI, server: FakeOpenAI, speech: Audio, behaviour, code):
    server.then(behaviour)
    with pytest.raises(ProviderError) as caught:
        await recognise(engine, speech)
    assert (caught.value.stage, caught.value.code) == (Stage.SPEECH_TO_TEXT, code)
    assert server.sent < 5_000_000


async def test_a_server_that_is_not_there_is_a_connection_error(speech: Audio) -> None:
    engine = OpenAI(OpenAIConfig(base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(ProviderError) as caught:
        await recognise(engine, speech)
    await engine.close()
    assert (caught.value.code, caught.value.retryable) == ("connection", True)


async def test_neither_key_nor_words_stand_in_an_error(engine: OpenAI, server: FakeOpenAI, speech: Audio) -> None:
    server.then(fails(401, f"Incorrect API key provided: sk-test. You said {TOLD}"))
    with pytest.raises(ProviderError) as caught:
        await recognise(engine, speech)
    assert "sk-test" not in str(caught.value)
    assert TOLD not in str(caught.value)


@pytest.mark.parametrize(("behaviour", "code"), [(fails(500), "server_error"), (silent, "timeout")])
async def test_where_the_server_fails_the_engine_here_serves(
    server: FakeOpenAI, speech: Audio, parrot_folder: Path, behaviour, code
) -> None:
    server.then(behaviour)
    away = OpenAI(OpenAIConfig(base_url=server.base_url))
    here = FasterWhisper(FasterWhisperConfig(str(parrot_folder), threads=1))
    recogniser = Recogniser([away, here], Policy(budget=20, attempt=1.5, attempts=1, failures=2))
    await here.start()
    try:
        began = time.monotonic()
        found = await recogniser.recognise(speech, RUSSIAN)
        assert time.monotonic() - began < 15
        assert (found.engine, found.transcript.engine, found.transcript.text) == (here.name, here.name, SENTENCE)
        assert [(failure.stage, failure.code) for failure in found.failures] == [(Stage.SPEECH_TO_TEXT, code)]
        await recogniser.recognise(speech, RUSSIAN)
        asked = len(server.requests)
        third = await recogniser.recognise(speech, RUSSIAN)
        assert [failure.code for failure in third.failures] == ["circuit_open"]
        assert len(server.requests) == asked
    finally:
        await recogniser.close()


async def test_who_served_and_what_failed_before_stand_on_the_call(
    server: FakeOpenAI, speech: Audio, parrot_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.then(fails(500))
    session = load("intake_102").open("ru")
    # What stands before the words shifts them in a model that goes by their places.
    monkeypatch.setattr(type(session), "hints", lambda _: ())
    away = OpenAI(OpenAIConfig(base_url=server.base_url))
    here = FasterWhisper(FasterWhisperConfig(str(parrot_folder), threads=1))
    journal = MemoryJournal()
    recogniser = Recogniser([away, here], Policy(budget=60, attempt=30, attempts=1))
    policy = Policy(budget=5, attempt=5)
    call = Call(
        CallFacts("5f0c9f0e-55ce-4a51-9c53-0d8bb5b2a0cd", "intake_102", "ru", "simulate", "", "102", {}),
        ScriptedLine([Utterance(speech, "1.wav")]),
        Conversation(session, Thinker([], policy)),
        recogniser,
        Speaker([ScriptedTts()], None, policy),
        journal,
        ListenLimits(),
    )
    await here.start()
    try:
        await call.run()
    finally:
        await recogniser.close()

    (recognised,) = journal.of(Recognised)
    assert (recognised.engine, recognised.text, recognised.doubtful) == ("faster_whisper", SENTENCE, ())
    assert [(failed.stage, failed.code) for failed in journal.of(StageFailed)] == [("speech_to_text", "server_error")]
    assert journal.of(Assessed)[-1].fields["category"] == "theft"


async def test_a_caller_who_leaves_ends_the_request(engine: OpenAI, server: FakeOpenAI, speech: Audio) -> None:
    server.then(silent)
    leaving = asyncio.create_task(recognise(engine, speech))
    async with asyncio.timeout(5):
        while not server.requests:  # noqa: ASYNC110  # what happens on the server has no event here
            await asyncio.sleep(0.01)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    server.then(hears(TOLD))
    assert (await recognise(engine, speech)).text == TOLD
