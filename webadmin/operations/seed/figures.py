"""What a caller heard in an invented call of which there is no sound, by the call's own clock."""

from __future__ import annotations

import statistics

from webadmin.calls.heard import LONG_SILENCE, Answer, Hearing, Stop
from webadmin.calls.models import Call, CallHearing, Turn
from webadmin.calls.voices import Span
from webadmin.operations.seed.acting import ENGINES, Play
from webadmin.operations.seed.sound import AGENT, CALLER


def keep(call: Call, play: Play) -> CallHearing:
    """Store what `webadmin.calls.hearing.keep_hearing` would have measured on the call's recording."""
    caller, agent = play.spans[CALLER], play.spans[AGENT]
    answers = tuple(Answer(wait.turn, wait.caller_ended, wait.began) for wait in play.waits)
    stops = tuple(Stop(cut.turn, cut.caller_began, cut.silent) for cut in play.cut_ins)
    hearing = Hearing(
        seconds=round(play.clock, 2),
        caller=tuple(caller),
        agent=tuple(agent),
        answers=answers,
        stops=stops,
        silences=tuple(_silences(caller, agent)),
        talk_over=round(sum(stop.seconds for stop in stops), 3),
        agent_gap=0.0,
        offset=0.0,
    )
    waits, took = [answer.seconds for answer in answers], [stop.seconds for stop in stops]
    row = CallHearing.objects.create(
        call=call,
        answers=len(waits),
        answer_p50=round(statistics.median(waits), 3) if waits else None,
        answer_p95=_p95(waits),
        answer_longest=max(waits, default=None),
        barge_ins=len(took),
        barge_in_p50=round(statistics.median(took), 3) if took else None,
        barge_in_longest=max(took, default=None),
        silences=len(hearing.silences),
        silence_longest=max((span.seconds for span in hearing.silences), default=0.0),
        talk_over_seconds=hearing.talk_over,
        **ENGINES,
        computed_at=call.ended_at,
        details=hearing.to_json(),
    )
    for answer in answers:
        Turn.objects.filter(call=call, number=answer.turn).update(answer_heard_seconds=answer.seconds)
    for stop in stops:
        Turn.objects.filter(call=call, number=stop.turn).update(stop_heard_seconds=stop.seconds)
    return row


def _p95(values: list[float]) -> float | None:
    if len(values) < 2:
        return values[0] if values else None
    return round(statistics.quantiles(values, n=20, method="inclusive")[-1], 3)


def _silences(caller: list[Span], agent: list[Span]) -> list[Span]:
    """Stretches over `LONG_SILENCE` in which neither spoke."""
    found, ended = [], None
    for span in sorted((*caller, *agent), key=lambda span: span.start):
        if ended is not None and span.start - ended > LONG_SILENCE:
            found.append(Span(ended, span.start))
        ended = span.end if ended is None else max(ended, span.end)
    return found
