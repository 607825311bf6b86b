"""A call goes on, or ends quickly in a clear error, while engines hang, fail and recover."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import BaseModel

from dialogue.audio import Audio
from dialogue.errors import ProviderError, Stage
from dialogue.ports import Answer, Message, SttCapabilities, SttRequest, TextDelta, TtsCapabilities
from dialogue.resilience import (
    Attempt,
    CircuitBreaker,
    Policy,
    Recogniser,
    Speaker,
    SpeechCache,
    Thinker,
)
from dialogue.turns import Transcript

QUICK = Policy(budget=2.0, attempt=0.2, attempts=2, pause=0.01)
SOUND = Audio(bytes(16_000), 8000)
RUSSIAN = SttRequest("ru")


class Clock:
    """Seconds that pass only when a test says so, beside those that really pass."""

    def __init__(self) -> None:
        self.extra = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.extra


def failing(code: str, *, retryable: bool = False, retry_after: float | None = None) -> Callable[[], None]:
    def fail() -> None:
        raise ProviderError(Stage.SPEECH_TO_TEXT, code, "d", retryable=retryable, retry_after=retry_after)

    return fail


class Ear:
    """A recogniser that does in turn what it is told, the last for ever: a text, a failure, or ``hang``."""

    def __init__(self, name: str, *steps, languages: tuple[str, ...] = (), rate: int = 8000) -> None:
        self.name = name
        self.capabilities = SttCapabilities(frozenset(languages), rate)
        self.steps = list(steps)
        self.asked = 0
        self.heard = b""
        self.ended = 0
        self.closed = False

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        self.asked += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        try:
            self.heard = b"".join([chunk async for chunk in chunks])
            yield Transcript("half", final=False)
            if step == "hang":
                await asyncio.sleep(60)
            if callable(step):
                step()
            yield Transcript(step, confidence=0.9)
        finally:
            self.ended += 1

    async def close(self) -> None:
        self.closed = True


async def code_of(awaitable) -> str:
    with pytest.raises(ProviderError) as caught:
        await awaitable
    return caught.value.code


async def test_the_first_engine_that_works_serves():
    first, second = Ear("first", "помогите"), Ear("second", "x")
    recognition = await Recogniser([first, second], QUICK).recognise(SOUND, RUSSIAN)
    assert recognition.transcript == Transcript("помогите", confidence=0.9, engine="first")
    assert (recognition.engine, recognition.failures, second.asked) == ("first", (), 0)


async def test_a_passing_failure_is_tried_again_and_a_lasting_one_is_not():
    ear = Ear("a", failing("connection", retryable=True), "да")
    recognition = await Recogniser([ear], QUICK).recognise(SOUND, RUSSIAN)
    assert recognition.transcript.text == "да"
    assert [f.code for f in recognition.failures] == ["connection"]

    ear = Ear("b", failing("unauthorised"))
    assert await code_of(Recogniser([ear], QUICK).recognise(SOUND, RUSSIAN)) == "unauthorised"
    assert ear.asked == 1


async def test_a_hanging_engine_is_cut_off_and_the_next_one_serves():
    hanging, good = Ear("hanging", "hang"), Ear("good", "да")
    recognition = await Recogniser([hanging, good], QUICK).recognise(SOUND, RUSSIAN)
    assert (recognition.engine, [f.code for f in recognition.failures]) == ("good", ["timeout"])
    assert hanging.asked == 1, "nobody waits twice for an engine that hangs while another is there"
    assert hanging.ended == 1
    assert recognition.seconds < 1


async def test_the_whole_stage_ends_with_its_budget():
    policy = Policy(budget=0.3, attempt=5, attempts=5, pause=0.01)
    started = time.monotonic()
    assert (
        await code_of(Recogniser([Ear("a", "hang"), Ear("b", "hang")], policy).recognise(SOUND, RUSSIAN)) == "timeout"
    )
    assert time.monotonic() - started < 0.6


async def test_a_fault_in_an_engine_costs_the_attempt_and_not_the_call():
    def broken() -> None:
        raise ZeroDivisionError("secret words")

    recognition = await Recogniser([Ear("a", broken), Ear("b", "да")], QUICK).recognise(SOUND, RUSSIAN)
    assert [(f.code, f.detail) for f in recognition.failures] == [("unexpected", "a: ZeroDivisionError")]


async def test_all_failures_are_named_in_the_error():
    engines = [Ear("a", failing("unauthorised")), Ear("b", failing("no_credit"))]
    with pytest.raises(ProviderError) as caught:
        await Recogniser(engines, QUICK).recognise(SOUND, RUSSIAN)
    assert caught.value.stage is Stage.SPEECH_TO_TEXT
    assert caught.value.code == "no_credit"
    assert "unauthorised" in caught.value.detail


async def test_an_engine_that_does_not_speak_the_language_is_not_asked():
    english, any_language = Ear("english", "x", languages=("en",)), Ear("any", "да")
    assert (await Recogniser([english, any_language], QUICK).recognise(SOUND, RUSSIAN)).engine == "any"
    assert (await Recogniser([english], QUICK).recognise(SOUND, SttRequest(None))).engine == "english"
    assert await code_of(Recogniser([english], QUICK).recognise(SOUND, RUSSIAN)) == "language_not_supported"
    assert english.asked == 1
    assert await code_of(Recogniser([], QUICK).recognise(SOUND, RUSSIAN)) == "no_engine"


async def test_sound_arrives_at_the_engines_own_rate():
    ear = Ear("a", "да", rate=16_000)
    await Recogniser([ear], QUICK).recognise(SOUND, RUSSIAN)
    assert len(ear.heard) == pytest.approx(2 * len(SOUND.pcm), abs=8)


async def test_cancellation_from_outside_passes_through_and_ends_the_engine():
    ear = Ear("a", "hang")
    policy = Policy(budget=60, attempt=60)
    call = asyncio.create_task(Recogniser([ear, Ear("b", "x")], policy).recognise(SOUND, RUSSIAN))
    await asyncio.sleep(0.02)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ear.ended == 1


async def test_a_rate_limit_is_waited_for_alone_and_passed_over_where_another_engine_is():
    limited = failing("rate_limited", retryable=True, retry_after=0.15)
    started = time.monotonic()
    recognition = await Recogniser([Ear("a", limited, "да")], QUICK).recognise(SOUND, RUSSIAN)
    assert recognition.engine == "a"
    assert time.monotonic() - started >= 0.15
    assert (await Recogniser([Ear("a", limited, "да"), Ear("b", "да")], QUICK).recognise(SOUND, RUSSIAN)).engine == "b"


async def test_a_wait_beyond_the_budget_is_not_begun():
    started = time.monotonic()
    limited = failing("rate_limited", retryable=True, retry_after=30.0)
    assert await code_of(Recogniser([Ear("a", limited, "да")], QUICK).recognise(SOUND, RUSSIAN)) == "rate_limited"
    assert time.monotonic() - started < 0.5


async def test_an_engine_that_keeps_failing_is_left_alone_until_a_probe_succeeds():
    clock = Clock()
    policy = Policy(budget=2, attempt=0.2, attempts=1, failures=2, cooldown=30)
    down = failing("connection", retryable=True)
    ear = Ear("a", down, down, down, "да")
    recogniser = Recogniser([ear, Ear("b", "b")], policy, clock)
    for _ in range(4):
        assert (await recogniser.recognise(SOUND, RUSSIAN)).engine == "b"
    assert ear.asked == 2, "an open circuit asks nobody"
    clock.extra += 31
    assert (await recogniser.recognise(SOUND, RUSSIAN)).engine == "b"
    assert ear.asked == 3, "the probe failed"
    assert [f.code for f in (await recogniser.recognise(SOUND, RUSSIAN)).failures] == ["circuit_open"]
    clock.extra += 31
    assert (await recogniser.recognise(SOUND, RUSSIAN)).engine == "a"
    assert (await recogniser.recognise(SOUND, RUSSIAN)).engine == "a"


async def test_a_caller_who_leaves_during_a_probe_leaves_the_engine_to_the_next():
    clock = Clock()
    policy = Policy(budget=60, attempt=60, attempts=1, failures=1, cooldown=30)
    ear = Ear("a", failing("connection"), "hang", "да")
    recogniser = Recogniser([ear], policy, clock)
    assert await code_of(recogniser.recognise(SOUND, RUSSIAN)) == "connection"
    clock.extra += 31
    leaving = asyncio.create_task(recogniser.recognise(SOUND, RUSSIAN))
    await asyncio.sleep(0.02)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await recogniser.recognise(SOUND, RUSSIAN)).transcript.text == "да"


async def test_failures_over_a_requests_content_leave_the_circuit_closed():
    ear = Ear("a", failing("too_long"))
    recogniser = Recogniser([ear], Policy(budget=2, attempt=0.2, failures=1))
    for _ in range(3):
        assert await code_of(recogniser.recognise(SOUND, RUSSIAN)) == "too_long"
    assert ear.asked == 3


def test_one_probe_at_a_time_and_an_abandoned_one_blocks_nobody():
    clock = Clock()
    breaker = CircuitBreaker(1, 10, clock)
    assert breaker.admit()
    breaker.failed()
    assert breaker.open
    assert not breaker.admit()
    clock.extra += 11
    assert breaker.admit()
    assert not breaker.admit()
    breaker.abandoned()
    assert breaker.admit()
    breaker.succeeded()
    assert not breaker.open


async def test_each_attempt_is_reported():
    seen: list[Attempt] = []
    engines = [Ear("a", failing("connection", retryable=True)), Ear("b", "да")]
    await Recogniser(engines, QUICK, observer=seen.append).recognise(SOUND, RUSSIAN)
    assert [(a.engine, a.code) for a in seen] == [("a", "connection"), ("a", "connection"), ("b", "")]
    assert all(0 <= a.seconds < 1 and a.stage is Stage.SPEECH_TO_TEXT for a in seen)


async def test_start_fails_only_where_no_engine_works():
    class Missing(Ear):
        async def start(self) -> None:
            failing("not_installed")()

    class Broken(Ear):
        async def start(self) -> None:
            raise OSError("x")

    await Recogniser([Missing("a", "x"), Ear("b", "x")], QUICK).start()
    assert await code_of(Recogniser([Missing("a", "x"), Broken("b", "x")], QUICK).start()) == "not_installed"


async def test_close_reaches_every_engine():
    class Stubborn(Ear):
        async def close(self) -> None:
            raise RuntimeError

    last = Ear("b", "x")
    await Recogniser([Stubborn("a", "x"), last], QUICK).close()
    assert last.closed


class Mouth:
    """A voice that says its text's bytes, or fails."""

    capabilities = TtsCapabilities(frozenset({"ru", "en"}), 16_000)

    def __init__(self, name: str, failure: Callable[[], None] | None = None, sound: bytes = b"\x01\x02" * 800) -> None:
        self.name = name
        self.failure = failure
        self.sound = sound
        self.asked = 0

    def voice(self, language: str) -> str:
        return f"{self.name}-{language}"

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        self.asked += 1
        if self.failure is not None:
            self.failure()
        yield self.sound

    async def close(self) -> None: ...


