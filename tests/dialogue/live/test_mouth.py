"""Sentences are made while others are heard, nothing gapes between them, and what was heard is always known."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from dialogue.errors import CallerHungUp, ProviderError, Stage
from dialogue.live.mouth import AHEAD, Mouth
from dialogue.resilience import Policy, Speaker
from tests.fakes.streaming import ClockedLine, StepVoice

QUICK = Policy(budget=2.0, attempt=1.0, attempts=1)
DOWN = ProviderError(Stage.TEXT_TO_SPEECH, "connection", "d")
SECOND = b"\x10\x20" * 16_000


async def each(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def a_mouth(*voices: StepVoice, rate: int = 16_000) -> tuple[Mouth, ClockedLine]:
    line = ClockedLine(rate)
    return Mouth(Speaker(voices or [StepVoice()], None, QUICK), line), line


async def test_it_returns_when_the_last_sound_was_heard():
    mouth, line = a_mouth()
    speaking = asyncio.create_task(mouth.speak(each("One two.", "Three."), "en"))
    await until(lambda: line.queued >= 2)
    line.pass_seconds(1.9)
    await asyncio.sleep(0.01)
    assert not speaking.done()
    line.pass_seconds(0.1)
    uttered = await speaking
    assert (uttered.text, uttered.heard_text, uttered.whole) == ("One two. Three.", "One two. Three.", True)
    assert uttered.seconds == pytest.approx(2.0)
    assert uttered.engine == "voice"
    assert 0 < uttered.first_sound_seconds < 1


async def test_the_first_sound_is_given_while_the_sentence_is_still_made_and_the_answer_still_written():
    written, made = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[str]:
        yield "One."
        await written.wait()
        yield "Two."

    mouth, line = a_mouth(StepVoice(SECOND, made, SECOND))
    first: list[float] = []
    speaking = asyncio.create_task(mouth.speak(pieces(), "en", on_first=lambda: first.append(line.queued)))
    await until(lambda: bool(first))
    assert first == [1.0]
    assert not speaking.done()
    made.set()
    await until(lambda: line.queued >= 2)
    written.set()
    line.pass_seconds(2)
    await until(lambda: line.queued >= 2)
    line.pass_seconds(2)
    assert (await speaking).seconds == pytest.approx(4.0)
    assert len(first) == 1


async def test_sound_that_was_made_meanwhile_goes_to_the_line_in_one_piece(monkeypatch: pytest.MonkeyPatch):
    going_on = asyncio.Event()
    mouth, line = a_mouth(StepVoice(SECOND[:3200], going_on, *[SECOND[:3200]] * 9))
    given: list[int] = []
    play = line.play

    async def slowly(pcm: bytes) -> None:
        given.append(len(pcm))
        if len(given) == 1:
            going_on.set()
            await until(lambda: sum(map(len, mouth._pieces[0].chunks)) == 28_800)
        await play(pcm)

    monkeypatch.setattr(line, "play", slowly)
    speaking = asyncio.create_task(mouth.speak(each("One."), "en"))
    await until(lambda: line.queued >= 1)
    line.pass_seconds(1)
    assert (await speaking).seconds == pytest.approx(1.0)
    assert given == [3200, 28_800]


async def test_the_next_sentence_is_made_while_one_is_heard_but_not_the_whole_answer():
    voice = StepVoice(SECOND, SECOND)
    mouth, line = a_mouth(voice)
    taken: list[str] = []

    async def pieces() -> AsyncIterator[str]:
        for number in range(8):
            taken.append(f"Sentence {number}.")
            yield taken[-1]

    speaking = asyncio.create_task(mouth.speak(pieces(), "en"))
    await until(lambda: len(voice.asked) > AHEAD)
    await asyncio.sleep(0.02)
    assert line.queued == 2.0, "the line holds the sentence that is heard"
    # The one that waits for the line is the next: it and those made after it.
    assert len(voice.asked) == len(taken) == 2 + AHEAD
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)


async def test_between_sentences_the_line_never_runs_dry(monkeypatch):
    monkeypatch.setattr("dialogue.live.mouth.IN_HAND", 0.15)
    mouth, line = a_mouth(StepVoice(SECOND[: len(SECOND) // 3]))
    speaking = asyncio.create_task(mouth.speak(each("One.", "Two.", "Three.", "Four."), "en"))
    await until(lambda: line.queued > 0)
    last, dry = time.monotonic(), 0
    while line.played < 1.3:
        await asyncio.sleep(0.005)
        now = time.monotonic()
        line.pass_seconds(now - last)
        last = now
        dry += line.queued == 0 and line.played < 1.3
    line.pass_seconds(1)
    assert (await speaking).whole
    assert dry == 0


async def test_the_lines_rate_is_kept():
    mouth, line = a_mouth(rate=8000)
    speaking = asyncio.create_task(mouth.speak(each("One."), "en"))
    await until(lambda: line.queued > 0.99)
    line.pass_seconds(2)
    assert (await speaking).seconds == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("seconds", "heard"),
    [
        (0.0, ""),
        (0.1, ""),
        (0.35, "alpha"),
        (0.5, "alpha bravo"),
        (0.98, "alpha bravo charlie delta."),
        (1.0, "alpha bravo charlie delta."),
        (1.5, "alpha bravo charlie delta. echo"),
        (2.0, "alpha bravo charlie delta. echo foxtrot."),
    ],
)
async def test_a_caller_who_cuts_in_has_heard_whole_words_only(seconds, heard):
    mouth, line = a_mouth()
    speaking = asyncio.create_task(mouth.speak(each("alpha bravo charlie delta.", "echo foxtrot."), "en"))
    await until(lambda: line.queued >= 2)
    line.pass_seconds(seconds)
    assert mouth.heard() == heard
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)
    uttered = mouth.uttered(whole=False)
    assert (uttered.heard_text, uttered.whole) == (heard, False)
    assert uttered.seconds == pytest.approx(seconds)
    assert uttered.text == "alpha bravo charlie delta. echo foxtrot."


async def test_what_was_heard_only_grows_and_is_always_a_beginning_of_what_was_said():
    mouth, line = a_mouth()
    texts = ["alpha bravo charlie.", "delta " * 60 + "echo.", "…", "foxtrot golf hotel."]
    speaking = asyncio.create_task(mouth.speak(each(*texts), "en"))
    await until(lambda: line.queued >= 2)
    before = ""
    for _ in range(200):
        line.pass_seconds(0.01)
        heard = mouth.heard()
        assert heard.startswith(before)
        assert " ".join(texts).startswith(heard)
        assert heard == "" or heard[-1] in ".…" or " ".join(texts)[len(heard)] == " "
        before = heard
    await until(lambda: line.queued > 0)
    line.pass_seconds(1)
    assert (await speaking).heard_text == " ".join(texts)


async def test_of_a_sentence_still_being_made_no_more_counts_than_can_have_been_said():
    mouth, line = a_mouth(StepVoice(SECOND, asyncio.Event()))
    text = "alpha bravo charlie delta echo foxtrot golf hotel"
    speaking = asyncio.create_task(mouth.speak(each(text), "en"))
    await until(lambda: line.queued >= 1)
    line.pass_seconds(1)
    assert mouth.heard() == "alpha"
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)


async def test_what_was_queued_before_counts_for_nothing():
    line = ClockedLine()
    await line.play(SECOND)
    mouth = Mouth(Speaker([StepVoice()], None, QUICK), line)
    speaking = asyncio.create_task(mouth.speak(each("One."), "en"))
    await until(lambda: line.queued >= 2)
    line.pass_seconds(1)
    assert mouth.uttered(whole=False).seconds == 0
    assert mouth.heard() == ""
    line.pass_seconds(1)
    assert (await speaking).seconds == pytest.approx(1.0)


async def test_cancelling_ends_voice_and_answer_at_once():
    voice = StepVoice(SECOND, asyncio.Event())
    closed = asyncio.Event()

    async def pieces() -> AsyncIterator[str]:
        try:
            yield "One."
            yield "Two."
        finally:
            closed.set()

    mouth, line = a_mouth(voice)
    speaking = asyncio.create_task(mouth.speak(pieces(), "en"))
    await until(lambda: line.queued >= 1)
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)
    assert (voice.ended, closed.is_set()) == (1, True)


async def test_a_voice_that_fails_is_told_of_and_another_speaks():
    mouth, line = a_mouth(StepVoice(DOWN, name="bad"), StepVoice(name="good"))
    speaking = asyncio.create_task(mouth.speak(each("One."), "en"))
    await until(lambda: line.queued >= 1)
    line.pass_seconds(1)
    uttered = await speaking
    assert (uttered.engine, [f.code for f in uttered.failures]) == ("good", ["connection"])


async def test_where_every_voice_fails_what_was_given_is_heard_before_the_error():
    voice = StepVoice(SECOND)
    mouth, line = a_mouth(voice)

    async def pieces() -> AsyncIterator[str]:
        yield "One."
        voice.steps = (DOWN,)
        yield "Two."

    speaking = asyncio.create_task(mouth.speak(pieces(), "en"))
    await until(lambda: len(voice.asked) == 2)
    await asyncio.sleep(0.01)
    assert not speaking.done()
    line.pass_seconds(1)
    with pytest.raises(ProviderError):
        await speaking
    assert mouth.uttered(whole=False).heard_text == "One."


async def test_a_sentence_whose_voice_breaks_off_is_said_again_whole():
    policy = Policy(budget=2.0, attempt=1.0, attempts=1, failures=1)
    broken, good = StepVoice(SECOND[:16_000], DOWN, name="broken"), StepVoice(name="good")
    line = ClockedLine()
    mouth = Mouth(Speaker([broken, good], None, policy), line)
    speaking = asyncio.create_task(mouth.speak(each("Where are you?"), "en"))
    await until(lambda: line.queued >= 1.5)
    line.pass_seconds(1)
    assert mouth.heard() != "Where are you?"
    line.pass_seconds(1)
    uttered = await speaking
    assert (uttered.heard_text, uttered.whole) == ("Where are you?", True)
    assert [f.code for f in uttered.failures] == ["connection", "circuit_open"]
    assert (broken.asked, good.asked) == (["Where are you?"], ["Where are you?"])


async def test_where_it_breaks_off_again_that_is_an_error():
    mouth, line = a_mouth(StepVoice(SECOND, DOWN))
    speaking = asyncio.create_task(mouth.speak(each("One.", "Two."), "en"))
    await until(lambda: line.queued >= 2)
    line.pass_seconds(2)
    with pytest.raises(ProviderError):
        await speaking


async def test_a_failing_answer_is_the_callers_error():
    async def pieces() -> AsyncIterator[str]:
        raise RuntimeError("scenario")
        yield ""

    mouth, _ = a_mouth()
    with pytest.raises(RuntimeError):
        await mouth.speak(pieces(), "en")


async def test_a_caller_who_leaves_ends_it():
    mouth, line = a_mouth()
    speaking = asyncio.create_task(mouth.speak(each("One.", "Two."), "en"))
    await until(lambda: line.queued >= 2)
    line.pass_seconds(1.5)
    line.leave()
    with pytest.raises(CallerHungUp):
        await speaking
    assert mouth.uttered(whole=False).heard_text == "One."


async def test_nothing_to_say_and_marks_without_words_make_no_sound():
    mouth, line = a_mouth()
    assert (await mouth.speak(each(), "en")).engine == ""
    mouth, line = a_mouth(StepVoice(SECOND))
    speaking = asyncio.create_task(mouth.speak(each("…", "One.", "—"), "en"))
    await until(lambda: line.queued >= 1)
    assert line.queued == 1.0
    line.pass_seconds(1)
    assert (await speaking).heard_text == "… One. —"
