"""Brings journal entries into the database, each exactly once.

An entry is known by its call, time and kind. A batch is one transaction; an entry that cannot be shown is stored as it
is and blocks no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import DataError, IntegrityError, transaction
from django.db.models import Max

from dialogue.events import (
    Assessed,
    CallEnded,
    CallStarted,
    Event,
    Interrupted,
    Listened,
    Recognised,
    Said,
    StageFailed,
    TransferRequested,
    from_record,
)
from webadmin.calls import cleaning
from webadmin.calls.models import Call, CallEvent, Status, Turn
from webadmin.calls.segments import Entry
from webadmin.incidents.projection import apply_assessment

log = structlog.get_logger(__name__)

MOST_TURNS = 1000
MOST_NUMBER = 2**31 - 1

FILLER = "filler"
"""Purpose of words that only bridge a wait."""

BAD_ENTRY = (DataError, IntegrityError, ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What a bad entry raises. Every other error is the database's, and the batch is tried again."""


@dataclass(slots=True)
class Applied:
    """What came of a batch.

    Args:
        new: entries that were not in the database before.
        ended: calls with a new end.
        rejected: entries that could not even be stored.
    """

    new: int = 0
    ended: set[UUID] = field(default_factory=set)
    rejected: list[Entry] = field(default_factory=list)


