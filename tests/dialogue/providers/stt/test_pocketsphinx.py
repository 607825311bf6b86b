"""English speech becomes words, whatever happens to the processes that do it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dialogue.audio import Audio, read_wav
from dialogue.errors import ProviderError
from dialogue.ports import SttRequest
from dialogue.providers.stt.pocketsphinx import PocketSphinx, PocketSphinxConfig, words_of
from dialogue.resilience import Policy, Recogniser
from dialogue.turns import Transcript

ENGLISH = SttRequest("en")


def spoken(text: str, folder: Path) -> Audio:
    path = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True, timeout=20)
    return read_wav(path)


def spoken_in_russian(text: str, folder: Path) -> Audio:
    path = folder / "ru.wav"
    subprocess.run(["espeak-ng", "-v", "ru", "-w", str(path), text], check=True, timeout=20)
    return read_wav(path).at(16_000)


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Audio:
    return spoken("somebody stole my car last night", tmp_path_factory.mktemp("speech"))


@pytest.fixture
async def engine():
    engine = PocketSphinx()
    yield engine
    await engine.close()


async def in_pieces(pcm: bytes):
    for start in range(0, len(pcm), 3200):
        yield pcm[start : start + 3200]


async def recognise(engine: PocketSphinx, audio: Audio) -> Transcript:
    [transcript] = [t async for t in engine.transcribe(in_pieces(audio.pcm), ENGLISH)]
    return transcript


def workers(engine: PocketSphinx) -> list[int]:
    return list(engine._workers.pids)


async def test_a_theft_is_understood(engine, speech):
    await engine.start()
    found = await recognise(engine, speech)
    assert found.text == "somebody stole my car last night"
    assert found.language == "en"
    assert found.final
    assert 0.7 < found.confidence <= 1


@pytest.mark.parametrize("loudness", [0, 3, 30, 300, 3000])
async def test_silence_and_noise_are_no_words_before_and_after_speech(engine, speech, loudness):
    noise = Audio(np.random.default_rng(1).normal(0, loudness, 40_000).astype("<i2").tobytes(), 16_000)
    before = await recognise(engine, noise)
    await recognise(engine, speech)
    after = await recognise(engine, noise)
    assert [(t.text, t.confidence) for t in (before, after)] == [("", None), ("", None)]


async def test_digital_silence_around_words_adds_none(engine, speech):
    found = await recognise(engine, Audio(bytes(48_000) + speech.pcm + bytes(48_000), 16_000))
    assert found.text == "somebody stole my car last night"


async def test_a_caller_is_heard_the_same_whoever_called_before(engine, speech):
    alone = await recognise(engine, speech)
    whispering = np.frombuffer(speech.pcm, dtype="<i2") // 8
    await recognise(engine, Audio(whispering.tobytes(), 16_000))
    again = await recognise(engine, speech)
    assert again.text == alone.text
    assert again.confidence == pytest.approx(alone.confidence, abs=0.02)


async def test_speech_of_another_language_has_a_low_confidence(engine, tmp_path):
    sound = await asyncio.to_thread(spoken_in_russian, "у меня украли машину вчера ночью", tmp_path)
    found = await recognise(engine, sound)
    assert found.confidence is None or found.confidence < 0.3


@pytest.mark.parametrize("pcm", [b"", b"\x00", b"\x01\x02\x03", bytes(2000)])
async def test_hardly_any_sound_has_no_words_and_starts_no_process(engine, pcm):
    assert (await recognise(engine, Audio(pcm, 16_000))).text == ""
    assert not workers(engine)


async def test_an_odd_number_of_bytes_is_no_obstacle(engine, speech):
    assert "stole my car" in (await recognise(engine, Audio(speech.pcm + b"\x00", 16_000))).text


async def test_other_calls_go_on_while_one_is_recognised(engine, speech):
    await engine.start()
    recognising = asyncio.create_task(recognise(engine, Audio(speech.pcm * 3, 16_000)))
    longest, before = 0.0, time.monotonic()
    while not recognising.done():
        await asyncio.sleep(0.005)
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
    await recognising
    assert longest < 0.25


async def test_what_goes_beyond_the_limit_is_left_out(speech):
    engine = PocketSphinx(PocketSphinxConfig(longest=1.3))
    found = await recognise(engine, Audio(speech.pcm * 5, 16_000))
    await engine.close()
    assert found.text.startswith("somebody")
    assert "night" not in found.text


async def test_a_caller_who_leaves_does_not_spoil_the_next_call(engine, speech):
    await engine.start()
    leaving = asyncio.create_task(recognise(engine, speech))
    await asyncio.sleep(0.05)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert "stole my car" in (await recognise(engine, speech)).text


async def test_a_worker_that_dies_costs_an_attempt_and_is_replaced(engine, speech):
    await engine.start()
    os.kill(workers(engine)[0], signal.SIGKILL)
    recogniser = Recogniser([engine], Policy(budget=30, attempt=20, pause=0.01))
    recognition = await recogniser.recognise(speech, ENGLISH)
    assert "stole my car" in recognition.transcript.text
    assert [(f.code, f.retryable) for f in recognition.failures] == [("worker_died", True)]


async def test_a_worker_that_hangs_is_replaced(speech):
    engine = PocketSphinx(PocketSphinxConfig(stuck_after=0.1))
    await engine.start()
    [stuck] = workers(engine)
    os.kill(stuck, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await recognise(engine, speech)
    await eventually(lambda: stuck not in workers(engine))
    assert "stole my car" in (await recognise(engine, speech)).text
    assert stuck not in workers(engine)
    await engine.close()


async def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, sys\n"
        "from dialogue.providers.stt.pocketsphinx import PocketSphinx, PocketSphinxConfig\n"
        "async def main():\n"
        "    engine = PocketSphinx(PocketSphinxConfig(workers=2))\n"
        "    await engine.start()\n"
        "    print(*engine._workers.pids, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    async with asyncio.timeout(30):
        pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert len(pids) == 2
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await eventually(lambda: not any(running(pid) for pid in pids))


async def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"not within {seconds} s")


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_missing_package_is_said_with_what_to_install(engine, monkeypatch):
    monkeypatch.setattr("dialogue.providers.stt.pocketsphinx.find_spec", lambda name: None)
    with pytest.raises(ProviderError, match="install") as caught:
        await engine.start()
    assert caught.value.code == "not_installed"


def test_noise_and_pronunciation_numbers_are_not_words():
    segments = [("<s>", 1.0, 10), ("with(2)", 0.81, 10), ("<sil>", 1.0, 99), ("[NOISE]", 0.1, 9), ("me", 1.0001, 10)]
    text, confidence = words_of(segments)
    assert text == "with me"
    assert confidence == pytest.approx(0.9, abs=0.001)
    assert words_of([("<s>", 1.0, 10)]) == ("", None)
    assert words_of([("a", 0.0, 3)])[1] == pytest.approx(0.0, abs=1e-6)
