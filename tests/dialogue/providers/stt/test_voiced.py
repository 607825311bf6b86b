"""What of an utterance is given to a recogniser."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.audio import Audio
from dialogue.errors import ProviderError
from dialogue.providers.stt.voiced import FRAME, LONGEST, VoiceFinder, stretches, voiced_frames
from tests.dialogue.providers.stt.conftest import silence, spoken


async def found(sound: Audio) -> list[tuple[float, float]]:
    """Seconds of each stretch, and of voice in it."""
    return [(len(s.pcm) / 32_000, s.seconds) for s in await VoiceFinder().find(sound.pcm)]


async def test_silence_before_after_and_long_between_is_left_out(speech: Audio) -> None:
    apart = Audio(silence(4).pcm + speech.pcm + silence(6).pcm + speech.pcm + silence(4).pcm, 16_000)
    ((seconds, voice),) = await found(apart)

    assert seconds < 2 * speech.seconds + 1.2
    assert 0.6 * speech.seconds < voice / 2 < speech.seconds


@pytest.mark.parametrize(
    ("word", "language"), [("да", "ru"), ("нет", "ru"), ("иә", "kk"), ("жоқ", "kk"), ("ні", "uk"), ("no", "en")]
)
async def test_a_short_answer_is_voice(word: str, language: str, tmp_path: Path) -> None:
    sound = Audio(silence(2).pcm + spoken(word, tmp_path, language).pcm + silence(2).pcm, 16_000)
    ((seconds, voice),) = await found(sound)

    assert 0.05 < voice < 0.6
    assert seconds < 1.2


@pytest.mark.parametrize("rate", [8000])
async def test_a_telephones_narrow_sound_is_voice_too(rate: int, speech: Audio) -> None:
    assert len(await found(speech.at(rate).at(16_000))) == 1


@pytest.mark.parametrize("sound", [silence(5, 0), silence(5, 8), silence(5, 2000), Audio(b"", 16_000)])
async def test_noise_is_no_voice(sound: Audio) -> None:
    assert await found(sound) == []


async def test_a_long_report_is_cut_where_the_caller_pauses(speech: Audio) -> None:
    report = Audio((speech.pcm + silence(1).pcm) * 25, 16_000)
    parts = await found(report)

    assert len(parts) >= 2
    assert all(seconds <= LONGEST for seconds, _ in parts)
    assert sum(voice for _, voice in parts) == pytest.approx(25 * (await found(speech))[0][1], rel=0.1)


@given(st.lists(st.floats(0, 1), max_size=400))
def test_no_voice_is_lost_or_doubled(probabilities: list[float]) -> None:
    voiced = voiced_frames(probabilities)  # type: ignore[arg-type]
    pcm = b"".join(number.to_bytes(2, "little") * 512 for number in range(len(voiced)))
    kept = [
        int.from_bytes(part.pcm[start : start + 2], "little")
        for part in stretches(pcm, voiced)
        for start in range(0, len(part.pcm), 1024)
    ]

    assert kept == sorted(set(kept))
    assert {number for number, voice in enumerate(voiced) if voice} <= set(kept)


@given(st.integers(1, 3000))
def test_no_stretch_is_longer_than_a_recogniser_takes(frames: int) -> None:
    parts = stretches(bytes(1024 * frames), [True] * frames)

    assert all(len(part.pcm) <= LONGEST * 32_000 for part in parts)
    assert sum(part.seconds for part in parts) == pytest.approx(frames * FRAME)


async def test_a_missing_package_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialogue.providers.silero.find_spec", lambda name: None)
    with pytest.raises(ProviderError, match="silero-vad") as caught:
        await VoiceFinder().start()
    assert (caught.value.stage, caught.value.code) == ("speech_to_text", "not_installed")
