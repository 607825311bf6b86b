"""Recordings of every usual form become the sound that was recorded, and anything else a clear error."""

import io
import wave

import numpy as np
import pytest

from dialogue.audio import Audio, AudioFormatError, read_wav


def tone(rate: int = 8000, seconds: float = 0.5) -> np.ndarray:
    return (np.sin(np.arange(int(rate * seconds)) / rate * 2 * np.pi * 440) * 12_000).astype("<i2")


def wav(data: bytes, rate: int = 8000, width: int = 2, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return out.getvalue()


def test_a_recording_is_read_as_it_was_written(tmp_path):
    audio = Audio(tone().tobytes(), 8000)
    path = tmp_path / "a.wav"
    path.write_bytes(audio.to_wav())
    assert read_wav(path) == read_wav(audio.to_wav()) == audio
    assert audio.seconds == 0.5


@pytest.mark.parametrize(
    ("width", "encode", "tolerance"),
    [
        (1, lambda s: ((s >> 8) + 128).astype(np.uint8).tobytes(), 256),
        (3, lambda s: b"".join(int(v << 8).to_bytes(3, "little", signed=True) for v in s.astype(int)), 0),
        (4, lambda s: (s.astype("<i4") << 16).tobytes(), 0),
    ],
)
def test_other_sample_widths_become_16_bits(width, encode, tolerance):
    found = np.frombuffer(read_wav(wav(encode(tone()), width=width)).pcm, dtype="<i2").astype(int)
    assert np.abs(found - tone()).max() <= tolerance


def test_two_channels_are_mixed():
    stereo = np.column_stack([tone(), np.zeros_like(tone())]).astype("<i2").tobytes()
    found = np.frombuffer(read_wav(wav(stereo, channels=2)).pcm, dtype="<i2").astype(int)
    assert np.abs(found - tone() // 2).max() <= 1


def test_a_recording_that_was_cut_short_gives_what_is_there():
    whole = wav(tone().tobytes())
    assert read_wav(whole[: 44 + 4001]).pcm == tone().tobytes()[:4000]


def test_a_huge_recording_is_cut_at_the_limit():
    assert read_wav(wav(bytes(80_000)), max_seconds=1.5).seconds == 1.5


@pytest.mark.parametrize("data", [b"", b"RIFF", b"<html>not sound</html>", b"\x00" * 100, wav(b"", rate=1)])
def test_what_is_no_recording_is_refused(data):
    with pytest.raises(AudioFormatError):
        read_wav(data)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(AudioFormatError):
        read_wav(tmp_path / "none.wav")


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 48_000])
def test_resampling_keeps_duration_and_pitch(rate):
    audio = Audio(tone(8000, 1.0).tobytes(), 8000).at(rate)
    assert audio.rate == rate
    assert audio.seconds == pytest.approx(1.0, abs=0.001)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(audio.pcm, dtype="<i2").astype(float)))
    assert np.argmax(spectrum) == pytest.approx(440, abs=2)


def test_no_sound_at_any_rate_is_no_sound():
    assert Audio(b"", 8000).at(16_000) == Audio(b"", 16_000)


def test_silence_around_speech_goes_and_a_margin_stays() -> None:
    tone = (np.sin(np.arange(16_000) / 5) * 8000).astype("<i2").tobytes()
    silence = b"\1\0" * 16_000
    trimmed = Audio(silence + tone + silence, 16_000).without_silence(margin=0.1)
    assert trimmed.seconds == pytest.approx(1.2, abs=0.05)
    assert tone in trimmed.pcm


def test_silence_alone_and_nothing_at_all_stay_as_they_are() -> None:
    for pcm in (b"", b"\0\0" * 16_000, b"\1\0"):
        assert Audio(pcm, 16_000).without_silence().pcm == pcm
