"""Celery's tasks about calls: thin, by id. Without a broker the same work is done in a thread of the asking process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import structlog
from celery import Task, shared_task
from celery.exceptions import MaxRetriesExceededError
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from kombu.exceptions import OperationalError as BrokerError

from dialogue.errors import ProviderError
from webadmin.calls import services
from webadmin.calls.recordings import RecordingNotComplete

log = structlog.get_logger(__name__)

RETRYABLE = (ProviderError, RecordingNotComplete, DatabaseError, InterfaceError, OSError)
"""Errors that pass. Any other is a fault of ours: the task fails, the log has it, and the sweep asks again."""

RETRIES = 4
FIRST_WAIT = 3
"""Seconds before the first retry; each next one waits twice as long. After the last the sweep takes over."""

_worker = ThreadPoolExecutor(1, thread_name_prefix="post-call")


@shared_task(name="calls.finish", bind=True, max_retries=RETRIES)
def finish_call(self: Task, call_id: str) -> None:
    """See `services.finish_call`."""
    try:
        services.finish_call(call_id)
    except RETRYABLE as error:
        try:
            raise self.retry(exc=error, countdown=FIRST_WAIT * 2**self.request.retries)
        except RETRYABLE as last:
            _log_left(call_id, last)
        except MaxRetriesExceededError:
            _log_left(call_id, error)


@shared_task(name="calls.sweep")
def sweep() -> None:
    """Ask again for the work that was missed."""
    ask_to_finish(services.overdue())


@shared_task(name="calls.apply_retention")
def apply_retention() -> None:
    """See `services.apply_retention`."""
    services.apply_retention()


def ask_to_finish(call_ids: Iterable[UUID]) -> None:
    """Have the post-call work of these calls done, soon, elsewhere. Never waits and never raises.

    A broker that is away is logged; the sweep asks again.
    """
    for call_id in call_ids:
        if settings.CELERY_TASK_ALWAYS_EAGER:
            in_background(_finish_here, str(call_id), RETRIES)
        else:
            in_background(_enqueue, str(call_id))


def in_background(function: Callable[..., object], *args: Any) -> None:
    """Run a function in this process's one thread for work that can wait, with its own database connection."""
    try:
        _worker.submit(_guarded, function, *args)
    except RuntimeError:
        # The process is ending: what is left is found by the next one's sweep.
        log.info("post_call_left", stage="post_call")


def _guarded(function: Callable[..., object], *args: Any) -> None:
    close_old_connections()
    try:
        function(*args)
    except Exception:
        log.exception("background_work_failed", stage="post_call", work=function.__name__)
    finally:
        connections.close_all()


def _enqueue(call_id: str) -> None:
    try:
        finish_call.apply_async((call_id,), retry=False)
    except (BrokerError, OSError) as error:
        log.error("broker_lost", call_id=call_id, stage="post_call", error=type(error).__name__)


def _finish_here(call_id: str, tries: int) -> None:
    try:
        services.finish_call(call_id)
    except RETRYABLE as error:
        if tries <= 0:
            _log_left(call_id, error)
            return
        wait = FIRST_WAIT * 2 ** (RETRIES - tries)
        timer = threading.Timer(wait, in_background, (_finish_here, call_id, tries - 1))
        timer.daemon = True
        timer.start()


def _log_left(call_id: str, error: BaseException) -> None:
    log.error("post_call_put_off", call_id=call_id, stage="post_call", error=type(error).__name__)
