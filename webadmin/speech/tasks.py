"""Celery's part: it carries the number of a request from a door to whichever worker is free."""

from __future__ import annotations

import asyncio

import structlog
from celery import shared_task
from kombu.exceptions import KombuError

from webadmin.speech.messages import QUEUE
from webadmin.speech.worker import SpeechWorker

log = structlog.get_logger(__name__)

_worker: SpeechWorker | None = None


def serve_with(worker: SpeechWorker | None) -> None:
    """Set what serves the tasks of this process."""
    global _worker
    _worker = worker


@shared_task(name="speech.serve", queue=QUEUE, acks_late=False, reject_on_worker_lost=False, ignore_result=True)
def serve(request_id: str) -> None:
    """See `SpeechWorker.serve`. Not repeated when a worker dies: its caller has been served elsewhere by then."""
    if _worker is None:
        log.error("speech_worker_without_engines", hint="start it by manage.py run_speech")
        return
    _worker.serve(request_id)


async def publish(request_id: str) -> None:
    """Put a request on the queue. Raises OSError where the broker is away."""
    try:
        await asyncio.to_thread(serve.apply_async, (request_id,), retry=False)
    except KombuError as error:
        raise OSError(f"the broker: {type(error).__name__}") from None
