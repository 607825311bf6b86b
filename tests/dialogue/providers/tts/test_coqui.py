"""Coqui's voices: the real package loads and speaks a small voice that the tests make, in a process of its own."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from dialogue.errors import ProviderError
from dialogue.providers.tts.coqui import Coqui, CoquiConfig, licence_of
from dialogue.providers.tts.voices import LocalVoice
from dialogue.resilience import Policy, Speaker
from tests.fakes.streaming import StepVoice

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(find_spec("TTS") is None, reason="make venv-speech installs coqui-tts"),
]

SENTENCE = "Это автоматический помощник."


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Folder of a voice with one speaker."""
    return made(tmp_path_factory.mktemp("coqui") / "one")


@pytest.fixture(scope="session")
def choir(tmp_path_factory):
    """Folder of a voice with three speakers."""
    return made(tmp_path_factory.mktemp("coqui") / "three", speakers=3)


def made(folder, **shape):
    # Elsewhere: the package and PyTorch stay out of the process that runs the tests.
    code = (
        f"from pathlib import Path; from tests.fakes.tiny_coqui import make; make(Path({str(folder)!r}), **{shape!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200, stdout=subprocess.DEVNULL)
    return folder


def engine_of(voice: LocalVoice, **more) -> Coqui:
    return Coqui(CoquiConfig(voices={"ru": voice}, **more))


async def speak(engine: Coqui, text: str = SENTENCE, language: str = "ru") -> np.ndarray:
    pcm = b"".join([chunk async for chunk in engine.synthesise(text, language)])
    return np.frombuffer(pcm, dtype="<i2").astype(float)


async def failure(engine: Coqui) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await engine.start()
    await engine.close()
    return caught.value


async def test_it_loads_speaks_and_stays_up(model):
    engine = engine_of(LocalVoice(str(model)))
    await engine.start()
    pids = engine.pids
    short, long = await speak(engine, "Да."), await speak(engine)
    assert 0.1 < len(short) / 16_000 < len(long) / 16_000 < 30
    assert np.abs(long).max() > 10
    chunks = [chunk async for chunk in engine.synthesise("Одно. Другое! Третье?", "ru")]
    assert len(chunks) == 3, "each sentence is given on by itself"
    assert engine.pids == pids
    os.kill(pids[0], signal.SIGKILL)
    with pytest.raises(ProviderError) as caught:
        await speak(engine)
    assert (caught.value.code, caught.value.retryable) == ("worker_died", True)
    assert len(await speak(engine, "Да.")) > 0, "the next sentence starts another process"
    await engine.close()


async def test_a_voice_of_several_speakers_needs_one_of_them(choir):
    engine = engine_of(LocalVoice(str(choir), "speaker2"))
    assert len(await speak(engine, "Да.")) > 0
    await engine.close()
    assert (await failure(engine_of(LocalVoice(str(choir))))).code == "model_unusable"
    assert (await failure(engine_of(LocalVoice(str(choir), "nobody")))).code == "model_unusable"


async def test_what_cannot_be_pronounced_is_silence_or_an_error_never_a_hang(model):
    engine = engine_of(LocalVoice(str(model)))
    await engine.start()
    assert len(await speak(engine, "... !")) == 0
    for text in ("漢字", "ᚠᚢᚦ", "x" * 300, "😀 a"):
        async with asyncio.timeout(60):
            try:
                assert np.isfinite(await speak(engine, text)).all()
            except ProviderError as error:
                assert error.code in {"engine_failed", "no_audio", "too_long"}  # noqa: PT017
    assert len(await speak(engine, "Да.")) > 0
    await engine.close()


async def test_a_caller_who_leaves_ends_nothing_for_the_next(model):
    engine = engine_of(LocalVoice(str(model)))
    await engine.start()
    leaving = asyncio.create_task(speak(engine, SENTENCE * 5))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert len(await speak(engine, "Да.")) > 0
    await engine.close()


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda folder: shutil.rmtree(folder), "model_missing"),
        (lambda folder: (folder / "config.json").unlink(), "model_missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "model_unusable"),
        (lambda folder: (folder / "model.pth").write_bytes(b""), "model_unusable"),
        (lambda folder: os.truncate(folder / "model.pth", 5000), "model_unusable"),
        (lambda folder: (folder / "model.pth").write_bytes(b"RIFF of another kind"), "model_unusable"),
    ],
)
async def test_a_missing_or_damaged_model_is_said_in_one_sentence(model, tmp_path, harm, code):
    folder = shutil.copytree(model, tmp_path / "voice")
    harm(folder)
    found = await failure(engine_of(LocalVoice(str(folder))))
    assert (found.code, found.retryable) == (code, False)
    assert "COQUI_VOICES" in found.detail
    assert "\n" not in found.detail


async def test_a_name_that_nobody_published_is_a_missing_model():
    assert (await failure(engine_of(LocalVoice("tts_models/ru/nobody/nothing")))).code == "model_missing"


async def test_a_licence_that_asks_for_consent_is_not_accepted_for_anybody(tmp_path):
    (tmp_path / "config.json").write_text('{"model": "xtts"}')
    for name in ("tts_models/multilingual/multi-dataset/xtts_v2", str(tmp_path)):
        found = await failure(engine_of(LocalVoice(name)))
        assert found.code == "licence_not_accepted"
        assert "COQUI_LICENCE_ACCEPTED=true" in found.detail


def test_licences_of_published_models_are_known_by_their_names():
    assert "not for commercial use" in licence_of("tts_models/kaz/fairseq/vits")
    assert "not for commercial use" in licence_of("tts_models/multilingual/multi-dataset/xtts_v2")
    assert licence_of("tts_models/uk/mai/vits") == ""


@pytest.mark.skipif(os.path.exists("/dev/nvidia0"), reason="there is one")
async def test_a_graphics_card_that_is_not_there_is_a_typed_error(model):
    assert (await failure(engine_of(LocalVoice(str(model)), device="cuda"))).code == "no_device"


async def test_too_much_text_or_sound_is_refused(model):
    engine = engine_of(LocalVoice(str(model)), longest_speech=0.01)
    for text in ("а" * 6000, SENTENCE):
        with pytest.raises(ProviderError) as caught:
            await speak(engine, text)
        assert caught.value.code == "too_long"
    with pytest.raises(ProviderError) as caught:
        await speak(engine, "hello", "en")
    assert caught.value.code == "language_not_supported"
    await engine.close()


async def test_nothing_that_is_said_is_printed(model, capfd):
    engine = engine_of(LocalVoice(str(model)))
    await speak(engine, "улица тайная 漢字")
    await engine.close()
    out = capfd.readouterr()
    assert "тайная" not in out.out + out.err


async def test_the_next_voice_speaks_where_the_model_fails(tmp_path):
    engine, other = engine_of(LocalVoice(str(tmp_path / "nothing"))), StepVoice(name="espeak")
    speech = await Speaker([engine, other], None, Policy(budget=60, attempt=40, attempts=1)).prepare("Алло", "ru")
    await engine.close()
    assert (speech.engine, [f.code for f in speech.failures]) == ("espeak", ["model_missing"])
