"""``manage.py run_speech``: a worker that recognises and speaks for doors on other machines."""

from __future__ import annotations

from typing import Any

from dialogue.errors import ConfigurationError
from webadmin import wiring
from webadmin.celery import app
from webadmin.operations.command import HotlineCommand
from webadmin.speech.messages import QUEUE
from webadmin.speech.tasks import serve_with
from webadmin.speech.worker import SpeechWorker


class Command(HotlineCommand):
    help = "Serve the speech queue with the engines of STT_ENGINE and TTS_ENGINE; the doors have SPEECH_RUN=celery."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--concurrency", type=int, default=0, help="requests at a time (default: STT_WORKERS + 2)")

    def handle(self, *args: Any, concurrency: int, **options: Any) -> None:
        chosen = wiring.config()
        if not chosen.speech_broker:
            raise ConfigurationError("A speech worker needs CELERY_BROKER_URL=redis://host:6379/0, the doors' one.")
        worker = SpeechWorker(chosen.speech_broker, *wiring.speech_engines(chosen))
        worker.start()
        serve_with(worker)
        try:
            # Threads: one process holds each model once, and a request waits in a thread that costs nothing.
            app.worker_main([
                "worker", f"--queues={QUEUE}", "--pool=threads", f"--hostname={worker.id}@%h", "--loglevel=WARNING",
                f"--concurrency={concurrency or chosen.stt_workers + 2}", "--without-mingle", "--without-gossip",
            ])  # fmt: skip
        finally:
            serve_with(None)
            worker.stop()
