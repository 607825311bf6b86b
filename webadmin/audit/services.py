"""Writing to the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from webadmin.audit.models import Action, AuditEntry

ONE_PLAYBACK = timedelta(hours=1)
"""For so long the parts of a recording that one person fetches are one playback."""


def record(
    action: Action,
    *,
    actor: str,
    kind: str,
    object_id: int | str | UUID = "",
    call_id: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add an entry. Called in the transaction of what it tells of, so that neither stands without the other.

    Args:
        action: what was done.
        actor: user name of who did it, or ``system:`` and a part of the office.
        kind: what it was done to: ``incident``, ``recording``, ``call``.
        object_id: which one; empty where it is about many.
        call_id: the call it belongs to.
        detail: ids, codes and names of fields; never words or numbers of callers.

    Returns:
        The entry.
    """
    return AuditEntry.objects.create(
        at=timezone.now(),
        actor=actor,
        action=action,
        object_kind=kind,
        object_id=str(object_id),
        call_id=call_id,
        detail=dict(detail or {}),
    )


def record_playback(*, actor: str, call_id: UUID, from_start: bool) -> None:
    """Add that a recording is played. A further part of a playback that is on record adds nothing.

    Args:
        actor: user name of the listener.
        call_id: whose recording.
        from_start: the part begins with the first byte, which is a playback of its own.
    """
    if not from_start:
        earlier = AuditEntry.objects.filter(
            object_kind="recording",
            object_id=str(call_id),
            at__gte=timezone.now() - ONE_PLAYBACK,
            action=Action.PLAYBACK,
            actor=actor,
        )
        if earlier.exists():
            return
    record(Action.PLAYBACK, actor=actor, kind="recording", object_id=call_id, call_id=call_id)
