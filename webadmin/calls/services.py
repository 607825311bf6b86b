"""What is done about calls after their steps are stored: finishing, sweeping up, retention."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from dialogue.errors import ProviderError
from dialogue.turns import Assessment
from webadmin.calls import hearing, recordings
from webadmin.calls.models import Call, Status, Turn
from webadmin.calls.recordings import RecordingNotComplete
from webadmin.incidents.models import Incident
from webadmin.incidents.projection import apply_assessment

log = structlog.get_logger(__name__)

PBX_DOORS = ("agi", "ari", "")
"""Doors behind which a PBX records and reports the end. Empty: no door took the call."""

END_GRACE = timedelta(seconds=60)
"""How long a call whose assistant is done waits for the PBX's end report before it is finished without."""

CLASSIFY_FOR = timedelta(days=1)
"""How long a final classification is tried before the call is finished without."""

SPEECH_KEPT = timedelta(days=7)
SEGMENT_KEPT = timedelta(days=1)

SWEEP_BATCH = 200
RETENTION_BATCH = 100


def ready_to_finish(call_ids: Iterable[UUID] | None = None, now: datetime | None = None) -> list[UUID]:
    """Return the calls whose post-call work can be done: the conversation has ended, and so has the recording.

    Args:
        call_ids: only among these; None looks at all, the oldest first, `SWEEP_BATCH` at most.
    """
    now = now or timezone.now()
    ended = Q(ended_at__isnull=False) | ~Q(door__in=PBX_DOORS) | Q(assistant_ended_at__lt=now - END_GRACE)
    calls = Call.objects.filter(ended, post_processed_at__isnull=True).exclude(status=Status.ACTIVE)
    if call_ids is not None:
        calls = calls.filter(id__in=list(call_ids))
    return list(calls.order_by("started_at").values_list("id", flat=True)[:SWEEP_BATCH])


def overdue(now: datetime | None = None) -> list[UUID]:
    """Return the calls whose work was missed: ready for longer than a minute."""
    now = now or timezone.now()
    before = now - END_GRACE
    ready = Q(id__in=ready_to_finish(now=now))
    return list(
        Call.objects.filter(ready, Q(assistant_ended_at__lt=before) | Q(assistant_ended_at=None))
        .filter(Q(ended_at__lt=before) | Q(ended_at=None))
        .order_by("started_at")
        .values_list("id", flat=True)
    )


def finish_call(call_id: UUID | str) -> bool:
    """Do a call's post-call work: sound to its final place and measured, classification with the whole conversation.

    Each step is done once, however often and by how many at once this is called; none holds a transaction while it
    waits.

    Returns:
        Whether the work is done.

    Raises:
        RecordingNotComplete: try again in a moment.
        ProviderError: likewise; only a retryable one.
        OSError, django.db.DatabaseError: a disk or the database refused; try again.
    """
    call = Call.objects.filter(pk=call_id).first()
    if call is None or call.status == Status.ACTIVE:
        return False
    if call.post_processed_at is not None:
        return True
    if not ready_to_finish([call.pk]):
        raise RecordingNotComplete("the PBX has not reported the end")
    recordings.store_recording(call)
    hearing.keep_hearing(call)
    classify_finally(call)
    done = Call.objects.filter(pk=call.pk, post_processed_at__isnull=True).exclude(status=Status.ACTIVE)
    if done.update(post_processed_at=timezone.now()):
        log.info("call_finished", call_id=str(call.pk), stage="post_call")
    return True


def classify_finally(call: Call) -> None:
    """Classify a call once more, now with everything the caller said. Nothing said, nothing done.

    Raises:
        ProviderError: the engine failed, and another attempt may succeed.
    """
    words = list(call.turns.exclude(caller_text="").filter(doubtful=[]).values_list("caller_text", flat=True))
    if not words or not call.scenario or Incident.objects.filter(call=call, final=True).exists():
        return
    try:
        found = _classify(call.scenario, _language_of(call), words)
    except ProviderError as error:
        if error.retryable and timezone.now() - call.started_at < CLASSIFY_FOR:
            raise
        log.error("final_classification_failed", call_id=str(call.pk), stage=error.stage.value, code=error.code)
        return
    with transaction.atomic():
        locked = Call.objects.select_for_update().get(pk=call.pk)
        if Incident.objects.filter(call=locked, final=True).exists():
            return
        apply_assessment(
            locked,
            timezone.now(),
            found.fields,
            source=found.source,
            engine=found.engine,
            evidence=found.evidence,
            notes=found.notes,
            model_answer=found.model_answer,
            prompt_version=found.prompt_version,
            final=True,
        )


