"""Times of speech out of the times of packets."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evals.runner.ear import Speech


def packets(*stretches: tuple[float, float]) -> list[float]:
    return [float(time) for start, end in stretches for time in np.arange(start, end, 0.02)]


def test_speech_begins_after_silence_and_not_in_mid_word() -> None:
    speech = Speech(packets((1.0, 2.0), (2.1, 3.0), (5.0, 6.0)))
    assert speech.onset_after(0.0) == 1.0
    assert speech.onset_after(1.5) == 5.0
    assert speech.onset_after(5.5) is None


def test_speech_over_a_moment_is_known_with_its_beginning() -> None:
    speech = Speech(packets((1.0, 2.0), (2.1, 3.0)))
    assert speech.spoke_over(2.05) == 1.0
    assert speech.spoke_over(2.5) == 1.0
    assert speech.spoke_over(0.5) is None
    assert speech.spoke_over(3.5) is None


def test_the_stop_is_the_end_of_the_last_sound_before_a_pause() -> None:
    speech = Speech(packets((1.0, 2.0), (2.1, 3.0), (4.0, 5.0)))
    assert speech.silent_from(1.5, now=9.0) == pytest.approx(3.0)
    assert speech.silent_from(4.5, now=5.05) is None
    assert speech.silent_from(3.5, now=9.0) == 3.5


def test_the_longest_silence_counts_the_edges() -> None:
    speech = Speech(packets((1.0, 2.0), (2.5, 3.0)))
    assert speech.longest_silence(1.0, 3.0) == pytest.approx(0.52)
    assert speech.longest_silence(1.0, 5.0) == pytest.approx(2.02)
