"""What the speech queue adds to a turn: an utterance to a worker and its words back, with engines that take no time.

python -m tests.benchmarks.bench_speech_queue [--turns 300]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator

LIMIT_MS = 30.0
UTTERANCE = b"\x01\x00" * 16_000 * 4
"""Four seconds of 16-bit mono PCM at 16 kHz."""

ROUNDS = 3


class Instant:
    """A recogniser that knows the words beforehand."""

    def __init__(self) -> None:
        from dialogue.ports import SttCapabilities

        self.name = "instant"
        self.capabilities = SttCapabilities(languages=frozenset(), rate=16_000)

    async def transcribe(self, chunks: AsyncIterator[bytes], request: object) -> AsyncIterator[object]:
        from dialogue.turns import Transcript

        size = 0
        async for chunk in chunks:
            size += len(chunk)
        yield Transcript(f"{size} bytes", language="en")

    async def close(self) -> None:
        """Nothing is open."""


def serve() -> None:
    """Be a worker, as `manage.py run_speech` is one."""
    import django

    django.setup()
    from webadmin.celery import app
    from webadmin.speech.messages import QUEUE
    from webadmin.speech.tasks import serve_with
    from webadmin.speech.worker import SpeechWorker

    worker = SpeechWorker(os.environ["CELERY_BROKER_URL"], [Instant()], [])  # type: ignore[list-item]
    worker.start()
    serve_with(worker)
    options = ["--pool=threads", "--concurrency=12", "--loglevel=ERROR", "--without-mingle", "--without-gossip"]
    app.worker_main(["worker", f"--queues={QUEUE}", *options])


async def measure(url: str, turns: int, at_once: int, every: float) -> list[float]:
    """Return the milliseconds that each utterance took.

    Args:
        url: of the Redis.
        turns: utterances of all calls together.
        at_once: calls side by side.
        every: seconds between two utterances of a call; 0: one straight after the other.
    """
    from dialogue.errors import ProviderError
    from dialogue.ports import SttRequest
    from webadmin.speech.exchange import SpeechExchange
    from webadmin.speech.remote import RemoteRecogniser
    from webadmin.speech.tasks import publish

    async def pieces() -> AsyncIterator[bytes]:
        yield UTTERANCE

    async def turn() -> float:
        began = time.perf_counter()
        found = [heard async for heard in remote.transcribe(pieces(), SttRequest("en"))]
        assert found[0].text == f"{len(UTTERANCE)} bytes"
        return 1000 * (time.perf_counter() - began)

    async def call(own: int, first: float) -> list[float]:
        took = []
        await asyncio.sleep(first)
        for _ in range(own):
            took.append(await turn())
            await asyncio.sleep(every)
        return took

    exchange = SpeechExchange(url, publish)
    await exchange.start()
    try:
        remote = RemoteRecogniser(Instant(), exchange, 10.0)  # type: ignore[arg-type]
        end = time.monotonic() + 60
        while True:
            try:
                await turn()
                break
            except ProviderError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.2)
        lists = await asyncio.gather(*(call(turns // at_once, every * n / at_once) for n in range(at_once)))
    finally:
        await exchange.close()
    return [milliseconds for own in lists for milliseconds in own]


def listed(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve()
        return 0
    from tests.services import Redis, stop

    redis = Redis()
    os.environ.update(
        CELERY_BROKER_URL=redis.url,
        DJANGO_SETTINGS_MODULE="webadmin.settings",
        ENV_FILE=os.devnull,
        VAR_DIR=tempfile.mkdtemp(prefix="hotline-bench-"),
    )
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.bench_speech_queue", "--serve"], stderr=subprocess.DEVNULL
    )
    import django

    # Settings are read when the office is first imported: the broker must stand in the environment by then.
    django.setup()
    from tests.benchmarks.bench_journal import percentile

    kept = True
    try:
        for at_once, every, limited in ((1, 0.0, True), (50, 2.0, True), (10, 0.0, False)):
            asking = (redis.url, asked.turns, at_once, every)
            rounds = [sorted(asyncio.run(measure(*asking))) for _ in range(ROUNDS)]
            p50, p95 = ([percentile(took, share) for took in rounds] for share in (0.5, 0.95))
            kept &= not limited or max(p95) <= LIMIT_MS
            pace = f"every {every:g} s each" if every else "without a pause"
            share = max(p95) / LIMIT_MS
            print(
                f"- {at_once} call{'s at once' if at_once > 1 else ''}, utterances of 4 s {pace}: "
                f"p50 {listed(p50)} ms, p95 {listed(p95)} ms "
                f"({share:.2f} of {LIMIT_MS:g} ms{', the limit' if limited else ', which is not meant for so many'})"
            )
    finally:
        stop(worker)
        redis.close()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