async def test_speech_is_prepared_once_per_sentence_and_voice():
    mouth = Mouth("a")
    speaker = Speaker([mouth], SpeechCache(), QUICK)
    first = await speaker.prepare("Алло", "ru")
    again = await speaker.prepare("Алло", "ru")
    other = await speaker.prepare("Алло", "en")
    assert mouth.asked == 2
    assert first.pcm == again.pcm == mouth.sound
    assert first.cache_key == again.cache_key != other.cache_key
    assert (first.engine, first.rate, first.text) == ("a", 16_000, "Алло")
    assert b"".join([chunk async for chunk in first.chunks()]) == mouth.sound


async def test_speech_has_the_rate_that_was_chosen():
    prepared = await Speaker([Mouth("a")], None, QUICK, rate=8000).prepare("Алло", "ru")
    assert prepared.rate == 8000
    assert prepared.audio.seconds == pytest.approx(0.05, abs=0.002)


async def test_another_voice_speaks_while_the_first_is_down():
    speaker = Speaker([Mouth("a", failing("not_installed")), Mouth("b")], SpeechCache(), QUICK)
    prepared = await speaker.prepare("Алло", "ru")
    assert (prepared.engine, [f.code for f in prepared.failures]) == ("b", ["not_installed"])


async def test_a_sentence_spoken_before_is_there_while_every_voice_is_down():
    first, second = Mouth("a", failing("connection")), Mouth("b")
    speaker = Speaker([first, second], SpeechCache(), QUICK)
    assert (await speaker.prepare("Алло", "ru")).engine == "b"
    second.failure = failing("connection")
    assert (await speaker.prepare("Алло", "ru")).engine == "b"
    assert await code_of(speaker.prepare("Другое", "ru")) == "connection"
    assert await code_of(speaker.prepare("Алло", "kk")) == "language_not_supported"


