"""Silero's detector says where speech starts and stops, however the sound is cut up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dialogue.audio import Audio, read_wav
from dialogue.errors import ProviderError
from dialogue.live.ear import Ear, Edge, Pace
from dialogue.ports import VoiceEdge
from dialogue.providers.vad.silero import Silero, SileroConfig
from tests.dialogue.providers.vad.test_webrtc import silence, spoken

EACH_FRAME = SileroConfig(voiced=0.02, window=0.02, hangover=0.02, lead=0.0)
"""As the live door has it."""


def edges(pcm: bytes, rate: int, chunk: int = 3200, config: SileroConfig | None = None) -> list[VoiceEdge]:
    stream = Silero(config).stream(rate)
    return [edge for start in range(0, len(pcm), chunk) for edge in stream.feed(pcm[start : start + chunk])]


@pytest.mark.parametrize("config", [None, EACH_FRAME])
@pytest.mark.parametrize("rate", [8000, 16_000])
def test_speech_between_silences_has_a_start_and_a_stop(rate: int, config: SileroConfig | None, tmp_path: Path) -> None:
    said = spoken("somebody stole my car last night", tmp_path, rate)
    found = edges(silence(1, rate) + said.pcm + silence(1, rate), rate, config=config)

    assert (found[0].started, found[-1].started) == (True, False)
    assert [edge.seconds for edge in found] == sorted(edge.seconds for edge in found)
    assert 0.8 <= found[0].seconds <= 1.4
    assert 1 + said.seconds - 0.6 <= found[-1].seconds <= 1 + said.seconds + 0.4


@pytest.mark.parametrize("word", ["да", "нет", "иә", "ні"])
def test_a_short_answer_is_kept(word: str, tmp_path: Path) -> None:
    path = tmp_path / "word.wav"
    subprocess.run(["espeak-ng", "-v", "ru", "-w", str(path), word], check=True, timeout=20)
    said = read_wav(path).at(8000)
    found = edges(silence(0.5, 8000) + said.pcm + silence(1, 8000), 8000)

    assert [edge.started for edge in found] == [True, False]


@pytest.mark.parametrize("loudness", [0, 8, 100, 800, 3000])
def test_noise_of_a_line_is_not_speech(loudness: float) -> None:
    assert edges(silence(5, 8000, loudness), 8000) == []


@pytest.mark.parametrize("chunk", [2, 320, 1023, 64_000])
def test_how_the_sound_is_cut_up_makes_no_difference(chunk: int, tmp_path: Path) -> None:
    sound = silence(0.5, 8000) + spoken("yes", tmp_path, 8000).pcm + silence(1, 8000)

    assert edges(sound, 8000, chunk) == edges(sound, 8000, len(sound))


def test_streams_do_not_hear_each_other(tmp_path: Path) -> None:
    said = spoken("yes", tmp_path, 8000).pcm + silence(1, 8000)
    alone = edges(said, 8000, 320)
    one, other = Silero().stream(8000), Silero().stream(8000)
    found: list[VoiceEdge] = []
    for start in range(0, len(said), 320):
        found += one.feed(said[start : start + 320])
        other.feed(silence(0.02, 8000, 500))

    assert found == alone


@pytest.mark.parametrize("rate", [8000, 16_000])
@pytest.mark.parametrize("words", ["да", "нет, не надо", "украли машину на улице Абая"])
def test_the_live_doors_ear_finds_utterances_by_it(words: str, rate: int, tmp_path: Path) -> None:
    path = tmp_path / "words.wav"
    subprocess.run(["espeak-ng", "-v", "ru", "-w", str(path), words], check=True, timeout=20)
    sound = silence(1, rate) + read_wav(path).at(rate).pcm + silence(1, rate)
    ear = Ear(Silero(EACH_FRAME), rate, Pace())
    found = [edge for start in range(0, len(sound), rate // 25) for edge in ear.feed(sound[start : start + rate // 25])]

    assert (found[0], found[-1]) == (Edge.BEGAN, Edge.PAUSED)
    assert Edge.CUT not in found


def test_another_rate_is_refused() -> None:
    with pytest.raises(ProviderError) as caught:
        Silero().stream(44_100)
    assert caught.value.code == "rate_not_supported"


def test_torch_is_not_loaded_for_it(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom dialogue.providers.vad.silero import Silero\nSilero().stream(16000).feed(bytes(3200))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_a_sound_of_the_project_is_heard(tmp_path: Path) -> None:
    sound = read_wav(Path(__file__).parents[4] / "sounds" / "ru" / "busy.wav")

    assert edges(Audio(sound.pcm, sound.rate).at(8000).pcm, 8000)[0].started
