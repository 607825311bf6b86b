"""Speech on other machines: real workers on a real Redis, with real engines, one of them killed in mid-call."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.services import stop

ROOT = Path(__file__).parents[3]
SECONDS = 90.0
STORY = (
    "somebody stole my car last night. this morning the car was gone. a neighbour saw a man. somebody stole my car.",
    "twelve green street",
    "no",
)


class Worker:
    """``manage.py run_speech``, and what it logs."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run_speech"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.taken = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if "speech_request_taken" in line and "speech_to_text" in line:
                self.taken.set()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("speech-door")
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "MEDIA_ROOT", "VAR_DIR"}}
    environment = {
        **kept,
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "webadmin.settings",
        "CELERY_BROKER_URL": redis_url,
        "SPEECH_RUN": "celery",
        "CALL_LANGUAGE": "en",
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True, timeout=SECONDS
    )
    return environment


@pytest.fixture
def workers(environment: dict[str, str], redis_url: str) -> Iterator[list[Worker]]:
    """Two workers that serve."""
    started = [Worker(environment), Worker(environment)]
    redis = Redis.from_url(redis_url)
    try:
        until(lambda: len(list(redis.scan_iter("hotline:speech:worker:*"))) == len(started), started)
        yield started
    finally:
        redis.close()
        for worker in started:
            stop(worker.process)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("spoken")
    files = [str(folder / f"{number}.wav") for number in range(len(STORY))]
    for file, text in zip(files, STORY, strict=True):
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", file], check=True, timeout=30)
    return files


def until(check: Callable[[], bool], workers: list[Worker]) -> None:
    end = time.monotonic() + SECONDS
    while not check():
        for worker in workers:
            assert worker.process.poll() is None, "".join(worker.lines[-20:])
        assert time.monotonic() < end
        time.sleep(0.05)


class SimulatedCall:
    """``manage.py simulate_call`` in the background."""

    def __init__(self, environment: dict[str, str], files: list[str]) -> None:
        self._folder = Path(environment["VAR_DIR"])
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "simulate_call", "--scenario", "intake_102", *files],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def result(self) -> tuple[dict[str, object], list[str]]:
        """The incident, and which recogniser served each utterance."""
        out, errors = self._process.communicate(timeout=SECONDS)
        assert self._process.returncode == 0, errors
        document = json.loads(out)
        with sqlite3.connect(self._folder / "hotline.sqlite3") as database:
            rows = database.execute(
                "select data from calls_callevent where call_id = ? and kind = 'recognised' order by number",
                [str(document["call_id"]).replace("-", "")],
            ).fetchall()
        return document, [json.loads(data)["engine"] for (data,) in rows]


def test_a_call_is_recognised_and_spoken_by_the_workers(
    environment: dict[str, str], workers: list[Worker], spoken: list[str]
) -> None:
    document, served = SimulatedCall(environment, spoken).result()

    assert document["category"] == "theft"
    assert set(served) == {"pocketsphinx@worker"}
    assert any(
        "text_to_speech" in line for worker in workers for line in worker.lines if "speech_request_taken" in line
    )


def test_a_worker_killed_in_mid_call_costs_the_caller_nothing(
    environment: dict[str, str], workers: list[Worker], spoken: list[str]
) -> None:
    call = SimulatedCall(environment, spoken)
    until(lambda: any(worker.taken.is_set() for worker in workers), workers)
    killed = next(worker for worker in workers if worker.taken.is_set())
    killed.kill()

    document, served = call.result()

    assert document["category"] == "theft"
    assert "stole my car" in str(document["transcript"])
    assert served[0] == "pocketsphinx"
    assert served[-1] == "pocketsphinx@worker"


def test_without_a_worker_the_door_does_it_itself(environment: dict[str, str], spoken: list[str]) -> None:
    document, served = SimulatedCall(environment, spoken).result()

    assert document["category"] == "theft"
    assert set(served) == {"pocketsphinx"}
    assert document["engines"] == {
        "stt": "pocketsphinx@worker,pocketsphinx", "llm": "rules", "tts": "espeak@worker,espeak", "vad": "webrtc",
    }  # fmt: skip


def test_nothing_a_caller_said_stays_in_redis(
    environment: dict[str, str], workers: list[Worker], spoken: list[str], redis_url: str
) -> None:
    SimulatedCall(environment, spoken).result()

    with Redis.from_url(redis_url) as redis:
        kept = [key.decode() for key in redis.scan_iter("*") if b"request" in key or b"replies" in key]
    assert kept == []
    assert not any("stole" in line for worker in workers for line in worker.lines)


def test_a_worker_without_a_shared_redis_is_refused_in_one_sentence(environment: dict[str, str]) -> None:
    alone = {**environment, "CELERY_BROKER_URL": "", "SPEECH_RUN": "inline"}
    done = subprocess.run(
        [sys.executable, "manage.py", "run_speech"],
        cwd=ROOT,
        env=alone,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    assert done.returncode == 1
    assert "CELERY_BROKER_URL" in done.stderr
    assert "Traceback" not in done.stderr
