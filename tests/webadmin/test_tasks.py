"""The tasks with a real broker and real workers, and without one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.db import connection
from django.utils import timezone
from redis import Redis

from tests.factories import CallFactory
from tests.services import stop
from webadmin.calls import tasks
from webadmin.calls.models import Call

pytestmark = pytest.mark.django_db(transaction=True)

VISIBILITY_SECONDS = 1
"""Time after which the broker gives a task that nobody confirmed to another worker."""

WORKER = ["worker", "--pool=solo", "--loglevel=ERROR", "--without-mingle", "--without-gossip"]
CELERY = ["-m", "celery", "-A", "webadmin", *WORKER]
HANGING_WORKER = f"""
import sys, time
import django
django.setup()
from webadmin.celery import app
from webadmin.calls import services

def hang(call_id):
    open(sys.argv[1], "w").close()
    time.sleep(60)

services.finish_call = hang
app.worker_main({WORKER!r})
"""


def until(check: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


def is_finished(call: Call) -> Callable[[], bool]:
    return lambda: Call.objects.filter(pk=call.pk, post_processed_at__isnull=False).exists()


def ended_call() -> Call:
    now = timezone.now()
    return CallFactory(started_at=now - timedelta(minutes=5), ended_at=now - timedelta(minutes=3))


@pytest.fixture
def broker(redis_url: str, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """The project's Celery application, sending to the test run's Redis."""
    settings.CELERY_TASK_ALWAYS_EAGER = False
    app = tasks.finish_call.app
    changed = {"broker_url": redis_url, "task_always_eager": False}
    before = {name: app.conf[name] for name in changed}
    app.conf.update(changed)
    monkeypatch.setattr(app, "_pool", None)
    yield app
    app.close()
    app.conf.update(before)


@pytest.fixture
def start_worker(redis_url: str, tmp_path: Path) -> Iterator[Callable[[list[str]], subprocess.Popen[bytes]]]:
    """Starts a Python process with the environment of a worker, on the test's own database."""
    workers: list[subprocess.Popen[bytes]] = []
    made = connection.settings_dict
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgres://{made['USER']}@{made['HOST']}:{made['PORT']}/{made['NAME']}",
        "CELERY_BROKER_URL": redis_url,
        "CELERY_VISIBILITY_TIMEOUT": str(VISIBILITY_SECONDS),
        "SPOOL_DIR": str(tmp_path),
    }

    def start(arguments: list[str]) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen([sys.executable, *arguments], env=environment)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        stop(worker)


@pytest.mark.redis
def test_a_worker_finishes_a_call(broker: Celery, start_worker: Callable[[list[str]], subprocess.Popen[bytes]]):
    call = ended_call()
    tasks.ask_to_finish([call.pk])
    start_worker(CELERY)
    until(is_finished(call))


@pytest.mark.redis
@pytest.mark.timeout(120)
def test_what_a_killed_worker_had_begun_is_done_by_another(
    broker: Celery, start_worker: Callable[[list[str]], subprocess.Popen[bytes]], redis_url: str, tmp_path: Path
):
    call = ended_call()
    tasks.ask_to_finish([call.pk])
    first = start_worker(["-c", HANGING_WORKER, str(tmp_path / "hang")])
    until((tmp_path / "hang").exists)
    first.kill()
    first.wait()
    assert not is_finished(call)()
    with Redis.from_url(redis_url) as redis:
        until(lambda: redis.zcount("unacked_index", 0, time.time() - VISIBILITY_SECONDS) == 1)
    start_worker(CELERY)
    until(is_finished(call))


def test_a_broker_that_is_away_stops_nobody(settings, monkeypatch: pytest.MonkeyPatch):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    app = tasks.finish_call.app
    before = app.conf.broker_url
    app.conf.broker_url = "redis://127.0.0.1:1/0"
    call = ended_call()
    try:
        began = time.monotonic()
        tasks.ask_to_finish([call.pk])
        assert time.monotonic() - began < 0.5, "whoever asks does not wait for the broker"
        tasks._worker.submit(lambda: None).result(timeout=30)
    finally:
        app.conf.broker_url = before
    assert not is_finished(call)()


def test_without_a_broker_the_process_does_it_in_a_thread_of_its_own(settings, tmp_path: Path):
    settings.CELERY_TASK_ALWAYS_EAGER = True
    settings.SPOOL_DIR = tmp_path
    call = ended_call()
    tasks.ask_to_finish([call.pk])
    until(is_finished(call))


def test_what_fails_for_a_moment_is_tried_again(settings, monkeypatch: pytest.MonkeyPatch):
    settings.CELERY_TASK_ALWAYS_EAGER = True
    monkeypatch.setattr(tasks, "FIRST_WAIT", 0.01)
    tries: list[str] = []

    def finish(call_id: str) -> bool:
        tries.append(call_id)
        if len(tries) < 3:
            raise tasks.RecordingNotComplete("still growing")
        return True

    monkeypatch.setattr(tasks.services, "finish_call", finish)
    call = ended_call()
    tasks.ask_to_finish([call.pk])
    until(lambda: len(tries) == 3)


def test_the_beat_names_tasks_that_exist(settings):
    app = tasks.finish_call.app
    app.loader.import_default_modules()
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
