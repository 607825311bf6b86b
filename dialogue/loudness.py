"""One loudness for every voice, found while it speaks.

The programme loudness of EBU R 128 (ITU-R BS.1770) needs a whole sentence before its first sample may be changed, so
the libraries for it fit no stream. Here the level is the power of what is speech in it: frames of 20 ms, gated as
R 128 gates (above a floor, then above 10 dB under the mean). A voice keeps its level from sentence to sentence, so it
is learnt once per voice and the gain hardly moves afterwards.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

VERSION = "1"
"""Part of the key of cached sound: a change of what is done here makes other sound."""

TARGET = -20.0
"""Level of speech in dB of full scale: about -22 LUFS, with room for the peaks of a voice."""

FLOOR = -50.0
"""dB of full scale below which a frame is a pause."""

GATE = 10.0
"""dB below the mean of what is above the floor at which a frame counts as a pause too."""

LARGEST = 15.0
"""dB by which a voice is made louder or softer at most."""

ENOUGH = 0.4
"""Seconds of speech from which a voice's level can be told."""

REMEMBERED = 20.0
"""Seconds of speech by which a level is known; later speech moves it by its share of so many seconds."""

KNEE = 0.8
"""Share of full scale above which peaks are rounded."""

FRAME_SECONDS = 0.02

Samples = npt.NDArray[np.float64]


class VoiceLevel:
    """What is known of one voice's level.

    Attributes:
        seconds: of speech it rests on, at most `REMEMBERED`.
        power: mean square of speech, full scale being 1.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.power = 0.0

    @property
    def known(self) -> bool:
        """Whether there was enough speech to tell."""
        return self.seconds >= ENOUGH

    @property
    def gain(self) -> float:
        """By what the voice's samples are multiplied; 1 where nothing is known."""
        if self.power <= 0:
            return 1.0
        change = TARGET - 10 * np.log10(self.power)
        return float(10 ** (max(-LARGEST, min(LARGEST, change)) / 20))

    def learn(self, powers: Samples) -> None:
        """Take the mean squares of more frames into account."""
        loud = powers[powers > 10 ** (FLOOR / 10)]
        if not len(loud):
            return
        speech = loud[loud > loud.mean() * 10 ** (-GATE / 10)]
        new = len(speech) * FRAME_SECONDS
        total = self.seconds + new
        self.power = (self.power * self.seconds + float(speech.mean()) * new) / total
        self.seconds = min(total, REMEMBERED)


class Loudness:
    """The levels of all voices, by name."""

    def __init__(self) -> None:
        self._voices: dict[str, VoiceLevel] = {}

    def leveller(self, voice: str, rate: int) -> Leveller:
        """Return what brings one text of a voice to the common loudness.

        Args:
            voice: engine and voice.
            rate: Hz.
        """
        return Leveller(self._voices.setdefault(voice, VoiceLevel()), rate)


class Leveller:
    """Brings one stream of sound to the common loudness.

    Of a voice that is not known yet sound is held back until `ENOUGH` of it is speech.

    Args:
        level: what is known of the voice.
        rate: Hz.
    """

    def __init__(self, level: VoiceLevel, rate: int) -> None:
        self._level = level
        self._frame = max(1, int(rate * FRAME_SECONDS))
        self._unmeasured = np.empty(0)
        self._held: list[Samples] = []
        self._powers: list[Samples] = []
        self._gain: float | None = level.gain if level.known else None

    def feed(self, pcm: bytes) -> bytes:
        """Take more 16-bit mono PCM (whole samples) and return what can be said of it at its loudness."""
        samples = np.frombuffer(pcm, dtype="<i2") / 32_768
        self._measure(samples)
        if self._gain is not None:
            return _limited(samples * self._gain)
        self._held.append(samples)
        trial = VoiceLevel()
        trial.learn(np.concatenate(self._powers))
        if trial.known:
            return self._let_go(trial.gain)
        return b""

    def end(self) -> bytes:
        """Return what was held back, and remember the voice."""
        if self._powers:
            self._level.learn(np.concatenate(self._powers))
        return self._let_go(self._level.gain) if self._gain is None else b""

    def _measure(self, samples: Samples) -> None:
        waiting = np.concatenate([self._unmeasured, samples])
        whole = len(waiting) // self._frame * self._frame
        self._powers.append((waiting[:whole].reshape(-1, self._frame) ** 2).mean(axis=1))
        self._unmeasured = waiting[whole:]

    def _let_go(self, gain: float) -> bytes:
        self._gain = gain
        held, self._held = self._held, []
        return _limited(np.concatenate(held) * gain) if held else b""


def _limited(samples: Samples) -> bytes:
    """Round peaks off above the knee, so that none is cut, and return 16-bit PCM."""
    size = np.abs(samples)
    over = size > KNEE
    if over.any():
        room = 1 - KNEE
        samples = np.where(over, np.sign(samples) * (KNEE + room * np.tanh((size - KNEE) / room)), samples)
    return np.round(samples * 32_767).astype("<i2").tobytes()
