"""What the caller heard, measured on a stereo recording: the caller left, the assistant right.

The recording is the PBX's: it has what left for the caller and what arrived, without the way to the telephone. The
journal tells which of the assistant's words only bridged a wait, and when it gave way; its clock is fitted to the
recording by the assistant's own voice. Knows nothing of Django. All times are seconds from the recording's beginning.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webadmin.calls.voices import CLOSURE, FRAME, PAUSE, Span, agent_sound, caller_voice, spans

LONG_SILENCE = 2.0
RATES = (8000, 16_000, 32_000, 48_000)

EARLIEST, LATEST = -5.0, 2.0
"""Range in which the journal's clock may be off the recording's beginning, s."""

BESIDE = 1.0
"""How far from where the journal has it a sound may be and still be that utterance, s."""

STOP_WITHIN = 2.0
"""Longest time to fall silent that counts as giving way to the caller, s."""

NATURAL_GAP = 1.0
"""Longest gap within an utterance of which the journal tells nothing, s."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance of the assistant, as the journal has it.

    Args:
        turn: number of the exchange.
        ended: when it was over; seconds since about the beginning of the recording.
        seconds: how much of it was heard.
        filler: it only bridged a wait.
        answers: it answers something the caller said (not a greeting, not a question after silence).
        delay: the door's own figure of the answer's delay, where it has one.
    """

    turn: int
    ended: float
    seconds: float
    filler: bool = False
    answers: bool = True
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class Yielded:
    """The assistant fell silent because the caller spoke, as the journal has it.

    Args:
        turn: number of the exchange.
        at: when; by the same clock as `Spoken.ended`.
        resumed: it went on speaking afterwards.
        held_back: it had to speak on first, so how long that took is no measure.
    """

    turn: int
    at: float
    resumed: bool = False
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """From the end of the caller's speech to the first sound of a real answer.

    Args:
        turn: number of the exchange, where the journal tells.
        caller_ended: end of the caller's last word.
        began: first sound of the answer.
        reported: the door's own figure for the same, where it has one.
    """

    turn: int | None
    caller_ended: float
    began: float
    reported: float | None = None

    @property
    def seconds(self) -> float:
        return round(self.began - self.caller_ended, 3)


@dataclass(frozen=True, slots=True)
class Stop:
    """From the first sound of a caller who cuts in to the assistant's silence."""

    turn: int | None
    caller_began: float
    silent: float

    @property
    def seconds(self) -> float:
        return round(self.silent - self.caller_began, 3)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a recording shows.

    Args:
        seconds: how much of it was measured.
        caller: when the caller spoke.
        agent: when the assistant did.
        answers: how long the caller waited for each.
        stops: how long the assistant took to fall silent.
        silences: over `LONG_SILENCE`, in which neither spoke.
        talk_over: seconds in which both spoke.
        agent_gap: longest gap within an utterance of the assistant, s.
        offset: seconds by which the journal's clock was ahead of the recording.
    """

    seconds: float
    caller: tuple[Span, ...]
    agent: tuple[Span, ...]
    answers: tuple[Answer, ...]
    stops: tuple[Stop, ...]
    silences: tuple[Span, ...]
    talk_over: float
    agent_gap: float
    offset: float

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-compatible values, with the delays worked out."""
        fields = dataclasses.asdict(self)
        for name in ("answers", "stops"):
            for row, value in zip(fields[name], getattr(self, name), strict=True):
                row["seconds"] = value.seconds
        return fields


def measure(
    pcm: NDArray[np.int16],
    rate: int,
    *,
    said: Sequence[Spoken] = (),
    yielded: Sequence[Yielded] | None = None,
    until: float | None = None,
) -> Hearing:
    """Measure a stereo recording.

    Args:
        pcm: 16-bit samples, one row a moment: caller, assistant.
        rate: samples per second, one of `RATES`.
        said: the assistant's utterances in their order; none: every sound of the assistant is an answer.
        yielded: when the journal has it give way; None: it is told by the sound alone.
        until: end of the assistant's part; a person speaks on its channel afterwards.

    Raises:
        ValueError: it is not stereo, or of another rate.
    """
    if pcm.ndim != 2 or pcm.shape[1] != 2 or rate not in RATES:
        raise ValueError("a stereo recording at 8, 16, 32 or 48 kHz is needed")
    caller_mask, agent_mask = caller_voice(pcm[:, 0], rate), agent_sound(pcm[:, 1], rate)
    offset = fit(agent_mask, said)
    if until is not None:
        last = max(0, round((until - offset) / FRAME))
        caller_mask, agent_mask = caller_mask[:last], agent_mask[:last]
    caller, runs = spans(caller_mask, PAUSE), spans(agent_mask, CLOSURE)
    moved = [dataclasses.replace(one, ended=one.ended - offset) for one in said]
    owners = [_owner(run, moved) for run in runs]
    sound = _filled(caller, len(caller_mask)) | _filled(spans(agent_mask, PAUSE), len(agent_mask))
    stops = (
        _stops_by_sound(caller, spans(agent_mask, PAUSE))
        if yielded is None
        else _stops_by_journal(caller, runs, [dataclasses.replace(one, at=one.at - offset) for one in yielded])
    )
    gave_way = {one.turn for one in yielded or () if not one.resumed}
    return Hearing(
        seconds=round(len(caller_mask) * FRAME, 2),
        caller=tuple(caller),
        agent=tuple(spans(agent_mask, PAUSE)),
        answers=tuple(_answers(caller, runs, owners, gave_way)),
        stops=tuple(stops),
        silences=tuple(span for span in spans(~sound, 0.0) if span.seconds >= LONG_SILENCE),
        talk_over=round(float(np.count_nonzero(_filled(caller, len(caller_mask)) & agent_mask)) * FRAME, 2),
        agent_gap=_longest_gap(caller, runs, owners),
        offset=round(offset, 2),
    )


