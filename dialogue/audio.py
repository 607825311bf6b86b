"""Audio as it travels inside: 16-bit signed little-endian mono PCM with its rate beside it."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

SAMPLE_BYTES = 2


class AudioFormatError(ValueError):
    """The bytes are not audio that can be read."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A stretch of sound.

    Args:
        pcm: 16-bit signed little-endian mono samples.
        rate: samples per second, Hz.
    """

    pcm: bytes
    rate: int

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.pcm) / (SAMPLE_BYTES * self.rate)

    def at(self, rate: int) -> Audio:
        """Return the same sound at ``rate`` Hz (itself where it already is)."""
        if rate == self.rate or not self.pcm:
            return self if rate == self.rate else Audio(b"", rate)
        samples = np.frombuffer(self.pcm, dtype="<i2")
        return Audio(soxr.resample(samples, self.rate, rate).astype("<i2").tobytes(), rate)

    def without_silence(self, margin: float = 0.2) -> Audio:
        """Return the sound without the silence before and after it.

        Silence is what stays 36 dB under the loudest 20 ms and below an RMS of 60, so that a bang hides no whisper.
        Sound that is silent throughout is returned as it is.

        Args:
            margin: seconds of silence that are kept on either side.
        """
        samples = np.frombuffer(self.pcm, dtype="<i2").astype(np.float64)
        frame = self.rate // 50
        whole = len(samples) // frame
        if not whole:
            return self
        loudness = np.sqrt((samples[: whole * frame].reshape(whole, frame) ** 2).mean(axis=1))
        loud = np.flatnonzero(loudness > min(max(loudness.max() / 63, 1.0), 60.0))
        if not len(loud):
            return self
        kept = int(margin * self.rate)
        first = max(0, int(loud[0]) * frame - kept)
        last = (int(loud[-1]) + 1) * frame + kept
        return Audio(self.pcm[first * SAMPLE_BYTES : last * SAMPLE_BYTES], self.rate)

    def to_wav(self) -> bytes:
        """Return a RIFF WAVE file of this sound."""
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(SAMPLE_BYTES)
            file.setframerate(self.rate)
            file.writeframes(self.pcm)
        return out.getvalue()


def read_wav(source: Path | bytes, *, max_seconds: float = 600.0) -> Audio:
    """Read a WAV file, mixing channels down to one and 8, 24 or 32 bits to 16.

    A file cut short (a recorder that died before it wrote the length) gives what is there.

    Args:
        source: a path, or the file's bytes.
        max_seconds: longer sound is cut there, so that a huge file cannot fill the memory.

    Raises:
        AudioFormatError: it is not PCM WAV, or its header makes no sense.
    """
    try:
        stream = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with stream, wave.open(stream, "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if not 1000 <= rate <= 384_000 or not 1 <= channels <= 64:
                raise AudioFormatError(f"rate {rate} Hz with {channels} channels is not speech audio")
            raw = file.readframes(int(max_seconds * rate))
    except (wave.Error, EOFError, OSError, ValueError) as error:
        raise AudioFormatError(f"not a PCM WAV file: {error}") from error
    raw = raw[: len(raw) - len(raw) % (width * channels)]
    match width:
        case 1:
            samples = (np.frombuffer(raw, dtype=np.uint8).astype(np.int32) - 128) << 8
        case 2:
            samples = np.frombuffer(raw, dtype="<i2").astype(np.int32)
        case 3:
            triples = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3).astype(np.int32)
            samples = triples[:, 1] | (triples[:, 2].astype(np.int8).astype(np.int32) << 8)
        case 4:
            samples = np.frombuffer(raw, dtype="<i4") >> 16
        case _:
            raise AudioFormatError(f"{width * 8}-bit samples are not supported")
    if channels > 1:
        samples = samples.reshape(-1, channels).mean(axis=1)
    return Audio(samples.astype("<i2").tobytes(), rate)
