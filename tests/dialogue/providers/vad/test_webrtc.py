"""Speech starts and stops where a listener would say, however the sound is cut up."""

import subprocess

import numpy as np
import pytest

from dialogue.audio import Audio, read_wav
from dialogue.errors import ProviderError
from dialogue.providers.vad.webrtc import WebRtc


def silence(seconds: float, rate: int, loudness: float = 8) -> bytes:
    """Line noise, as a telephone has it, rather than digital zeros."""
    return np.random.default_rng(2).normal(0, loudness, int(seconds * rate)).astype("<i2").tobytes()


def spoken(text: str, folder, rate: int) -> Audio:
    path = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(path)], check=True, timeout=20)
    return read_wav(path).at(rate)


def edges(pcm: bytes, rate: int, chunk: int = 3200):
    stream = WebRtc().stream(rate)
    return [edge for start in range(0, len(pcm), chunk) for edge in stream.feed(pcm[start : start + chunk])]


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_speech_between_silences_has_a_start_and_a_stop(rate, tmp_path):
    said = spoken("somebody stole my car last night", tmp_path, rate)
    found = edges(silence(1, rate) + said.pcm + silence(1, rate), rate)
    assert [edge.started for edge in found] == [True, False]
    assert 0.8 <= found[0].seconds <= 1.4
    assert 1 + said.seconds - 0.6 <= found[1].seconds <= 1 + said.seconds + 0.4


@pytest.mark.parametrize("word", ["da", "yes", "no"])
def test_a_short_answer_is_kept(word, tmp_path):
    said = spoken(word, tmp_path, 8000)
    found = edges(silence(0.5, 8000) + said.pcm + silence(1, 8000), 8000)
    assert [edge.started for edge in found] == [True, False]


@pytest.mark.parametrize("loudness", [0, 8, 100, 800])
def test_noise_of_a_line_is_not_speech_and_hides_none(loudness, tmp_path):
    assert edges(silence(3, 8000, loudness), 8000) == []
    said = np.frombuffer(spoken("yes", tmp_path, 8000).pcm, dtype="<i2")
    noise = np.frombuffer(silence(3, 8000, loudness), dtype="<i2").copy()
    noise[8000 : 8000 + len(said)] += said // 2
    assert [edge.started for edge in edges(noise.tobytes(), 8000)] == [True, False]


def test_a_tenth_of_a_second_of_voice_is_kept(tmp_path):
    said = np.frombuffer(spoken("da", tmp_path, 8000).pcm, dtype="<i2")
    loudest = int(np.argmax(np.convolve(np.abs(said.astype(float)), np.ones(800), mode="valid")))
    vowel = said[loudest : loudest + 800].tobytes()
    found = edges(silence(1, 8000) + vowel + silence(1, 8000), 8000)
    assert [edge.started for edge in found] == [True, False]


def test_who_speaks_at_once_is_heard_from_the_start(tmp_path):
    said = spoken("yes it is", tmp_path, 8000).pcm[4000:]
    assert edges(said + silence(1, 8000), 8000)[0].seconds == 0.0


def test_a_click_and_line_noise_are_not_speech():
    click = (np.sin(np.arange(0, 0.03, 1 / 8000) * 2 * np.pi * 400) * 9000).astype("<i2").tobytes()
    assert edges(silence(1, 8000) + click + silence(2, 8000), 8000) == []
    assert edges(bytes(32_000), 8000) == []


@pytest.mark.parametrize("chunk", [1, 7, 320, 100_000])
def test_the_cut_of_the_stream_does_not_matter(chunk, tmp_path):
    pcm = silence(0.4, 8000) + spoken("yes it is", tmp_path, 8000).pcm + silence(0.8, 8000)
    assert edges(pcm, 8000, chunk) == edges(pcm, 8000)


def test_a_pause_in_a_sentence_does_not_end_it_and_a_long_one_does(tmp_path):
    word = spoken("yes", tmp_path, 8000).pcm
    word = word[2000:-2000]
    short = edges(silence(0.5, 8000) + word + silence(0.1, 8000) + word + silence(1, 8000), 8000)
    long = edges(silence(0.5, 8000) + word + silence(1, 8000) + word + silence(1, 8000), 8000)
    assert len(short) == 2
    assert [edge.started for edge in long] == [True, False, True, False]
    times = [edge.seconds for edge in long]
    assert times == sorted(times)


def test_another_rate_is_refused():
    with pytest.raises(ProviderError):
        WebRtc().stream(11_025)
