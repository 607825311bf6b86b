"""Sound that was made once is there again, and a cache that is damaged or cannot be written harms nobody."""

import os

import pytest

from dialogue.audio import Audio
from dialogue.speech_cache import SpeechCache, cache_key

GREETING = Audio(bytes(range(256)) * 10, 16_000)


def files(folder):
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


async def said_twice(cache: SpeechCache, key: str, sound: Audio = GREETING) -> None:
    await cache.put(key, sound)
    await cache.get(key, sound.rate)


async def test_a_sentence_that_is_said_again_outlives_a_restart(tmp_path):
    await said_twice(SpeechCache(tmp_path), "aa11")
    assert await SpeechCache(tmp_path).get("aa11", 16_000) == GREETING
    assert await SpeechCache(tmp_path).get("aa12", 16_000) is None


async def test_a_sentence_that_is_said_once_leaves_no_file(tmp_path):
    cache = SpeechCache(tmp_path)
    await cache.put("aa11", GREETING)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"<html>", lambda data: b"\0" * len(data)],
)
async def test_a_damaged_file_is_as_good_as_none_and_is_replaced(tmp_path, damage):
    await said_twice(SpeechCache(tmp_path), "aa11")
    [path] = tmp_path.rglob("*.wav")
    path.write_bytes(damage(path.read_bytes()))
    cache = SpeechCache(tmp_path)
    assert await cache.get("aa11", 16_000) is None
    await said_twice(cache, "aa11")
    assert await SpeechCache(tmp_path).get("aa11", 16_000) == GREETING


async def test_a_file_of_another_rate_is_not_taken(tmp_path):
    await said_twice(SpeechCache(tmp_path), "aa11")
    assert await SpeechCache(tmp_path).get("aa11", 8000) is None


async def test_a_folder_that_cannot_be_written_costs_only_the_files(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    cache = SpeechCache(tmp_path / "taken")
    await said_twice(cache, "aa11")
    assert await cache.get("aa11", 16_000) == GREETING


async def test_memory_is_bounded_and_the_least_used_goes_first():
    cache = SpeechCache(memory=3 * len(GREETING.pcm))
    for key in ("a", "b", "c"):
        await cache.put(key, GREETING)
    await cache.get("a", 16_000)
    await cache.put("d", GREETING)
    assert await cache.get("b", 16_000) is None
    assert await cache.get("a", 16_000) == GREETING


async def test_files_are_bounded(tmp_path):
    cache = SpeechCache(tmp_path, files=3)
    for number in range(6):
        await said_twice(cache, f"{number:02}ff")
    assert len(files(tmp_path)) == 3
    assert "05ff.wav" in files(tmp_path)


def test_a_key_tells_engine_voice_rate_and_text_apart():
    keys = {
        cache_key(*parts) for parts in (("a", "b", 1, "c"), ("ab", "", 1, "c"), ("a", "b", 2, "c"), ("a", "b", 1, "d"))
    }
    assert len(keys) == 4
    assert len(cache_key("a", "b", 1, "\ud800")) == 64


async def test_what_is_used_stays_when_files_are_many(tmp_path):
    cache = SpeechCache(tmp_path, files=2)
    for age, key in enumerate(("aa11", "bb11")):
        await said_twice(cache, key)
        os.utime(tmp_path / key[:2] / f"{key}.wav", (age, age))
    assert await SpeechCache(tmp_path).get("aa11", 16_000) == GREETING
    await said_twice(cache, "cc11")
    assert files(tmp_path) == ["aa11.wav", "cc11.wav"]
