"""An instance is given up when it is silent, and never because a clock or a look of ours was off."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ari_app.pulse import Life, Pulse

EPOCH = 1_800_000_000


def judged(looks: Iterable[tuple[float, str, int]], patience: float = 3.0) -> list[Life]:
    """What is thought after each look: (our clock, value, Asterisk's clock)."""
    pulse = Pulse(patience)
    return [pulse.look(value, asterisk, now) for now, value, asterisk in looks]


def beating(seconds: int, step: float = 0.25) -> list[tuple[float, str, int]]:
    """Looks at an instance that beats every second, half a second after Asterisk's clock turns."""
    times = [count * step for count in range(int(seconds / step))]
    return [(now, str(EPOCH + int(now - 0.5) if now >= 0.5 else EPOCH - 1), EPOCH + int(now)) for now in times]


def test_an_instance_that_beats_lives() -> None:
    assert set(judged(beating(20))) == {Life.ALIVE}


def test_one_that_takes_no_further_call_lives_too() -> None:
    assert set(judged((now, f"-{value}", asterisk) for now, value, asterisk in beating(20))) == {Life.ALIVE}


def test_one_that_falls_silent_is_given_up_after_three_seconds_and_not_before() -> None:
    looks = beating(5)
    last, value, _ = looks[-1]
    changed = min(now for now, seen, _ in looks if seen == value)
    silent = [(last + count * 0.25, value, EPOCH + int(last + count * 0.25)) for count in range(1, 20)]
    lives = judged(looks + silent)[len(looks) :]
    given_up = next(now for (now, _, _), life in zip(silent, lives, strict=True) if life is Life.SILENT)
    assert 3.0 <= given_up - changed <= 3.25


def test_it_is_back_with_its_next_sign_of_life() -> None:
    looks = [(0.0, str(EPOCH), EPOCH), (0.25, str(EPOCH), EPOCH + 9), (0.5, str(EPOCH + 9), EPOCH + 9)]
    assert judged(looks) == [Life.ALIVE, Life.SILENT, Life.ALIVE]


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_step_of_asterisks_clock_takes_no_call_away(step: int) -> None:
    looks = beating(5)
    last, value, _ = looks[-1]
    stepped = [(last + 0.25, value, EPOCH + 5 + step), (last + 0.5, value, EPOCH + 5 + step)]
    beats = [(last + 0.75, str(EPOCH + 5 + step), EPOCH + 5 + step)]
    assert set(judged(looks + stepped + beats)) == {Life.ALIVE}


def test_a_machine_that_stood_still_gives_the_instance_its_time_again() -> None:
    looks = beating(5)
    last, value, _ = looks[-1]
    assert judged([*looks, (last + 60, value, EPOCH + 65)])[-1] is Life.ALIVE
    assert judged([*looks, *((last + 60 + count, value, EPOCH + 65 + count) for count in range(5))])[-1] is Life.SILENT


@pytest.mark.parametrize(("age", "life"), [(0, Life.ALIVE), (3, Life.ALIVE), (4, Life.SILENT), (600, Life.SILENT)])
def test_the_first_look_trusts_asterisks_clock(age: int, life: Life) -> None:
    assert judged([(100.0, str(EPOCH), EPOCH + age)]) == [life]


@pytest.mark.parametrize("value", ["", "soon", "1e9", "٣", "9" * 40])
def test_what_is_no_sign_of_life_is_waited_for(value: str) -> None:
    lives = judged((count * 0.5, value, EPOCH + count // 2) for count in range(8))
    assert lives == [Life.ALIVE] * 6 + [Life.SILENT] * 2


def test_a_reload_that_empties_the_variable_takes_no_call_away() -> None:
    looks = beating(5)
    last, _, asterisk = looks[-1]
    assert judged([*looks, (last + 0.25, "", asterisk), (last + 1, str(EPOCH + 5), EPOCH + 5)])[-2:] == [Life.ALIVE] * 2


def test_one_that_has_said_good_bye_is_known_to_have_stopped() -> None:
    assert judged([*beating(3), (3.0, "0", EPOCH + 3)])[-1] is Life.STOPPED
