"""The measuring code of the live benchmarks: what it says of sounds and packets that are known."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from tests.benchmarks.live_sound import (
    IDENTITIES,
    NOBODY,
    Packet,
    answer,
    longest_hole,
    percentile,
    silent_after,
    told,
    voice,
    whose,
)
from webadmin.operations.sip_rtp import CODECS, decoder, encoder

RATE = 8000


def packets(*times: float, silent: Iterable[float] = (), first: int = 65_530) -> list[Packet]:
    """Packets at these times, numbered one after another; those of ``silent`` hold no sound."""
    quiet = set(silent)
    return [Packet(at, (first + n) & 0xFFFF, at not in quiet, b"%d" % n) for n, at in enumerate(times)]


def every_20_ms(start: float, count: int) -> list[float]:
    return [start + n * 0.02 for n in range(count)]


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_voice_and_its_answer_tell_whose_they_are_after_a_telephone_line(codec: str) -> None:
    encode, decode = encoder(CODECS[codec]), decoder(CODECS[codec])
    for identity in range(0, IDENTITIES, 7):
        assert whose(decode(encode(voice(identity, 1.2, RATE))), RATE) == identity
        assert whose(decode(encode(answer(identity, 1.2, RATE))), RATE) == identity


def test_two_calls_in_one_sound_are_nobodys() -> None:
    both = np.frombuffer(answer(3, 1.0), "<i2") // 2 + np.frombuffer(answer(77, 1.0), "<i2") // 2
    assert whose(both.astype("<i2").tobytes(), 16_000) == NOBODY
    assert whose(answer(NOBODY, 1.0), 16_000) == NOBODY
    assert whose(bytes(32_000), 16_000) == NOBODY


def test_a_hole_in_continuous_sound_is_found_and_measured() -> None:
    sound = bytearray(answer(5, 1.0))
    assert longest_hole(bytes(sound), 16_000) == 0
    sound[9600:12_800] = bytes(3200)
    assert longest_hole(bytes(sound), 16_000) == pytest.approx(0.1)


def test_an_answer_begins_and_ends_with_its_sound() -> None:
    times = every_20_ms(10.0, 10)
    heard = told(packets(*times, silent={*times[:2], *times[8:]}), 0.0, 100.0)
    assert (heard.began, heard.ended) == (times[2], times[7])
    assert heard.seconds == pytest.approx(0.12)
    assert heard.sound == b"234567"
    assert heard.missing == 0


def test_what_came_before_or_later_belongs_to_another_answer() -> None:
    heard = told(packets(1.0, 2.0, 3.0), 1.5, 2.5)
    assert (heard.began, heard.ended) == (2.0, 2.0)
    assert told(packets(1.0), 1.5, 2.5).began is None


def test_a_late_packet_is_a_wait_and_a_lost_one_is_missing_also_where_numbers_begin_again() -> None:
    there = packets(*every_20_ms(0.0, 5), *every_20_ms(0.17, 5))
    assert told(there, 0.0, 9.0).longest_wait == pytest.approx(0.09)
    assert told([*there[:4], *there[6:]], 0.0, 9.0).missing == 2


def test_silence_begins_with_the_last_packet_before_a_quiet() -> None:
    speaking = packets(*every_20_ms(0.0, 20), *every_20_ms(2.0, 5))
    assert silent_after(speaking, 0.3, 1.5) == pytest.approx(0.10)


def test_one_that_speaks_on_is_never_silent() -> None:
    assert silent_after(packets(*every_20_ms(0.0, 100)), 0.3, 1.5) is None


def test_percentiles() -> None:
    assert percentile([], 0.95) == 0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile(list(range(100)), 0.95) == 95
