"""Every voice is as loud as the others, from its first word on, and no peak is cut. Judged by ITU-R BS.1770."""

import numpy as np
import pyloudnorm
import pytest

from dialogue.loudness import ENOUGH, TARGET, Loudness
from dialogue.providers.tts.espeak import Espeak

RATE = 16_000
SENTENCES = {
    "ru": "Служба сто два. Это автоматический помощник полиции. Что случилось?",
    "kk": "Бұл полицияның автоматты көмекшісі. Не болды?",
    "uk": "Це автоматичний помічник. Що сталося?",
    "en": "This is an automatic assistant of the police. What happened?",
}


async def speech(language: str) -> np.ndarray:
    pcm = b"".join([chunk async for chunk in Espeak().synthesise(SENTENCES[language], language)])
    return np.frombuffer(pcm, dtype="<i2") / 32_768


def as_pcm(samples: np.ndarray) -> bytes:
    return np.clip(np.round(samples * 32_767), -32_768, 32_767).astype("<i2").tobytes()


def levelled(loudness: Loudness, voice: str, samples: np.ndarray, rate: int = RATE, step: int = 1000) -> np.ndarray:
    leveller = loudness.leveller(voice, rate)
    pcm = as_pcm(samples)
    out = [leveller.feed(pcm[i : i + 2 * step]) for i in range(0, len(pcm), 2 * step)]
    return np.frombuffer(b"".join([*out, leveller.end()]), dtype="<i2") / 32_768


def lufs(samples: np.ndarray, rate: int = RATE) -> float:
    return pyloudnorm.Meter(rate).integrated_loudness(samples)


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("change", [-12.0, -4.0, 0.0])
async def test_voices_of_any_level_come_out_alike(language, change):
    loudness = Loudness()
    quiet = await speech(language) * 10 ** (change / 20)
    for _ in range(3):
        out = levelled(loudness, "v", quiet)
    assert len(out) == len(quiet)
    assert lufs(out) == pytest.approx(TARGET - 2, abs=1.5)


@pytest.mark.parametrize("rate", [8000, 16_000])
async def test_a_voice_that_is_not_known_is_near_it_from_the_first_sentence(rate):
    sound = (await speech("ru"))[:: RATE // rate] * 0.2
    assert lufs(levelled(Loudness(), "v", sound, rate), rate) == pytest.approx(TARGET - 2, abs=3)


async def test_sound_is_held_back_only_until_the_voice_is_known():
    loudness, pcm = Loudness(), as_pcm(await speech("ru"))
    first = loudness.leveller("v", RATE)
    needed = next(i for i in range(0, len(pcm), 640) if first.feed(pcm[i : i + 640]))
    assert ENOUGH <= needed / 2 / RATE < 3 * ENOUGH
    for i in range(needed + 640, len(pcm), 640):
        assert len(first.feed(pcm[i : i + 640])) == len(pcm[i : i + 640])
    assert first.end() == b""
    assert loudness.leveller("v", RATE).feed(pcm[:640])
    assert loudness.leveller("another", RATE).feed(pcm[:640]) == b""


async def test_the_loudness_of_a_sentence_is_not_pumped():
    loudness, sound = Loudness(), await speech("en")
    levelled(loudness, "v", sound)
    leveller = loudness.leveller("v", RATE)
    out = np.frombuffer(leveller.feed(as_pcm(sound)) + leveller.end(), dtype="<i2") / 32_768
    plain = (np.abs(sound) > 0.05) & (np.abs(out) < 0.79)
    gains = out[plain] / sound[plain]
    assert gains.max() - gains.min() < 0.01


async def test_peaks_are_rounded_not_cut():
    loudness = Loudness()
    burst = np.zeros(RATE)
    burst[::400] = 0.9
    sound = np.concatenate([await speech("ru") * 0.1, burst * 0.5])
    levelled(loudness, "v", sound)
    out = levelled(loudness, "v", sound)
    assert np.abs(out).max() < 1.0
    assert not np.any(np.diff(np.flatnonzero(np.abs(out) > 0.999)) == 1)


def test_silence_and_faint_noise_stay_what_they_are():
    noise = np.random.default_rng(1).normal(0, 0.0005, RATE)
    for sound in (np.zeros(RATE), noise):
        assert np.allclose(levelled(Loudness(), "v", sound), sound, atol=2 / 32_768)
    assert len(levelled(Loudness(), "v", np.zeros(0))) == 0


def test_a_shorter_word_than_can_be_measured_is_said_whole():
    word = np.sin(np.arange(RATE // 10) / 5) * 0.3
    out = levelled(Loudness(), "v", word)
    assert len(out) == len(word)
    assert np.abs(out).max() > 0.05
