"""Piper stays up and speaks sentence by sentence; whatever becomes of the program, callers get sound or an error.

The real program speaks a voice that the test makes, where it is installed (`make piper`); its faults are played by a
script in its place.
"""

import asyncio
import os
import stat
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from dialogue.errors import ProviderError
from dialogue.providers.tts.piper import Piper, PiperConfig
from dialogue.providers.tts.voices import LocalVoice
from dialogue.resilience import Policy, Speaker
from tests.fakes import tiny_piper
from tests.fakes.streaming import StepVoice

PROGRAM = Path(__file__).parents[4] / "var" / "piper-venv" / "bin" / "piper"
installed = pytest.mark.skipif(not PROGRAM.exists(), reason="make piper installs the program")

OBEDIENT = """
import sys, time, wave
from pathlib import Path
folder = Path(sys.argv[sys.argv.index("--output_dir") + 1])
for number, line in enumerate(sys.stdin):
    {before}
    path = folder / f"{{time.monotonic_ns()}}.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1); out.setsampwidth(2); out.setframerate(22050)
        out.writeframes((b"\\0\\x20" + bytes([len(line) % 256, 0])) * 22050)
    {after}
    print("INFO:__main__:Wrote", path, file=sys.stderr, flush=True)
"""


@pytest.fixture
def voices(tmp_path):
    return {language: LocalVoice(str(tiny_piper.make(tmp_path, language))) for language in ("ru", "kk")}


@pytest.fixture
def program(tmp_path):
    """Make a program that stands in for Piper; counts its starts in a file."""

    def make(before: str = "pass", after: str = "pass", script: str = OBEDIENT) -> str:
        path = tmp_path / "piper"
        starts = f"open({str(tmp_path / 'starts')!r}, 'a').write('x')"
        code = script.format(before=before, after=after)
        path.write_text(f"#!{sys.executable}\n{starts}\n{textwrap.dedent(code)}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return make


@pytest.fixture
async def piper(voices):
    """Make an engine that is closed after the test."""
    made: list[Piper] = []

    def make(program: str, **more) -> Piper:
        made.append(
            Piper(PiperConfig(**{"program": program, "voices": voices, "timeout": 3.0, "loading": 5.0, **more}))
        )
        return made[-1]

    yield make
    for engine in made:
        await engine.close()


async def speak(engine: Piper, text: str = "Алло.", language: str = "ru") -> np.ndarray:
    pcm = b"".join([chunk async for chunk in engine.synthesise(text, language)])
    return np.frombuffer(pcm, dtype="<i2").astype(float)


def damage(voice: LocalVoice) -> None:
    Path(voice.model).write_bytes(b"no network")


def starts(tmp_path: Path) -> int:
    return len((tmp_path / "starts").read_text())


def left_over(engine: Piper) -> list[Path]:
    return [file for known in engine._programs.values() if known._running for file in known._running.folder.iterdir()]


@installed
@pytest.mark.parametrize("language", ["ru", "kk"])
async def test_the_real_program_speaks_each_language(piper, language):
    engine = piper(str(PROGRAM), timeout=20.0, loading=60.0)
    await engine.start()
    short = await speak(engine, "Да.", language)
    long = await speak(engine, "Это автоматический помощник полиции.", language)
    assert 0.1 < len(short) / 16_000 < len(long) / 16_000 < 20
    assert np.sqrt((long**2).mean()) > 1000
    assert left_over(engine) == []


@installed
async def test_the_real_program_makes_each_sentence_by_itself_and_stays_up(piper):
    engine = piper(str(PROGRAM), timeout=20.0, loading=60.0)
    chunks = [chunk async for chunk in engine.synthesise("Первое. Второе предложение! Третье?", "ru")]
    assert len(chunks) == 3
    pids = engine.pids
    await speak(engine, "Ещё одно.")
    assert engine.pids == pids


async def test_sentences_of_many_callers_come_back_to_whoever_asked(piper, program, tmp_path):
    engine = piper(program())
    texts = ["а" * length + "." for length in range(1, 20)]
    said = await asyncio.gather(*(speak(engine, text) for text in texts))
    # The stand-in puts the length of a line into every second sample.
    found = [round(float(sound[1000:-1000].mean() * 2 - 0x2000)) for sound in said]
    assert found == pytest.approx([len(text) + 1 for text in texts], abs=2)
    assert (starts(tmp_path), left_over(engine)) == (1, [])


async def test_sound_comes_at_the_declared_rate(piper, program):
    sound = await speak(piper(program()))
    assert len(sound) / 16_000 == pytest.approx(2.0, abs=0.02)


async def test_a_text_without_a_letter_asks_nothing(piper):
    assert len(await speak(piper("/nonexistent"), "... –!\n")) == 0


async def test_a_line_break_in_a_text_is_no_second_sentence(piper, program, tmp_path):
    engine = piper(program(before=f"open({str(tmp_path / 'lines')!r}, 'a').write(line)"))
    await speak(engine, "одно\nдва")
    assert (tmp_path / "lines").read_text().count("\n") == len((tmp_path / "lines").read_text().split())


async def test_a_missing_program_or_voice_is_said_in_one_sentence(piper, tmp_path):
    with pytest.raises(ProviderError, match=r"docs/engines\.md") as caught:
        await speak(piper(str(tmp_path / "no-piper")))
    assert (caught.value.code, caught.value.retryable) == ("not_installed", False)
    lost = Piper(PiperConfig(program=sys.executable, voices={"ru": LocalVoice(str(tmp_path / "lost.onnx"))}))
    with pytest.raises(ProviderError, match=r"lost\.onnx") as caught:
        await speak(lost)
    assert caught.value.code == "model_missing"
    with pytest.raises(ProviderError) as caught:
        await speak(lost, "hello", "en")
    assert caught.value.code == "language_not_supported"


@installed
async def test_a_damaged_voice_is_a_typed_error(piper, voices):
    damage(voices["ru"])
    with pytest.raises(ProviderError) as caught:
        await speak(piper(str(PROGRAM), loading=60.0))
    assert caught.value.code == "engine_failed"


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("sys.exit(3)", "pass", "engine_failed"),
        ("time.sleep(60)", "pass", "timeout"),
        ("pass", "path.write_bytes(b'junk')", "bad_audio"),
        ("pass", "path.unlink()", "bad_audio"),
    ],
)
async def test_a_program_that_dies_hangs_or_writes_junk_is_a_typed_error(piper, program, before, after, code):
    engine = piper(program(before, after), timeout=0.5, loading=0.7)
    with pytest.raises(ProviderError) as caught:
        await speak(engine)
    assert caught.value.code == code


