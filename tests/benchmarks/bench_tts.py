"""Time to the first byte of each voice, cold and from the cache.

python -m tests.benchmarks.bench_tts [--rounds 5]

Coqui and Piper speak voices of random weights made here, Coqui's as wide as a published VITS: they do the work of such
voices and say nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dialogue.loudness import Loudness
from dialogue.providers.tts.coqui import Coqui, CoquiConfig
from dialogue.providers.tts.espeak import Espeak
from dialogue.providers.tts.piper import Piper, PiperConfig
from dialogue.providers.tts.voices import LocalVoice
from dialogue.resilience import Policy, Speaker, SpeechCache
from dialogue.spoken import spoken
from tests.fakes import tiny_piper

PIPER = Path(__file__).parents[2] / "var" / "piper-venv" / "bin" / "piper"
PUBLISHED_WIDTH = 192
SENTENCES = (
    "Ваше обращение записано под номером {number}. Ждите на ул. Абая, д. {number}.",
    "Скажите, пожалуйста, что случилось? Приедем в {number:02}:15.",
    "Соединяю вас с оператором. Оставайтесь на линии, вы {number}-й.",
)


@contextmanager
def engines(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the voices there are, not started."""
    found: dict[str, Any] = {"espeak": Espeak()}
    if PIPER.exists():
        voice = LocalVoice(str(tiny_piper.make(folder, "ru")))
        found["piper (a hum)"] = Piper(PiperConfig(program=str(PIPER), voices={"ru": voice}))
    if find_spec("TTS"):
        code = (
            "from pathlib import Path; from tests.fakes.tiny_coqui import make; "
            f"make(Path({str(folder / 'vits')!r}), hidden={PUBLISHED_WIDTH})"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=300, stdout=subprocess.DEVNULL)
        found["coqui (random VITS)"] = Coqui(CoquiConfig(voices={"ru": LocalVoice(str(folder / "vits"))}))
    yield found


def texts(rounds: int) -> list[str]:
    """Return sentences that differ, so that none is in a cache by chance."""
    return [text.format(number=number) for number in range(10, 10 + rounds) for text in SENTENCES]


async def first_bytes(speaker: Speaker, wanted: list[str]) -> tuple[list[float], float, float]:
    """Return the seconds to each first byte, the seconds until all was made, and the seconds of sound."""
    firsts, sound = [], 0.0
    began = time.perf_counter()
    for text in wanted:
        asked = time.perf_counter()
        speech, first, length = speaker.stream(text, "ru"), 0.0, 0
        async for chunk in speech.chunks():
            first = first or time.perf_counter() - asked
            length += len(chunk)
        firsts.append(first)
        sound += length / 2 / speech.rate
    return firsts, time.perf_counter() - began, sound


async def measure(name: str, engine: Any, rounds: int, folder: Path) -> float:
    """Print a voice's figures; returns the ratio of cold to cached."""
    patient = Policy(budget=600, attempt=600)
    speaker = Speaker([engine], SpeechCache(folder / name), patient, loudness=Loudness())
    began = time.perf_counter()
    await speaker.start()
    loaded = time.perf_counter() - began
    memory = await asyncio.to_thread(_memory, engine)
    # The first sentences of a voice are held back until its loudness is known.
    await first_bytes(speaker, ["Проверка связи, проверка связи."])
    cold, took, sound = await first_bytes(speaker, texts(rounds))
    cached, _, _ = await first_bytes(speaker, texts(rounds))
    await speaker.close()
    ratio = statistics.median(cold) / statistics.median(cached)
    print(
        f"- {name}: first byte {1000 * statistics.median(cold):.0f} ms cold (worst {1000 * max(cold):.0f}), "
        f"{1000 * statistics.median(cached):.2f} ms cached: {ratio:.0f} times sooner; "
        f"{took / sound:.3f} s of work per second of sound, ready after {loaded:.1f} s"
        + (f", {memory:.0f} MB" if memory else "")
    )
    return ratio


def _memory(engine: Any) -> float:
    """MB of the processes that an engine keeps up."""
    pids = list(getattr(engine, "pids", ()))
    sizes = [Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0] for pid in pids]
    return sum(map(int, sizes)) / 1024


def words(rounds: int) -> None:
    """Print how long reading numbers and abbreviations takes."""
    spoken("в 12 домах на ул. Абая", "ru")
    took = []
    for text in texts(100 * rounds):
        began = time.perf_counter()
        spoken(text, "ru")
        took.append(time.perf_counter() - began)
    print(f"- numbers and abbreviations into words: {1000 * statistics.median(took):.2f} ms a sentence")


async def everything(rounds: int) -> int:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with engines(folder) as found:
            ratios = [await measure(name, engine, rounds, folder) for name, engine in found.items()]
        missing = [name for name in ("piper", "coqui") if not any(known.startswith(name) for known in found)]
        if missing:
            print(f"- not installed here: {', '.join(missing)}")
    words(rounds)
    return 0 if min(ratios) >= 1 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    return asyncio.run(everything(parser.parse_args().rounds))


if __name__ == "__main__":
    sys.exit(main())
