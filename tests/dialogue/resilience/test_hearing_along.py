"""The caller is recognised while they speak, whichever engines die under way."""

import asyncio
import time

import pytest

from dialogue.audio import Audio
from dialogue.errors import ProviderError, Stage
from dialogue.ports import SttRequest
from dialogue.resilience import Policy, Recogniser
from tests.fakes.streaming import RATE, StreamingEar

QUICK = Policy(budget=1.0, attempt=0.2, attempts=1, pause=0.01)
RUSSIAN = SttRequest("ru")
DOWN = ProviderError(Stage.SPEECH_TO_TEXT, "connection", "d")
SECOND = 2 * RATE


def speech(text: str) -> list[bytes]:
    """A second of sound that `StreamingEar` understands as ``text``, in pieces of 20 ms."""
    pcm = text.encode().ljust(SECOND, b"\0")
    return [pcm[start : start + SECOND // 50] for start in range(0, SECOND, SECOND // 50)]


async def say(live, text: str) -> None:
    for frame in speech(text):
        live.feed(frame)
    # One turn of the loop for each step the engine makes.
    for _ in range(20):
        await asyncio.sleep(0)


async def test_words_are_there_while_the_caller_speaks_and_final_at_the_end():
    ear = StreamingEar()
    live = Recogniser([ear], QUICK).listen(RUSSIAN, RATE)
    await say(live, "помогите ")
    assert live.streaming
    assert live.partial is not None
    assert (live.partial.text, live.partial.final) == ("помогите ", False)
    guess = await live.guess(Audio(b"", RATE))
    assert (guess.transcript.text, guess.engine, guess.seconds) == ("помогите ", "streaming", 0.0)
    await say(live, "горим")
    found = await live.finish()
    assert found.transcript.text == "помогите горим"
    assert found.transcript.final
    assert (found.engine, found.failures, ear.asked, ear.ended) == ("streaming", (), 1, 1)


async def test_another_rate_is_made_the_engines():
    ear = StreamingEar(rate=8000)
    live = Recogniser([ear], QUICK).listen(RUSSIAN, RATE)
    await say(live, "")
    await live.finish()
    assert len(ear.heard) == pytest.approx(SECOND / 2, abs=8)


@pytest.mark.parametrize("error", [DOWN, ValueError("secret")])
async def test_the_next_engine_hears_everything_from_the_start(error):
    dying, good = StreamingEar("dying", error=error, dies_at=SECOND // 2), StreamingEar("good")
    live = Recogniser([dying, good], QUICK).listen(RUSSIAN, RATE)
    await say(live, "помогите ")
    await say(live, "горим")
    found = await live.finish()
    assert (found.transcript.text, found.engine) == ("помогите горим", "good")
    assert [f.code for f in found.failures] == ["connection" if error is DOWN else "unexpected"]
    assert (dying.ended, good.ended) == (1, 1)


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (StreamingEar("first", error=DOWN, dies_at=10), "connection"),
        (StreamingEar("first", hangs=True), "timeout"),
        (StreamingEar("first", stops_at=10), "ended_early"),
    ],
)
async def test_an_engine_for_whole_utterances_takes_over_at_the_end(first, code):
    whole = StreamingEar("whole", streaming=False)
    live = Recogniser([first, whole], QUICK).listen(RUSSIAN, RATE)
    await say(live, "горим")
    started = time.monotonic()
    found = await live.finish()
    assert (found.transcript.text, found.engine, [f.code for f in found.failures]) == ("горим", "whole", [code])
    assert first.asked == first.ended == 1, "who failed on the stream is not asked again while another is there"
    assert time.monotonic() - started < 0.5


async def test_an_only_engine_that_died_on_the_stream_is_asked_once_more():
    ear = StreamingEar(error=DOWN, dies_at=10)
    live = Recogniser([ear], QUICK).listen(RUSSIAN, RATE)
    await say(live, "горим")
    ear.error = None
    found = await live.finish()
    assert (found.transcript.text, [f.code for f in found.failures]) == ("горим", ["connection"])


async def test_an_engine_for_whole_utterances_is_asked_at_pauses_and_at_the_end():
    whole, streaming = StreamingEar("whole", streaming=False), StreamingEar("streaming")
    live = Recogniser([whole, streaming], QUICK).listen(RUSSIAN, RATE)
    await say(live, "помогите ")
    assert (live.streaming, live.partial) == (False, None)
    guess = await live.guess(Audio(b"".join(speech("помогите ")), RATE))
    assert guess.transcript.text == "помогите "
    await say(live, "горим")
    assert (await live.finish()).transcript.text == "помогите горим"
    assert streaming.asked == 0, "the order of preference is the order that counts"


async def test_an_engine_that_keeps_failing_is_left_alone():
    policy = Policy(budget=1, attempt=0.2, attempts=1, failures=1, cooldown=60)
    dying, good = StreamingEar("dying", error=DOWN, dies_at=10), StreamingEar("good")
    recogniser = Recogniser([dying, good], policy)
    for _ in range(3):
        live = recogniser.listen(RUSSIAN, RATE)
        await say(live, "да")
        found = await live.finish()
    assert (found.engine, [f.code for f in found.failures], dying.asked) == ("good", ["circuit_open"], 1)


async def test_a_cancelled_utterance_ends_the_engine_and_blames_nobody():
    ear = StreamingEar()
    recogniser = Recogniser([ear], Policy(budget=1, attempt=0.2, failures=1, cooldown=60))
    live = recogniser.listen(RUSSIAN, RATE)
    await say(live, "да")
    await live.cancel()
    assert ear.ended == 1
    again = recogniser.listen(RUSSIAN, RATE)
    await say(again, "нет")
    assert (await again.finish()).transcript.text == "нет"


async def test_nothing_heard_asks_no_streaming_engine():
    ear = StreamingEar()
    await Recogniser([ear], QUICK).listen(RUSSIAN, RATE).cancel()
    assert ear.asked == 0


async def test_sound_is_kept_only_so_long(monkeypatch):
    monkeypatch.setattr("dialogue.resilience.hearing_along.LONGEST", 2.0)
    whole = StreamingEar("whole", streaming=False)
    live = Recogniser([whole], QUICK).listen(RUSSIAN, RATE)
    for _ in range(3):
        live.feed(b"\0" * SECOND)
    await live.finish()
    assert len(whole.heard) == 2 * SECOND


async def test_where_nobody_speaks_the_language_the_end_says_so():
    class English(StreamingEar):
        def __init__(self):
            super().__init__()
            self.capabilities = type(self.capabilities)(frozenset({"en"}), RATE, True)

    live = Recogniser([English()], QUICK).listen(RUSSIAN, RATE)
    live.feed(b"\0\0")
    with pytest.raises(ProviderError) as caught:
        await live.finish()
    assert caught.value.code == "language_not_supported"
