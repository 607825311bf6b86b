"""Has a call's stereo recording measured and keeps what comes of it, on the call and on its turns."""

from __future__ import annotations

import wave
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import numpy as np
import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from dialogue.events import CallStarted, Event, Interrupted, Listened, Said, from_record
from webadmin.calls import cleaning
from webadmin.calls.heard import Hearing, Spoken, Yielded, measure
from webadmin.calls.models import Call, CallEvent, CallHearing, Recording, Turn
from webadmin.calls.projection import FILLER

log = structlog.get_logger(__name__)

LONGEST_SECONDS = 1800.0
"""How much of a recording is measured; the assistant's part is shorter."""

KINDS = ("call_started", "listened", "said", "interrupted")


def keep_hearing(call: Call) -> CallHearing | None:
    """Measure a call once; None where it has no stereo recording.

    What cannot be measured is logged and stands in no one's way.

    Raises:
        OSError: the storage refused; try again.
        django.db.DatabaseError: likewise.
    """
    recording = Recording.objects.filter(call=call, channels=2).first()
    if recording is None:
        return None
    if there := CallHearing.objects.filter(call=call).first():
        return there
    try:
        pcm, rate = _read(recording)
        hearing = _measure(call, pcm, rate)
    except (wave.Error, EOFError, ValueError, FileNotFoundError) as error:
        log.error("not_measured", call_id=str(call.pk), stage="hearing", error=type(error).__name__)
        return None
    return _keep(call, hearing)


def _read(recording: Recording) -> tuple[NDArray[np.int16], int]:
    """The recording's samples, a row a moment, and its rate."""
    with default_storage.open(recording.file.name) as file, wave.open(file) as sound:
        rate = sound.getframerate()
        raw = sound.readframes(int(LONGEST_SECONDS * rate))
        if sound.getsampwidth() != 2 or sound.getnchannels() != 2:
            raise ValueError("not 16-bit stereo")
    return np.frombuffer(raw, "<i2").reshape(-1, 2), rate


def _measure(call: Call, pcm: NDArray[np.int16], rate: int) -> Hearing:
    steps = _steps(call)
    began = next((at for at, event in steps if isinstance(event, CallStarted)), call.started_at)
    said, yielded = _spoken(steps, began)
    until = (call.assistant_ended_at - began).total_seconds() if call.assistant_ended_at else None
    return measure(pcm, rate, said=said, yielded=yielded, until=until)


def _steps(call: Call) -> list[tuple[datetime, Event]]:
    """The call's events that tell who spoke, in their order; those that make no sense are left out."""
    found = []
    rows = CallEvent.objects.filter(call=call, kind__in=KINDS).order_by("at", "number")
    for at, kind, data in rows.values_list("at", "kind", "data"):
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            found.append((at, from_record(kind, data)))
    return found


def _spoken(steps: Sequence[tuple[datetime, Event]], began: datetime) -> tuple[list[Spoken], list[Yielded]]:
    """What the journal says of the assistant's voice; times in seconds since ``began``."""
    said: list[Spoken] = []
    yielded: list[Yielded] = []
    spoke: set[int] = set()
    paused: dict[int, float] = defaultdict(float)
    for at, event in steps:
        since = (at - began).total_seconds()
        match event:
            case Listened(turn=turn, heard="utterance"):
                spoke.add(turn)
            case Interrupted(turn=turn, outcome=outcome, decided_seconds=decided):
                waited = cleaning.seconds(decided) or 0.0
                gave_way = Yielded(turn, since - waited, outcome == "resumed", event.held_back is True)
                yielded.append(gave_way)
                if outcome == "resumed":
                    paused[turn] += waited
            case Said(turn=turn, purpose=purpose):
                # An utterance that was paused took that much longer than was heard of it.
                seconds = (cleaning.seconds(event.played_seconds) or 0.0) + paused.pop(turn, 0.0)
                delay = cleaning.seconds(event.delay_seconds)
                said.append(Spoken(turn, since, seconds, purpose == FILLER, turn in spoke, delay))
    return said, yielded


def _keep(call: Call, hearing: Hearing) -> CallHearing:
    waits = [answer.seconds for answer in hearing.answers]
    stops = [stop.seconds for stop in hearing.stops]
    engines: dict[str, Any] = call.engines if isinstance(call.engines, dict) else {}
    row = CallHearing(
        call=call,
        answers=len(waits),
        answer_p50=_percentile(waits, 50),
        answer_p95=_percentile(waits, 95),
        answer_longest=max(waits, default=None),
        barge_ins=len(stops),
        barge_in_p50=_percentile(stops, 50),
        barge_in_longest=max(stops, default=None),
        silences=len(hearing.silences),
        silence_longest=max((span.seconds for span in hearing.silences), default=0.0),
        talk_over_seconds=hearing.talk_over,
        agent_gap_longest=hearing.agent_gap,
        **{stage: cleaning.text(engines.get(stage), 64) for stage in ("stt", "llm", "tts")},
        computed_at=timezone.now(),
        details=hearing.to_json(),
    )
    with transaction.atomic():
        Call.objects.select_for_update().get(pk=call.pk)
        if there := CallHearing.objects.filter(call=call).first():
            return there
        row.save()
        for answer in hearing.answers:
            Turn.objects.filter(call=call, number=answer.turn).update(answer_heard_seconds=answer.seconds)
        for stop in hearing.stops:
            Turn.objects.filter(call=call, number=stop.turn).update(stop_heard_seconds=stop.seconds)
    log.info("call_measured", call_id=str(call.pk), stage="hearing", answers=len(waits), answer_p50=row.answer_p50)
    return row


def _percentile(values: Sequence[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 3) if values else None