async def test_no_sound_is_a_failure_and_is_not_kept():
    mouth = Mouth("a", sound=b"")
    speaker = Speaker([mouth], SpeechCache(), QUICK)
    assert await code_of(speaker.prepare("Алло", "ru")) == "no_audio"
    mouth.sound = b"\x01\x02"
    assert (await speaker.prepare("Алло", "ru")).pcm == b"\x01\x02"


class Report(BaseModel):
    summary: str


class Other(BaseModel):
    x: int = 0


class Mind:
    def __init__(self, name: str, *deltas) -> None:
        self.name = name
        self.deltas = deltas
        self.ended = 0

    async def reply(self, messages, schema, tools=()):
        try:
            for delta in self.deltas:
                if isinstance(delta, Exception):
                    raise delta
                yield delta
        finally:
            # Whoever awaits here ends only where the reply is closed, not where it is left to the garbage collector.
            await asyncio.sleep(0)
            self.ended += 1

    async def close(self) -> None: ...


ANSWER = Answer(Report(summary="s"), "{}", "m")
ASKED = [Message("user", "help")]


async def test_the_model_that_gives_the_object_serves():
    bad = Mind("bad", ProviderError(Stage.LANGUAGE_MODEL, "invalid_answer"))
    wrong = Mind("wrong", TextDelta("hm"), Answer(Other(), "{}", "m"))
    thought = await Thinker([bad, wrong, Mind("good", ANSWER)], QUICK).answer(ASKED, Report)
    assert (thought.answer, thought.engine) == (ANSWER, "good")
    assert [f.code for f in thought.failures] == ["invalid_answer", "invalid_answer"]


async def test_a_model_that_would_go_on_talking_is_ended_with_its_answer():
    talkative = Mind("a", ANSWER, TextDelta("and another thing"))
    await Thinker([talkative], QUICK).answer(ASKED, Report)
    assert talkative.ended == 1


async def test_without_a_model_the_thinker_is_not_available():
    thinker = Thinker([], QUICK)
    assert not thinker.available
    await thinker.start()
    assert await code_of(thinker.answer(ASKED, Report)) == "no_engine"
    assert Thinker([Mind("a", ANSWER)], QUICK).available