def fit(agent: NDArray[np.bool_], said: Sequence[Spoken]) -> float:
    """Return how far the journal's clock is ahead of the recording: where its utterances cover most of the sound."""
    if not said or not agent.any():
        return 0.0
    sums = np.concatenate(([0], np.cumsum(agent)))
    tried = np.arange(EARLIEST, LATEST, 2 * FRAME)
    ends = np.array([one.ended for one in said])
    starts = ends - np.array([one.seconds for one in said])
    frames = [
        np.clip(np.rint((times[None, :] - tried[:, None]) / FRAME).astype(int), 0, len(agent))
        for times in (starts, ends)
    ]
    covered = (sums[frames[1]] - sums[frames[0]]).sum(axis=1)
    best = tried[covered >= covered.max() - 1]
    # Utterances that begin or end in silence leave a choice: the middle, nearest to both edges.
    return float(best[len(best) // 2])


def _owner(run: Span, said: Sequence[Spoken]) -> Spoken | None:
    """The utterance a sound belongs to; None where the journal has none near."""
    best = max(said, key=lambda one: run.overlap(Span(one.ended - one.seconds, one.ended)), default=None)
    if best is None or run.overlap(Span(best.ended - best.seconds, best.ended)) < -BESIDE:
        return None
    return best


def _answers(
    caller: Sequence[Span], runs: Sequence[Span], owners: Sequence[Spoken | None], gave_way: set[int]
) -> list[Answer]:
    """Pair the end of what the caller said with the first real sound after it."""
    found: list[Answer] = []
    before: Span | None = None
    previous: Spoken | None = None
    taken = 0.0
    for run, owner in zip(runs, owners, strict=True):
        if owner is not None and owner.filler:
            continue
        begins = previous is not owner if owner else before is None or run.start - before.end >= PAUSE
        if begins and (owner is None or owner.answers):
            spoke = [span for span in caller if taken <= span.start < run.start]
            ended = max((span.end for span in spoke), default=0.0)
            dropped = owner is not None and (owner.turn in gave_way or owner.turn - 1 in gave_way)
            free = before is None or ended > before.end or dropped
            # Where the caller still spoke, the assistant cut in on them: that is no answer.
            if spoke and free and ended <= run.start:
                found.append(
                    Answer(owner.turn if owner else None, ended, run.start, owner.delay if owner else None),
                )
                taken = run.start
        before, previous = run, owner
    return found


def _stops_by_journal(caller: Sequence[Span], runs: Sequence[Span], yielded: Sequence[Yielded]) -> list[Stop]:
    """The assistant's silence next to where the journal has it give way, and the voice that it gave way to."""
    found = []
    for one in (one for one in yielded if not one.held_back):
        near = [run.end for run in runs if abs(run.end - one.at) <= STOP_WITHIN / 2]
        if not near:
            continue
        silent = min(near, key=lambda end: abs(end - one.at))
        voices = [span.start for span in caller if silent - STOP_WITHIN <= span.start < silent]
        if voices:
            found.append(Stop(one.turn, max(voices), silent))
    return found


def _stops_by_sound(caller: Sequence[Span], agent: Sequence[Span]) -> list[Stop]:
    """The caller begins while the assistant speaks, and still speaks when it falls silent soon after."""
    found = []
    for phrase in agent:
        for voice in caller:
            cuts_in = phrase.start < voice.start < phrase.end <= voice.end + PAUSE
            if cuts_in and phrase.end - voice.start <= STOP_WITHIN:
                found.append(Stop(None, voice.start, phrase.end))
                break
    return found


def _longest_gap(caller: Sequence[Span], runs: Sequence[Span], owners: Sequence[Spoken | None]) -> float:
    """Longest quiet within one utterance in which the caller was quiet too."""
    longest = 0.0
    for (run, owner), (after, its) in pairwise(zip(runs, owners, strict=True)):
        gap = Span(run.end, after.start)
        if owner is not its or (owner is None and gap.seconds > NATURAL_GAP):
            continue
        # A caller who spoke just before is why the assistant paused.
        if not any(voice.overlap(Span(gap.start - PAUSE, gap.end)) > 0 for voice in caller):
            longest = max(longest, gap.seconds)
    return round(longest, 2)


def _filled(found: Sequence[Span], length: int) -> NDArray[np.bool_]:
    """Frames that lie in one of the stretches."""
    mask = np.zeros(length, np.bool_)
    for span in found:
        mask[round(span.start / FRAME) : round(span.end / FRAME)] = True
    return mask
