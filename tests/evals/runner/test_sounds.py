"""The caller's sounds are what the file asks for, and nothing around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dialogue.audio import Audio
from tests.evals.runner import sounds
from tests.evals.runner.script import Sound


def level_db(audio: Audio) -> float:
    samples = np.frombuffer(audio.pcm, "<i2").astype(np.float64)
    return 20 * float(np.log10(np.sqrt(np.mean(samples * samples)) / 32768))


@pytest.mark.parametrize("sound", [sounds.noise(-40.0, 1.0), sounds.music(-30.0, 2.0)])
def test_noise_and_music_have_their_loudness(sound: Audio) -> None:
    assert level_db(sound) == pytest.approx(-40 if sound.seconds < 1.5 else -30, abs=0.5)


def test_words_have_their_loudness_and_no_silence_around_them(tmp_path: Path) -> None:
    spoken = sounds.make(Sound(text="no", level_db=-32), "slt", tmp_path)
    assert level_db(spoken) == pytest.approx(-32, abs=0.5)
    assert 0.1 < spoken.seconds < 0.6


def test_another_language_is_spoken(tmp_path: Path) -> None:
    assert sounds.make(Sound(text="здравствуйте"), "espeak:ru", tmp_path).seconds > 0.4


def test_a_file_is_played(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(sounds.music(-20, 0.5).to_wav())
    assert sounds.make(Sound(file="a.wav"), "slt", tmp_path).seconds == pytest.approx(0.5, abs=0.05)


def test_a_voice_that_does_not_exist_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(sounds.SoundError, match="espeak:qq"):
        sounds.make(Sound(text="a"), "espeak:qq", tmp_path)


def test_a_cough_is_short() -> None:
    assert sounds.cough().seconds < 0.35