def apply_batch(entries: Sequence[Entry]) -> Applied:
    """Store the entries that are new, and what they say about calls, turns and incidents.

    Args:
        entries: in the order they were recorded; entries of many calls may be mixed, and any may be known already.

    Raises:
        django.db.DatabaseError: the database is gone or refuses as a whole; nothing of the batch is stored.
    """
    applied = Applied()
    by_call: dict[UUID, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_call[entry.call_id].append(entry)
    if not by_call:
        return applied
    with transaction.atomic():
        calls = _locked_calls(by_call)
        known = _known(by_call)
        last = dict(
            CallEvent.objects.filter(call_id__in=by_call).values_list("call_id").annotate(Max("number")).order_by()
        )
        for call_id, its_entries in by_call.items():
            fresh = _numbered(its_entries, known[call_id], last.get(call_id, 0))
            if fresh:
                _apply_call(calls[call_id], fresh, applied)
    return applied


def append_event(call: Call, at: datetime, kind: str, data: Mapping[str, Any], event: Event | None = None) -> None:
    """Add a step that no door recorded (an end report, a verdict about a door that died), and show ``event``.

    The caller holds the call's row locked, in a transaction.
    """
    number = (CallEvent.objects.filter(call=call).aggregate(last=Max("number"))["last"] or 0) + 1
    CallEvent.objects.create(call=call, number=number, at=at, kind=kind, data=cleaning.json_value(data))
    if event is not None:
        projection = _Projection(call)
        projection.show(event, at)
        projection.save()


def _locked_calls(by_call: dict[UUID, list[Entry]]) -> dict[UUID, Call]:
    """Return the calls' rows, made where they are missing, locked in one order so that two writers never deadlock."""
    ids = sorted(by_call)
    Call.objects.bulk_create(
        [Call(id=call_id, started_at=min(entry.at for entry in by_call[call_id])) for call_id in ids],
        ignore_conflicts=True,
    )
    return {call.id: call for call in Call.objects.select_for_update().filter(id__in=ids).order_by("id")}


def _known(by_call: dict[UUID, list[Entry]]) -> dict[UUID, dict[tuple[datetime, str], int]]:
    """Return, per call, time and kind of the entries that are stored already."""
    found: dict[UUID, dict[tuple[datetime, str], int]] = defaultdict(dict)
    earliest = min(entry.at for entries in by_call.values() for entry in entries)
    rows = CallEvent.objects.filter(call_id__in=by_call, at__gte=earliest)
    for call_id, at, kind, number in rows.values_list("call_id", "at", "kind", "number"):
        found[call_id][at, kind] = number
    return found


def _numbered(entries: Iterable[Entry], known: dict[tuple[datetime, str], int], last: int) -> list[tuple[int, Entry]]:
    """Return the new entries with their numbers. A number that another process took for the call moves to the end."""
    fresh: list[tuple[int, Entry]] = []
    for entry in entries:
        identity = (entry.at, cleaning.text(entry.kind, 32))
        if identity in known:
            continue
        last = entry.number if last < entry.number <= MOST_NUMBER else last + 1
        known[identity] = last
        fresh.append((last, entry))
    return fresh


def _apply_call(call: Call, fresh: list[tuple[int, Entry]], applied: Applied) -> None:
    """Apply one call's entries together; where that fails, one by one, so that only the bad one is set aside."""
    try:
        with transaction.atomic():
            ended = _apply_entries(call, fresh)
    except BAD_ENTRY:
        ended = False
        for number, entry in fresh:
            ended = _apply_alone(call.pk, number, entry, applied) or ended
    else:
        applied.new += len(fresh)
    if ended:
        applied.ended.add(call.pk)


def _apply_entries(call: Call, fresh: list[tuple[int, Entry]]) -> bool:
    CallEvent.objects.bulk_create([_event_row(call, number, entry) for number, entry in fresh])
    projection = _Projection(call)
    for _, entry in fresh:
        projection.show(from_record(entry.kind, entry.data), entry.at)
    projection.save()
    return projection.ended


def _apply_alone(call_id: UUID, number: int, entry: Entry, applied: Applied) -> bool:
    about = {"call_id": str(call_id), "number": number, "kind": cleaning.text(entry.kind, 32)}
    try:
        with transaction.atomic():
            ended = _apply_entries(Call.objects.get(pk=call_id), [(number, entry)])
    except BAD_ENTRY as error:
        log.error("event_not_shown", stage=_stage_of(entry), error=type(error).__name__, **about)
    else:
        applied.new += 1
        return ended
    try:
        with transaction.atomic():
            _event_row(Call(pk=call_id), number, entry).save()
    except BAD_ENTRY as error:
        log.error("event_not_stored", stage=_stage_of(entry), error=type(error).__name__, **about)
        applied.rejected.append(entry)
    else:
        applied.new += 1
    return False


def _stage_of(entry: Entry) -> str:
    return cleaning.text(entry.data.get("stage"), 32) or "journal"


def _event_row(call: Call, number: int, entry: Entry) -> CallEvent:
    data = cleaning.json_value(entry.data)
    return CallEvent(call_id=call.pk, number=number, at=entry.at, kind=cleaning.text(entry.kind, 32), data=data)


class _Projection:
    """What a call's steps say about it, gathered and written once."""

    def __init__(self, call: Call) -> None:
        self.ended = False
        self._call = call
        self._turns = {turn.number: turn for turn in call.turns.all()}
        self._changed: set[int] = set()

    def show(self, event: Event, at: datetime) -> None:
        """Take one step in. Raises ValueError or TypeError where its values make no sense."""
        match event:
            case CallStarted():
                self._started(event, at)
            case Listened():
                turn = self._turn(event.turn, at)
                turn.heard = cleaning.text(event.heard, 16)
                turn.key = cleaning.text(event.key, 1) or turn.key
                turn.audio = cleaning.text(event.audio, 255) or turn.audio
                turn.listened_seconds = cleaning.seconds(event.seconds)
                turn.end_silence = cleaning.seconds(event.end_silence)
            case Recognised():
                turn = self._turn(event.turn, at)
                turn.caller_text = cleaning.text(event.text)
                turn.caller_language = cleaning.language(event.language)
                turn.confidence = cleaning.share(event.confidence)
                turn.doubtful = cleaning.codes(event.doubtful)
                turn.invented_text = cleaning.text(event.invented)
                turn.recognition_seconds = cleaning.seconds(event.seconds)
                turn.recognised_by = cleaning.text(event.engine, 64)
            case Assessed():
                self._assessed(event, at)
            case Said():
                self._said(event, self._turn(event.turn, at))
            case Interrupted():
                self._interrupted(event, self._turn(event.turn, at))
            case CallEnded():
                self._call.status = Status(event.status).value
                self._call.end_reason = cleaning.text(event.reason, 64)
                self._call.assistant_ended_at = at
                self.ended = True
            case StageFailed() | TransferRequested():
                # The entry itself tells; no column repeats it.
                pass

    def save(self) -> None:
        """Write the call and the turns that changed."""
        call = self._call
        for number in self._changed:
            self._turns[number].save()
        call.transcript = transcript_of(self._turns[number] for number in sorted(self._turns))
        call.save()

    def _started(self, event: CallStarted, at: datetime) -> None:
        call = self._call
        call.scenario = cleaning.text(event.scenario, 64)
        call.door = cleaning.text(event.door, 16)
        call.language = cleaning.language(event.language)
        call.caller_number = cleaning.text(event.caller, 64)
        call.dialled_number = cleaning.text(event.dialled, 64)
        call.engines = cleaning.json_value(event.engines)
        call.started_at = min(call.started_at, at)
        # The assistant has the call now, also where something took it for lost before.
        call.status = Status.ACTIVE.value
        call.end_reason = ""
        call.assistant_ended_at = call.post_processed_at = None

    def _assessed(self, event: Assessed, at: datetime) -> None:
        turn = self._turn(event.turn, at)
        turn.decision_seconds = cleaning.seconds(event.seconds)
        turn.decided_by = cleaning.text(event.engine, 64)
        apply_assessment(
            self._call,
            at,
            event.fields,
            source=event.source,
            engine=event.engine,
            evidence=event.evidence,
            notes=event.notes,
            model_answer=event.model_answer,
            prompt_version=event.prompt_version,
        )

    def _said(self, event: Said, turn: Turn) -> None:
        words = cleaning.text(event.text)
        if event.purpose == FILLER:
            # It only bridges the wait: the turn's reply, its voice and its delay are those of the words that answer.
            turn.filler_text = _joined(turn.filler_text, words)
            return
        first = not turn.reply_text
        before = turn.reply_text if turn.reply_whole else turn.heard_text
        if not event.whole:
            turn.heard_text = _joined(before, cleaning.text(event.heard_text))
        elif not turn.reply_whole:
            turn.heard_text = _joined(before, words)
        turn.reply_text = _joined(turn.reply_text, words)
        turn.reply_language = cleaning.language(event.language)
        turn.reply_purpose = cleaning.text(event.purpose, 16)
        turn.reply_whole = turn.reply_whole and bool(event.whole)
        turn.played_seconds = cleaning.seconds(event.played_seconds)
        if first:
            turn.synthesis_seconds = cleaning.seconds(event.synthesis_seconds)
            turn.spoken_by = cleaning.text(event.engine, 64)
            turn.delay_seconds = cleaning.seconds(event.delay_seconds)

    def _interrupted(self, event: Interrupted, turn: Turn) -> None:
        match event.outcome:
            case "resumed":
                turn.interruptions_resumed += 1
            case "dropped":
                turn.interruptions_dropped += 1
            case _:
                raise ValueError("not the outcome of an interruption")

    def _turn(self, number: int, at: datetime) -> Turn:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_TURNS:
            raise ValueError("not the number of a turn")
        self._changed.add(number)
        if number not in self._turns:
            self._turns[number] = Turn(call=self._call, number=number, started_at=at)
        return self._turns[number]


def _joined(before: str, words: str) -> str:
    return cleaning.text(f"{before}\n{words}" if before and words else before or words)


def transcript_of(turns: Iterable[Turn]) -> str:
    """Return the conversation as people read and search it.

    Lines begin with ``caller:`` or ``assistant:``; with ``caller?:`` where the words may be the recogniser's invention.
    """
    lines = []
    for turn in turns:
        # What was cut short stands as it was heard: the rest, a notice in it too, did not reach the caller.
        reply = f"{turn.heard_text} …" if turn.heard_text and not turn.reply_whole else turn.reply_text
        caller = "caller?" if turn.doubtful else "caller"
        said = (caller, turn.caller_text), ("assistant", turn.filler_text), ("assistant", reply)
        for speaker, words in said:
            lines += [f"{speaker}: {line}" for line in words.splitlines() if line.strip()]
    return "\n".join(lines)
