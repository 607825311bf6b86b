"""Sentences become sound in each language, and no text is more than words."""

import asyncio
import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from dialogue.errors import ProviderError
from dialogue.providers.tts.espeak import Espeak, EspeakConfig, speakable

SENTENCES = {
    "ru": "Это автоматический помощник полиции. Что случилось?",
    "kk": "Бұл полицияның автоматты көмекшісі. Не болды?",
    "uk": "Це автоматичний помічник. Що сталося?",
    "en": "This is an automatic assistant. What happened?",
}


async def speak(engine: Espeak, text: str, language: str = "en") -> np.ndarray:
    pcm = b"".join([chunk async for chunk in engine.synthesise(text, language)])
    return np.frombuffer(pcm, dtype="<i2").astype(float)


@pytest.fixture
def program(tmp_path):
    """Make a program that stands in for espeak-ng."""

    def make(script: str) -> EspeakConfig:
        path = tmp_path / "espeak-ng"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return EspeakConfig(program=str(path), timeout=5.0)

    return make


@pytest.mark.parametrize("language", SENTENCES)
async def test_each_language_is_spoken(language):
    sound = await speak(Espeak(), SENTENCES[language], language)
    assert 1.5 < len(sound) / 16_000 < 8
    assert np.sqrt(np.mean(sound**2)) > 500
    assert np.abs(sound).max() > 5000


async def test_sound_has_the_declared_rate():
    """A vowel's pitch is the same as the program's own, so nothing was merely relabelled."""
    slow = await speak(Espeak(EspeakConfig(words_per_minute=80)), SENTENCES["en"])
    fast = await speak(Espeak(EspeakConfig(words_per_minute=300)), SENTENCES["en"])
    assert len(slow) > 2 * len(fast)
    spectrum = np.abs(np.fft.rfft(slow))
    assert spectrum[len(spectrum) * 15 // 16 :].sum() < spectrum.sum() / 20


@pytest.mark.parametrize(
    "text",
    [
        "-f /etc/passwd",
        "$(id)",
        "`id`",
        "--version",
        "a\x00b",
        "<speak><audio src='/etc/passwd'/></speak>",
        "[[h@l'oU]]",
    ],
)
async def test_text_is_only_ever_spoken(text):
    sound = await speak(Espeak(), text)
    assert 0.2 < len(sound) / 16_000 < 8


async def test_text_travels_on_standard_input_alone(program, tmp_path):
    config = program(f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/input; exit 3')
    with pytest.raises(ProviderError):
        await speak(Espeak(config), "-w /tmp/evil\x1b[2J $(id)\nmore", "ru")
    assert (tmp_path / "arguments").read_text().split() == ["--stdin", "--stdout", "-b", "1", "-v", "ru", "-s", "150"]
    assert (tmp_path / "input").read_text() == "-w /tmp/evil [2J $(id) more"


def test_speakable_text_has_no_phoneme_codes_and_keeps_its_words():
    assert speakable("[[[[a]] бю\u00adро\ud800\tда") == "[ [ [ [a]] бюро да"
    assert speakable(" \x00\n ") == ""


async def test_blank_text_is_silence_without_a_process():
    assert len(await speak(Espeak(EspeakConfig(program="/nonexistent")), " \n")) == 0


async def test_a_missing_program_is_said_with_what_to_install():
    with pytest.raises(ProviderError, match="install the system package espeak-ng") as caught:
        await Espeak(EspeakConfig(program="no-such-espeak")).start()
    assert (caught.value.code, caught.value.retryable) == ("not_installed", False)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("cat >/dev/null; exit 1", "no_audio"),
        ("exit 0", "no_audio"),
        ("cat >/dev/null; head -c 20000 /dev/zero", "bad_audio"),
        ("cat >/dev/null; printf RIFF", "bad_audio"),
        ("cat >/dev/null; printf 'RIFFxxxxWAVEfmt data'", "bad_audio"),
        ("espeak-ng --stdin --stdout; exit 4", "engine_failed"),
    ],
)
async def test_a_broken_program_is_a_provider_error(program, script, code):
    with pytest.raises(ProviderError) as caught:
        await speak(Espeak(program(script)), "hello")
    assert caught.value.code == code


async def test_a_hanging_program_is_ended(program, tmp_path):
    config = program(f"echo $$ > {tmp_path}/pid; exec sleep 60")
    with pytest.raises(ProviderError) as caught:
        await speak(Espeak(EspeakConfig(program=config.program, timeout=0.3)), "hello")
    assert (caught.value.code, caught.value.retryable) == ("timeout", True)
    assert gone(int((tmp_path / "pid").read_text()))


async def test_a_caller_who_leaves_ends_the_program(program, tmp_path):
    config = program(f"echo $$ > {tmp_path}/pid; exec sleep 60")
    speaking = asyncio.create_task(speak(Espeak(config), "hello"))
    deadline = time.monotonic() + 5
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert gone(int((tmp_path / "pid").read_text()))


async def test_a_listener_who_stops_half_way_ends_the_program():
    stream = Espeak().synthesise("one two three four five six seven eight nine ten " * 20, "en")
    async for _ in stream:
        break
    await stream.aclose()
    assert not [p for p in children() if "espeak" in p]


async def test_sound_without_end_is_refused():
    with pytest.raises(ProviderError) as caught:
        await speak(Espeak(EspeakConfig(longest_speech=0.5)), SENTENCES["en"])
    assert caught.value.code == "too_long"


async def test_too_long_a_text_and_a_language_without_voice_are_refused():
    with pytest.raises(ProviderError) as caught:
        await speak(Espeak(), "a" * 6000)
    assert caught.value.code == "too_long"
    with pytest.raises(ProviderError) as caught:
        await speak(Espeak(), "hallo", "../de")
    assert caught.value.code == "language_not_supported"


def gone(pid: int) -> bool:
    """Ended and waited for: neither running nor a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def children() -> list[str]:
    pids = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{pid}/comm").read_text() for pid in pids if Path(f"/proc/{pid}/comm").exists()]