async def test_after_a_death_the_next_sentence_starts_the_program_again(piper, program, tmp_path):
    engine = piper(program(before="if 'умри' in line: sys.exit(1)"))
    await speak(engine, "Живи.")
    with pytest.raises(ProviderError):
        await speak(engine, "Сейчас умри.")
    assert len(await speak(engine, "Живи.")) > 0
    assert starts(tmp_path) == 2


async def test_a_hanging_program_is_ended(piper, program):
    engine = piper(program(before="time.sleep(60)"), timeout=0.3, loading=0.3)
    with pytest.raises(ProviderError):
        await speak(engine)
    assert not [p for p in children() if p == "piper"]


async def test_a_caller_who_leaves_costs_the_next_one_nothing(piper, program, tmp_path):
    engine = piper(program(before="time.sleep(0.3)"))
    await speak(engine, "первое.")
    leaving = asyncio.create_task(speak(engine, "уходит."))
    await until(lambda: any(known._running.asked for known in engine._programs.values()))
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    sound = await speak(engine, "остаётся, и это подлиннее.")
    assert round(float(sound[1000:-1000].mean() * 2 - 0x2000)) == pytest.approx(27, abs=2)
    assert (starts(tmp_path), left_over(engine)) == (1, [])


async def test_those_who_wait_while_it_dies_get_an_error_and_the_next_a_new_program(piper, program, tmp_path):
    engine = piper(program(before="time.sleep(0.1)\n    if 'умри' in line: sys.exit(1)"))
    texts = ["живи.", "умри.", *["ждёт."] * 5]
    results = await asyncio.gather(*(speak(engine, text) for text in texts), return_exceptions=True)
    assert [getattr(r, "code", "said") for r in results] == ["said", *["engine_failed"] * 6]
    again = await asyncio.gather(*(speak(engine, "живи.") for _ in range(5)))
    assert all(len(sound) for sound in again)
    assert (starts(tmp_path), left_over(engine)) == (2, [])


async def test_a_queue_that_moves_is_no_hang(piper, program):
    engine = piper(program(before="time.sleep(0.1)"), timeout=0.4)
    said = await asyncio.gather(*(speak(engine, "ждёт.") for _ in range(12)))
    assert all(len(sound) for sound in said)


async def test_a_crowd_is_sent_to_another_voice(piper, program):
    engine = piper(program(before="time.sleep(0.2)"))
    results = await asyncio.gather(*(speak(engine, "ждёт.") for _ in range(60)), return_exceptions=True)
    refused = [r for r in results if isinstance(r, ProviderError)]
    assert {r.code for r in refused} == {"busy"}
    assert 0 < len(refused) < 60


async def test_too_much_text_or_sound_is_refused(piper, program):
    with pytest.raises(ProviderError) as caught:
        await speak(piper(program()), "а" * 6000)
    assert caught.value.code == "too_long"
    with pytest.raises(ProviderError) as caught:
        await speak(piper(program(), longest_speech=0.5))
    assert caught.value.code == "too_long"


async def test_nothing_is_left_of_it_when_it_is_closed(piper, program):
    engine = piper(program())
    await speak(engine)
    folder = next(iter(engine._programs.values()))._running.folder
    await engine.close()
    assert not folder.exists()
    assert not [p for p in children() if p == "piper"]


async def test_another_file_under_the_same_name_is_another_voice(piper, program, voices):
    before = piper(program())
    assert before.voice("kk") != before.voice("ru")
    damage(voices["ru"])
    assert piper(program()).voice("ru") != before.voice("ru")


async def test_the_next_voice_speaks_where_the_program_fails(piper, program):
    engine, other = piper(program(before="sys.exit(1)")), StepVoice(name="espeak")
    speech = await Speaker([engine, other], None, Policy(budget=4, attempt=2, attempts=1)).prepare("Алло", "ru")
    assert (speech.engine, [f.code for f in speech.failures]) == ("espeak", ["engine_failed"])


async def until(happened) -> None:
    deadline = asyncio.get_running_loop().time() + 5
    while not happened():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


def children() -> list[str]:
    pids = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids if Path(f"/proc/{pid}/comm").exists()]