def apply_retention(now: datetime | None = None) -> dict[str, int]:
    """Delete what is past its time. Returns how many recordings, utterances and calls went."""
    now = now or timezone.now()
    counts = {"recordings": recordings.delete_expired_recordings(), "utterances": 0, "calls": 0}
    if settings.RECORDING_RETENTION_DAYS:
        oldest = now - timedelta(days=settings.RECORDING_RETENTION_DAYS)
        counts["utterances"] = _delete_utterances(oldest)
        counts["recordings"] += recordings.delete_leftovers(oldest)
    delete_spool_leftovers(now)
    if settings.CALL_RETENTION_DAYS:
        counts["calls"] = _delete_calls(now - timedelta(days=settings.CALL_RETENTION_DAYS))
    log.info("retention_applied", stage="retention", **counts)
    return counts


def delete_spool_leftovers(now: datetime) -> None:
    """Delete what the spool keeps for nobody: speech not played for a while, and recordings a killed door left behind.

    Speech may hold an address that was read back to its caller. The door marks a file as used each time it plays it.
    """
    spool = Path(settings.SPOOL_DIR)
    for pattern, kept in (("speech/*", SPEECH_KEPT), ("utterances/*/*.sln48", SEGMENT_KEPT)):
        oldest = (now - kept).timestamp()
        for path in spool.glob(pattern):
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < oldest:
                    path.unlink()


def _classify(scenario: str, language: str, words: list[str]) -> Assessment:
    """Ask the scenario. The engines are loaded here, where they are needed, and not with every web worker."""
    from webadmin import wiring

    found: Assessment = wiring.classify_conversation(scenario, language, words)
    return found


def _language_of(call: Call) -> str:
    """The language the caller spoke last, else the one the call began in."""
    spoken = call.turns.exclude(caller_language="").order_by("-number").values_list("caller_language", flat=True)
    return spoken.first() or call.language


def _delete_utterances(before: datetime) -> int:
    """Delete the sound of single turns, but where the call's recording is kept beyond its time, keep both."""
    old = Turn.objects.filter(call__started_at__lt=before).exclude(audio="").exclude(call__recording__isnull=False)
    count = 0
    for turn in old.only("id", "audio", "call_id").iterator():
        _delete_utterance(turn.audio, turn.call_id)
        Turn.objects.filter(pk=turn.pk).update(audio="")
        count += 1
    return count


def _delete_calls(before: datetime) -> int:
    old = Call.objects.filter(started_at__lt=before).exclude(status=Status.ACTIVE).select_related("recording")
    count = 0
    while batch := list(old.order_by("started_at")[:RETENTION_BATCH]):
        for call in batch:
            recording = getattr(call, "recording", None)
            for name in call.turns.exclude(audio="").values_list("audio", flat=True):
                _delete_utterance(name, call.pk)
            if recording:
                _delete_file(recording.file.name, call.pk)
            call.delete()
            count += 1
    return count


def _delete_utterance(name: str, call_id: UUID) -> None:
    """Delete the sound of one turn, which the door keeps in the spool, and its call's folder once that is empty."""
    folder = (Path(settings.SPOOL_DIR) / "utterances").resolve()
    path = (Path(settings.SPOOL_DIR) / name).resolve()
    if not path.is_relative_to(folder):
        log.error("file_outside_storage", call_id=str(call_id), stage="retention")
        return
    path.unlink(missing_ok=True)
    if path.parent != folder:
        with suppress(OSError):
            path.parent.rmdir()


def _delete_file(name: str, call_id: UUID) -> None:
    try:
        default_storage.delete(name)
    except SuspiciousFileOperation:
        log.error("file_outside_storage", call_id=str(call_id), stage="retention")
