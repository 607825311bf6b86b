"""Celery's tasks about incidents: thin."""

from __future__ import annotations

from celery import shared_task

from webadmin.incidents import review


@shared_task(name="incidents.release_lapsed")
def release_lapsed() -> None:
    """See `review.release_lapsed`."""
    review.release_lapsed()
