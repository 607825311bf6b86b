"""Speech is given on while it is made, at the line's rate, by the first voice that begins."""

import asyncio

import pytest

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import ProviderError, Stage
from dialogue.resilience import Policy, Speaker, SpeechCache
from tests.fakes.streaming import StepVoice

QUICK = Policy(budget=1.0, attempt=0.15, attempts=1, pause=0.01)
DOWN = ProviderError(Stage.TEXT_TO_SPEECH, "connection", "d")
PIECE = b"\x01\x02" * 1600


async def sound(speech) -> bytes:
    return b"".join([chunk async for chunk in speech.chunks()])


async def test_the_first_chunk_is_there_while_the_voice_still_works():
    go_on = asyncio.Event()
    speech = Speaker([StepVoice(PIECE, go_on, PIECE)], None, QUICK).stream("Алло", "ru")
    chunks = speech.chunks()
    assert await anext(chunks) == PIECE
    assert (speech.engine, speech.rate, speech.text) == ("voice", 16_000, "Алло")
    go_on.set()
    assert [chunk async for chunk in chunks] == [PIECE]


@pytest.mark.parametrize(("own", "wanted"), [(22_050, 16_000), (16_000, 8000), (8000, 16_000)])
async def test_the_line_gets_its_own_rate_in_whole_samples(own, wanted):
    # Odd pieces: an engine cuts its stream where it likes.
    voice = StepVoice(*[b"\x01\x02\x03" * 101] * 100, rate=own)
    speech = Speaker([voice], None, QUICK).stream("Алло", "ru", wanted)
    chunks = [chunk async for chunk in speech.chunks()]
    assert all(chunk and len(chunk) % SAMPLE_BYTES == 0 for chunk in chunks)
    made = 3 * 101 * 100 // SAMPLE_BYTES / own
    assert len(b"".join(chunks)) / SAMPLE_BYTES / wanted == pytest.approx(made, abs=0.01)
    assert speech.rate == wanted


async def test_sound_made_to_its_end_comes_at_once_the_next_time_and_only_at_its_rate():
    voice = StepVoice(PIECE, PIECE)
    speaker = Speaker([voice], SpeechCache(), QUICK)
    first = speaker.stream("Алло", "ru")
    made = await sound(first)
    again = speaker.stream("Алло", "ru")
    assert (await sound(again), len(voice.asked), again.engine) == (made, 1, "voice")
    assert again.cache_key == first.cache_key
    assert (await speaker.prepare("Алло", "ru")).pcm == made
    assert len(voice.asked) == 1
    await sound(speaker.stream("Алло", "ru", 8000))
    assert len(voice.asked) == 2
    assert (await speaker.prepare("Алло", "ru", 8000)).rate == 8000
    assert len(voice.asked) == 2


async def test_sound_that_was_left_halfway_is_not_kept():
    voice = StepVoice(PIECE, PIECE)
    speaker = Speaker([voice], SpeechCache(), QUICK)
    speech = speaker.stream("Алло", "ru")
    await anext(speech.chunks())
    await speech.aclose()
    assert voice.ended == 1
    assert await sound(speaker.stream("Алло", "ru")) == PIECE * 2
    assert len(voice.asked) == 2


@pytest.mark.parametrize(
    ("steps", "code"), [((DOWN,), "connection"), ((asyncio.Event(),), "timeout"), ((b"",), "no_audio")]
)
async def test_until_the_first_chunk_another_voice_takes_over(steps, code):
    bad, good = StepVoice(*steps, name="bad"), StepVoice(PIECE, name="good")
    speech = Speaker([bad, good], SpeechCache(), QUICK).stream("Алло", "ru")
    before = speech.cache_key
    assert await sound(speech) == PIECE
    assert (speech.engine, [f.code for f in speech.failures], bad.ended) == ("good", [code], 1)
    assert speech.cache_key != before, "another voice is another sound"


async def test_a_voice_that_breaks_off_or_hangs_is_no_endless_silence():
    for broken, code in ((DOWN, "connection"), (asyncio.Event(), "timeout")):
        cache = SpeechCache()
        speech = Speaker([StepVoice(PIECE, broken), StepVoice(PIECE)], cache, QUICK).stream("Алло", "ru")
        chunks = speech.chunks()
        assert await anext(chunks) == PIECE
        with pytest.raises(ProviderError) as caught:
            await anext(chunks)
        assert caught.value.code == code
        assert await cache.get(speech.cache_key, 16_000) is None


async def test_a_slow_line_costs_the_voice_no_time():
    speech = Speaker([StepVoice(PIECE, PIECE)], None, Policy(budget=0.2, attempt=0.1)).stream("Алло", "ru")
    chunks = speech.chunks()
    await anext(chunks)
    await asyncio.sleep(0.3)
    assert await anext(chunks) == PIECE


async def test_sound_made_in_better_times_serves_while_every_voice_is_down():
    first, second = StepVoice(DOWN, name="a"), StepVoice(PIECE, name="b")
    speaker = Speaker([first, second], SpeechCache(), QUICK)
    await sound(speaker.stream("Алло", "ru"))
    second.steps = (DOWN,)
    again = speaker.stream("Алло", "ru")
    assert (await sound(again), again.engine) == (PIECE, "b")
    with pytest.raises(ProviderError):
        await sound(speaker.stream("Другое", "ru"))
    with pytest.raises(ProviderError) as caught:
        await sound(speaker.stream("Алло", "uk"))
    assert caught.value.code == "language_not_supported"
