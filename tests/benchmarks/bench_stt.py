"""Compute of openai-whisper against faster-whisper with the same weights, on short utterances.

python -m tests.benchmarks.bench_stt [--size base] [--rounds 5]

The weights are random but for the words, which are the same for both and whatever is heard, so that both do the work of
a published model of that size for a text of that length.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dialogue.audio import Audio, read_wav
from dialogue.errors import Stage
from dialogue.ports import SttRequest
from dialogue.providers import silero
from dialogue.providers.stt import faster_whisper, whisper
from dialogue.providers.stt.voiced import RATE, Stretch, VoiceFinder
from dialogue.providers.stt.whole import NICE
from dialogue.providers.vad.silero import Silero
from dialogue.providers.vad.webrtc import WebRtc
from dialogue.providers.workers import Workers
from tests.fakes import tiny_whisper

SIZES = {"base": tiny_whisper.BASE, "small": tiny_whisper.SMALL}
WORDS = "На улице Абая украли машину, сейчас."
SENTENCES = ("Да.", "На улице Абая, дом двенадцать.", "У меня вчера ночью украли машину из двора.")
RUSSIAN = SttRequest("ru")


@dataclass(frozen=True, slots=True)
class Figures:
    """What one engine needs.

    Args:
        load: seconds until its first utterance is done.
        compute: seconds per second of speech, the median utterance.
        utterance: seconds for an utterance, the median.
        memory: largest resident size of its process, MB.
        texts: what it said.
    """

    load: float
    compute: float
    utterance: float
    memory: float
    texts: frozenset[str]


def run_here(decode: Callable[..., Any], config: Any, sounds: list[Stretch], rounds: int) -> Figures:
    """Measure in this process."""
    began = time.perf_counter()
    decode(config, sounds[:1], RUSSIAN)
    load = time.perf_counter() - began
    compute, utterances, texts = [], [], set()
    for _ in range(rounds):
        for sound in sounds:
            began = time.perf_counter()
            (found,) = decode(config, [sound], RUSSIAN)
            spent = time.perf_counter() - began
            utterances.append(spent)
            compute.append(spent / (len(sound.pcm) / 32_000))
            texts.add(found.text.strip())
    memory = int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024
    return Figures(load, statistics.median(compute), statistics.median(utterances), memory, frozenset(texts))


async def apart(decode: Callable[..., Any], config: Any, sounds: list[Stretch], rounds: int) -> Figures:
    """Measure in a process of its own."""
    workers = Workers(Stage.SPEECH_TO_TEXT, "bench", count=1, stuck_after=1.0)
    try:
        return await workers.run(run_here, decode, config, sounds, rounds)
    finally:
        await workers.close()


async def longest_pause(decode: Callable[..., Any], config: Any, sound: Stretch, *, thread: bool) -> float:
    """Seconds the event loop stands still at most while an utterance is recognised in a thread or a process."""
    workers = Workers(Stage.SPEECH_TO_TEXT, "bench", count=1, stuck_after=1.0, nice=NICE)

    async def work() -> None:
        if thread:
            await asyncio.to_thread(decode, config, [sound] * 3, RUSSIAN)
        else:
            await workers.run(decode, config, [sound] * 3, RUSSIAN)

    await work()
    working = asyncio.create_task(work())
    longest, before = 0.0, time.perf_counter()
    while not working.done():
        await asyncio.sleep(0.002)
        longest, before = max(longest, time.perf_counter() - before), time.perf_counter()
    await working
    await workers.close()
    return longest


def detecting(sound: Audio) -> dict[str, float]:
    """Milliseconds of compute for a second of sound, by way of looking for voice."""
    samples = np.frombuffer(sound.pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
    session = silero.load("silero_vad_16k_sequence")
    frames = [sound.pcm[start : start + 640] for start in range(0, len(sound.pcm), 640)]
    ways: dict[str, Callable[[], object]] = {
        "silero, an utterance whole": lambda: silero.judge_whole(session, samples),
        "silero, frame by frame": lambda: [
            stream.feed(frame) for stream in [Silero().stream(RATE)] for frame in frames
        ],
        "webrtc, frame by frame": lambda: [
            stream.feed(frame) for stream in [WebRtc().stream(RATE)] for frame in frames
        ],
    }
    found = {}
    for name, run in ways.items():
        run()
        times = []
        for _ in range(20):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        found[name] = 1000 * statistics.median(times) / sound.seconds
    return found


def spoken(folder: Path) -> list[Audio]:
    """Short utterances as callers make them."""
    sounds = []
    for sentence in SENTENCES:
        path = folder / "sentence.wav"
        subprocess.run(["espeak-ng", "-v", "ru", "-w", str(path), sentence], check=True, timeout=20)
        sounds.append(read_wav(path).at(16_000))
    return sounds


async def measure(size: str, rounds: int, folder: Path) -> bool:
    """Print the figures; return whether they are as wanted."""
    stretches = [stretch for sound in spoken(folder) for stretch in await VoiceFinder().find(sound.pcm)]
    # Time enough for all the words, however short the sound.
    sounds = [Stretch(stretch.pcm, 3.0) for stretch in stretches]
    checkpoint = tiny_whisper.parrot(folder / "model.pt", WORDS, "ru", SIZES[size])
    whole = tiny_whisper.converted(checkpoint, folder / "float32")
    small = tiny_whisper.converted(checkpoint, folder / "int8", "int8")
    ours = whisper.WhisperConfig(str(checkpoint))
    kinds: dict[str, tuple[Callable[..., Any], Any]] = {
        "openai-whisper, float32": (whisper._decode, ours),
        "faster-whisper, float32": (
            faster_whisper._decode,
            faster_whisper.FasterWhisperConfig(str(whole), compute_type="float32"),
        ),
        "faster-whisper, int8": (faster_whisper._decode, faster_whisper.FasterWhisperConfig(str(small))),
    }
    figures = {name: await apart(*kind, sounds, rounds) for name, kind in kinds.items()}
    first = figures["openai-whisper, float32"]
    print(f'- Whisper "{size}" with made weights, {len(sounds)} utterances of 0.5 to 3 s, {rounds} rounds, greedy:\n')
    print("| engine | compute per second of speech | an utterance | memory | until the first words | times faster |")
    print("|---|---|---|---|---|---|")
    for name, found in figures.items():
        print(
            f"| {name} | {found.compute:.2f} s | {found.utterance:.2f} s | {found.memory:.0f} MB | {found.load:.1f} s "
            f"| {first.compute / found.compute:.2f} |"
        )
    print()
    same = all(found.texts == {WORDS} for found in figures.values())
    ratio = first.compute / figures["faster-whisper, int8"].compute
    print(f"- the same words from all: {same}; faster-whisper int8 needs {ratio:.2f} times less (wanted ≥ 1)")
    for name, kind in kinds.items():
        inside, outside = [await longest_pause(*kind, sounds[-1], thread=thread) for thread in (True, False)]
        print(
            f"- {name}: the loop stood still for {1000 * inside:.0f} ms at most with recognition in a thread, "
            f"{1000 * outside:.0f} ms with it in a process"
        )
    for name, milliseconds in detecting(spoken(folder)[-1]).items():
        print(f"- voice of a second of sound by {name}: {milliseconds:.2f} ms")
    return same and ratio >= 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(SIZES), default="base")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = asyncio.run(measure(options.size, options.rounds, Path(folder)))
    print(f"- {os.cpu_count()} cores, as many threads")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
