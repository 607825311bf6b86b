"""Voices are given words, at one loudness, within bounds; the text as it was written stays on the speech."""

import asyncio

import numpy as np
import pytest

from dialogue import loudness
from dialogue.errors import ProviderError
from dialogue.loudness import Loudness
from dialogue.resilience import Policy, Speaker, SpeechCache
from dialogue.resilience import speaker as module
from dialogue.speech_cache import cache_key
from dialogue.spoken import LONGEST
from tests.fakes.streaming import StepVoice

QUICK = Policy(budget=1.0, attempt=0.15, attempts=1, pause=0.01)
RATE = 16_000
TONE = (np.sin(np.arange(RATE * 2) / 5) * 3000).astype("<i2").tobytes()


async def sound(speech) -> bytes:
    return b"".join([chunk async for chunk in speech.chunks()])


def rms(pcm: bytes) -> float:
    return float(np.sqrt((np.frombuffer(pcm, dtype="<i2").astype(float) ** 2).mean()))


@pytest.mark.parametrize("streamed", [True, False])
async def test_the_voice_gets_words_and_the_record_what_was_written(streamed):
    voice = StepVoice(TONE)
    speaker = Speaker([voice], None, QUICK)
    speech = speaker.stream("ул. Абая, д. 12", "ru") if streamed else await speaker.prepare("ул. Абая, д. 12", "ru")
    await sound(speech)
    assert voice.asked == ["улица Абая, дом двенадцать"]
    assert speech.text == "ул. Абая, д. 12"


async def test_what_sounds_alike_is_made_once():
    voice = StepVoice(TONE)
    speaker = Speaker([voice], SpeechCache(), QUICK)
    first = await speaker.prepare("Дом 12", "ru")
    again = await speaker.prepare("Дом двенадцать", "ru")
    assert (len(voice.asked), first.cache_key) == (1, again.cache_key)


async def test_another_reading_of_a_text_is_another_sound(monkeypatch):
    speaker = Speaker([StepVoice(TONE)], SpeechCache(), QUICK)
    before = (await speaker.prepare("Дом 12", "ru")).cache_key
    monkeypatch.setattr(module, "spoken", lambda text, language: "дом дюжина")
    assert (await speaker.prepare("Дом 12", "ru")).cache_key != before


async def test_another_treatment_of_loudness_is_another_sound(monkeypatch):
    def key() -> str:
        return Speaker([StepVoice(TONE)], None, QUICK, loudness=Loudness()).stream("Алло", "ru").cache_key

    plain = Speaker([StepVoice(TONE)], None, QUICK).stream("Алло", "ru").cache_key
    now = key()
    monkeypatch.setattr(module, "LOUDNESS_VERSION", loudness.VERSION + "x")
    assert len({plain, now, key()}) == 3


def test_the_key_tells_every_part_from_the_next():
    keys = {cache_key(*parts) for parts in (("a", "b", 1, "c", "d"), ("a", "b", 1, "d", "c"), ("a", "b", 1, "c"))}
    assert len(keys) == 3


async def test_an_engine_on_another_machine_makes_the_same_sound():
    here, there = StepVoice(TONE, name="espeak"), StepVoice(TONE, name="espeak@worker")
    speaker = Speaker([there, here], SpeechCache(), QUICK)
    await sound(speaker.stream("Алло", "ru"))
    assert (await Speaker([here], speaker._cache, QUICK).prepare("Алло", "ru")).pcm == TONE
    assert (len(there.asked), len(here.asked)) == (1, 0)


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_loud_and_a_quiet_voice_are_heard_alike(streamed):
    quiet = (np.frombuffer(TONE, dtype="<i2") / 3).astype("<i2").tobytes()
    heard = []
    for made in (TONE, quiet):
        speaker = Speaker([StepVoice(made[:8000], made[8000:])], None, QUICK, loudness=Loudness())
        speech = speaker.stream("Алло", "ru") if streamed else await speaker.prepare("Алло", "ru")
        heard.append(await sound(speech))
    assert [len(pcm) for pcm in heard] == [len(TONE)] * 2
    assert rms(heard[1]) == pytest.approx(rms(heard[0]), rel=0.05)


@pytest.mark.parametrize("text", ["😀👍", "<b></b>", "\x00\x07", "***"])
async def test_a_text_without_words_is_a_moment_of_silence_and_asks_no_voice(text):
    voice = StepVoice(TONE)
    speaker = Speaker([voice], SpeechCache(), QUICK)
    prepared = await speaker.prepare(text, "ru")
    streamed = await sound(speaker.stream(text, "ru", 8000))
    assert (any(prepared.pcm), any(streamed), voice.asked) == (False, False, [])
    assert (prepared.audio.seconds, len(streamed)) == (pytest.approx(0.1), 1600)


@pytest.mark.parametrize("streamed", [True, False])
async def test_ten_thousand_characters_are_refused_and_close_no_circuit(streamed):
    voice = StepVoice(TONE)
    speaker = Speaker([voice], SpeechCache(), QUICK)
    text = "слово " * 1700
    for _ in range(5):
        with pytest.raises(ProviderError) as caught:
            await (sound(speaker.stream(text, "ru")) if streamed else speaker.prepare(text, "ru"))
        assert caught.value.code == "too_long"
    assert await sound(speaker.stream("с" * LONGEST, "ru")) == TONE


async def test_what_is_kept_outlives_the_process_and_is_made_once(tmp_path):
    voice = StepVoice(TONE, name="voice")
    speaker = Speaker([voice], SpeechCache(tmp_path), QUICK)
    assert await speaker.keep("Алло", "ru") == ("voice", True)
    assert await speaker.keep("Алло", "ru") == ("voice", False)
    later = StepVoice(asyncio.Event(), name="voice")
    assert (await Speaker([later], SpeechCache(tmp_path), QUICK).prepare("Алло", "ru")).pcm == TONE
    assert (len(voice.asked), later.asked) == (1, [])


async def test_one_engine_is_tried_out_whatever_lies_in_the_cache():
    first, second = StepVoice(TONE, name="first"), StepVoice(TONE, name="second")
    speaker = Speaker([first, second], SpeechCache(), QUICK)
    await speaker.prepare("Алло", "ru")
    assert (await speaker.try_out("first", "Алло", "ru")).engine == "first"
    assert (await speaker.try_out("second", "Алло", "ru")).engine == "second"
    assert (len(first.asked), len(second.asked), speaker.engines) == (2, 1, ("first", "second"))
    with pytest.raises(ProviderError) as caught:
        await speaker.try_out("second", "Алло", "uk")
    assert caught.value.code == "language_not_supported"
