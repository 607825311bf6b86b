"""Which entries of the audit log people look for."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.db.models import Q, QuerySet

from webadmin.audit.models import AuditEntry


def search(entries: QuerySet[AuditEntry], text: str) -> QuerySet[AuditEntry]:
    """Keep the entries of one user, one object or one call: whole names and ids, which an index finds.

    Args:
        entries: to choose from.
        text: what a person typed; nothing keeps all.
    """
    wanted = text.strip()
    if not wanted:
        return entries
    found = Q(actor=wanted) | Q(object_id=wanted)
    with suppress(ValueError):
        found |= Q(call_id=UUID(wanted))
    return entries.filter(found)
