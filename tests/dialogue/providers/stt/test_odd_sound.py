"""Sound as it should not come: it is recognised, or refused in words that say what it is."""

from __future__ import annotations

import asyncio
import io
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dialogue.audio import Audio, AudioFormatError, read_wav
from dialogue.errors import ProviderError
from dialogue.ports import SttRequest
from dialogue.providers.stt.faster_whisper import FasterWhisper, FasterWhisperConfig
from dialogue.resilience import Policy, Recogniser
from tests.dialogue.providers.stt.conftest import RUSSIAN, SENTENCE


@pytest.fixture(scope="module")
def recogniser(parrot_folder: Path) -> Iterator[Recogniser]:
    engine = FasterWhisper(FasterWhisperConfig(str(parrot_folder), threads=1))
    recogniser = Recogniser([engine], Policy(budget=60, attempt=60))
    asyncio.run(recogniser.start())
    yield recogniser
    asyncio.run(recogniser.close())


def wav(speech: Audio, rate: int, channels: int, width: int) -> bytes:
    """The same speech in another form."""
    samples = np.frombuffer(speech.at(rate).pcm, dtype="<i2")
    match width:
        case 1:
            frames = ((samples >> 8) + 128).astype(np.uint8)
        case 2:
            frames = samples
        case _:
            frames = samples.astype("<i4") << 16
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.repeat(frames, channels).tobytes())
    return out.getvalue()


@pytest.mark.parametrize(
    ("rate", "channels", "width"),
    [(8000, 1, 2), (8000, 1, 1), (44_100, 2, 2), (48_000, 2, 4), (11_025, 1, 1), (22_050, 1, 2)],
)
async def test_any_rate_width_and_number_of_channels_is_heard(
    recogniser: Recogniser, speech: Audio, rate: int, channels: int, width: int
) -> None:
    found = await recogniser.recognise(read_wav(wav(speech, rate, channels, width)), RUSSIAN)
    assert found.transcript.text == SENTENCE


@pytest.mark.parametrize(
    "content",
    [b"", b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x64" + bytes(2000), b"RIFF", b"OggS" + bytes(100)],
    ids=["zero bytes", "MP3", "header alone", "Ogg"],
)
def test_what_is_no_wav_is_refused_whatever_its_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFormatError, match="not a PCM WAV file"):
        read_wav(path)


async def test_a_wav_without_a_sample_has_no_words(recogniser: Recogniser) -> None:
    assert (await recogniser.recognise(read_wav(Audio(b"", 8000).to_wav()), RUSSIAN)).transcript.text == ""


async def test_two_hours_are_cut_and_end_in_time(recogniser: Recogniser, speech: Audio, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        minute = (speech.at(8000).pcm + bytes(8000 * 2 * 60))[: 8000 * 2 * 60]
        for _ in range(120):
            file.writeframes(minute)
    began = time.monotonic()
    found = await recogniser.recognise(read_wav(path), RUSSIAN)

    assert found.transcript.text.startswith(SENTENCE)
    assert time.monotonic() - began < 30


async def test_a_language_nobody_has_is_refused_before_anything_is_done(recogniser: Recogniser, speech: Audio) -> None:
    with pytest.raises(ProviderError) as caught:
        await recogniser.recognise(speech, SttRequest("xx"))
    assert caught.value.code == "language_not_supported"
