"""The live door with a real Asterisk, as callers hear it: answers, interruptions, gaps, cores per call.

python -m tests.benchmarks.bench_live [--only one,fifty,hundred,engines] [--seconds 30] [--profile FILE]

Engines are instant but for the last part; the journal, the database and Asterisk's recordings are the real ones. The
callers are RTP streams in a process of their own, whose own cost is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass

from tests.benchmarks.live_door import PROFILE_SETTING
from tests.benchmarks.live_engines import ANSWER_MS_SETTING
from tests.benchmarks.live_load import Heard, Load, LoadProcess
from tests.benchmarks.live_pbx import busy_seconds, cpu_seconds, live_door, sandbox
from tests.benchmarks.live_sound import percentile
from tests.benchmarks.live_words import report_engines
from tests.live.pbx import Sandbox

END_SILENCE = 0.3
"""Setting of every measurement with instant engines: shortest, usual and longest alike."""

STOP_LIMIT = 0.300
GAP_LIMIT = 0.060
CORES_LIMIT = 0.012
"""Of our process, for a call."""

CALLS_A_SECOND = 20
"""That come in until all are there."""


@dataclass(frozen=True)
class Part:
    """One measurement.

    Args:
        calls: at once.
        seconds: how long they talk.
        answer_seconds: length of each answer.
        late: limit of the 95th percentile of what comes on top of the end silence; None: none is set.
    """

    calls: int
    seconds: float
    answer_seconds: float
    late: float | None


def parts(seconds: float) -> dict[str, Part]:
    """The measurements, by name. One caller needs longer for enough answers."""
    return {
        "one": Part(1, 2 * seconds, 1.2, 0.060),
        "fifty": Part(50, seconds, 1.2, 0.150),
        "hundred": Part(100, seconds, 3.0, None),
    }


@dataclass(frozen=True)
class Cores:
    """How many cores each took during the measurement; the others should have taken next to none."""

    ours: float
    asterisk: float
    callers: float
    others: float


async def measure(pbx: Sandbox, pbx_process: int, part: Part, profile: str = "") -> tuple[Heard, Cores]:
    """Place the calls and return what was heard and what it cost."""
    silence = str(END_SILENCE)
    settings = {
        "STT_ENGINE": "whose",
        "TTS_ENGINE": "prepared",
        "LIVE_SHORTEST_SILENCE_SECONDS": silence,
        "LIVE_USUAL_SILENCE_SECONDS": silence,
        "LIVE_LONGEST_SILENCE_SECONDS": silence,
        ANSWER_MS_SETTING: str(round(part.answer_seconds * 1000)),
        **({PROFILE_SETTING: profile} if profile else {}),
    }
    uri = f"sip:112@127.0.0.1:{pbx.sip_port}"
    load = Load(uri, part.calls, part.seconds, part.answer_seconds, ramp=part.calls / CALLS_A_SECOND)
    with live_door(pbx, ["-m", "tests.benchmarks.live_door"], **settings) as door:
        async with LoadProcess(load) as callers:
            await callers.stage("up")
            await callers.stage("begin")
            before = busy_seconds(), cpu_seconds(door.process), cpu_seconds(pbx_process)
            await callers.stage("end")
            after = busy_seconds(), cpu_seconds(door.process), cpu_seconds(pbx_process)
            heard = await callers.heard()
    busy, ours, asterisk = ((later - earlier) / part.seconds for earlier, later in zip(before, after, strict=True))
    theirs = heard.cpu / part.seconds
    return heard, Cores(ours, asterisk, theirs, max(0.0, busy - ours - asterisk - theirs))


def report(part: Part, heard: Heard, cores: Cores) -> bool:
    """Print the figures; return whether the limits were kept."""
    count = f"{part.calls} call{'s at once' if part.calls > 1 else ''}"
    late = [delay - END_SILENCE for delay in heard.delays]
    late_95, stop_95 = percentile(late, 0.95), percentile(heard.stops, 0.95)
    good = bool(heard.delays and heard.stops) and stop_95 <= STOP_LIMIT and not heard.lost and not heard.mixed
    wanted = ""
    if part.late is not None:
        good &= late_95 <= part.late
        wanted = f" (wanted ≤ {ms(part.late)})"
    print(
        f"- {count}, caller's last word → first answer packet, {len(late)} answers: {ms(END_SILENCE)} of end silence "
        f"+ p50 {ms(percentile(late, 0.5))}, p95 {ms(late_95)}{wanted}, worst {ms(max(late, default=0))}; "
        f"{heard.unanswered} unanswered"
    )
    print(
        f"- {count}, caller's first sound → assistant silent, {len(heard.stops)} times: "
        f"p50 {ms(percentile(heard.stops, 0.5))}, p95 {ms(stop_95)} (wanted ≤ {ms(STOP_LIMIT)}), "
        f"worst {ms(max(heard.stops, default=0))}; {heard.never_silent} times it spoke on"
    )
    gaps = sum(max(wait, hole) > GAP_LIMIT for wait, hole in zip(heard.waits, heard.holes, strict=True))
    print(
        f"- {count}: {heard.lost} lost ({heard.refused} refused, {heard.ended} ended), {heard.mixed} answers mixed, "
        f"{heard.other} other than due, {gaps} with a gap over {ms(GAP_LIMIT)} (wanted 0 of each); longest time "
        f"between two packets of one p50 {ms(percentile(heard.waits, 0.5))}, worst {ms(max(heard.waits, default=0))}, "
        f"longest silence within one {ms(max(heard.holes, default=0))}; {heard.missing} packets missing, "
        f"{heard.cut_short} answers cut short"
    )
    each = cores.ours / part.calls
    print(
        f"- {count}: {each:.4f} cores a call of ours{f' (wanted ≤ {CORES_LIMIT})' if part.calls >= 50 else ''}, "
        f"{cores.asterisk / part.calls:.4f} of Asterisk's with its recordings; in all {cores.ours:.2f} + "
        f"{cores.asterisk:.2f}, and {cores.callers:.2f} of the callers', whose packets left up to "
        f"{ms(heard.lateness)} late; the rest of the machine took {cores.others:.2f}"
    )
    good &= not gaps and not heard.other and not heard.never_silent and not heard.unanswered and not heard.cut_short
    return good and (part.calls < 50 or each <= CORES_LIMIT)


def ms(seconds: float) -> str:
    """As text."""
    return f"{seconds * 1000:.0f} ms"


async def run(only: list[str], seconds: float, profile: str) -> int:
    """Measure, and return the exit status."""
    good = True
    with sandbox() as pbx:
        for name, part in parts(seconds).items():
            if name in only:
                good &= report(part, *await measure(pbx, pbx.process, part, profile))
                sys.stdout.flush()
        if "engines" in only:
            good &= await report_engines(pbx)
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="one,fifty,hundred,engines")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--profile", default="")
    given = parser.parse_args()
    sys.exit(asyncio.run(run(given.only.split(","), given.seconds, given.profile)))
