"""Whisper by both packages, on models of the test's own: what they say is known, what they hear does not count."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dialogue.audio import Audio
from dialogue.errors import ProviderError
from dialogue.ports import SpeechToText, SttRequest
from dialogue.providers.stt.faster_whisper import FasterWhisper, FasterWhisperConfig
from dialogue.providers.stt.faster_whisper import _decode as decode_faster
from dialogue.providers.stt.models import explained
from dialogue.providers.stt.voiced import Stretch
from dialogue.providers.stt.whisper import Whisper, WhisperConfig
from dialogue.providers.stt.whisper import _decode as decode
from dialogue.providers.stt.whole import LANGUAGES, likeliest
from dialogue.providers.workers import WorkerFailure
from dialogue.resilience import Policy, Recogniser
from tests.dialogue.providers.stt.conftest import RUSSIAN, SENTENCE, recognise, silence, spoken
from tests.fakes import tiny_whisper


def make(kind: str, parrot: Path, parrot_folder: Path, **settings: object) -> Whisper | FasterWhisper:
    if kind == "whisper":
        return Whisper(WhisperConfig(str(parrot), threads=1, **settings))  # type: ignore[arg-type]
    return FasterWhisper(FasterWhisperConfig(str(parrot_folder), threads=1, **settings))  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["whisper", "faster_whisper"])
def engine(request: pytest.FixtureRequest, parrot: Path, parrot_folder: Path) -> Iterator[Whisper | FasterWhisper]:
    engine = make(request.param, parrot, parrot_folder)
    asyncio.run(engine.start())
    yield engine
    asyncio.run(engine.close())


async def test_speech_becomes_words_with_language_and_confidence(engine: SpeechToText, speech: Audio) -> None:
    found = await recognise(engine, speech)

    assert (found.text, found.language, found.engine) == (SENTENCE, "ru", engine.name)
    assert found.confidence is not None
    assert 0.9 < found.confidence <= 1.0
    assert found.doubtful == ()
    assert found.final


@pytest.mark.parametrize("loudness", [0, 8, 300])
async def test_an_utterance_without_speech_never_reaches_the_model(
    engine: SpeechToText, loudness: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise AssertionError("the model was asked")

    monkeypatch.setattr(engine, "_recognise", refuse)
    found = await recognise(engine, silence(3.0, loudness))

    assert (found.text, found.confidence, found.doubtful) == ("", None, ())


@pytest.mark.parametrize("pcm", [b"", b"\x00", b"\x01\x02\x03", bytes(2000)])
async def test_hardly_any_sound_has_no_words(engine: SpeechToText, pcm: bytes) -> None:
    assert (await recognise(engine, Audio(pcm, 16_000))).text == ""


async def test_the_language_is_detected_among_the_scenarios_alone(engine: SpeechToText, speech: Audio) -> None:
    among = await recognise(engine, speech, SttRequest(None, (), ("kk", "ru", "en")))
    without = await recognise(engine, speech, SttRequest(None, (), ("kk", "en")))

    assert among.language == "ru"
    assert without.language in {"kk", "en"}


async def test_a_language_nobody_knows_is_refused(engine: SpeechToText, speech: Audio) -> None:
    with pytest.raises(ProviderError) as caught:
        await recognise(engine, speech, SttRequest("xx"))
    assert caught.value.code == "language_not_supported"


async def test_hints_of_any_length_are_taken(engine: SpeechToText, speech: Audio) -> None:
    hints = tuple(f"улица номер {number}" for number in range(300))
    found = await recognise(engine, speech, SttRequest("ru", hints))
    assert found.language == "ru"


async def test_who_speaks_beyond_the_limit_is_heard_up_to_it(engine: SpeechToText, speech: Audio) -> None:
    many = Audio(speech.pcm * 40, 16_000)
    found = await recognise(engine, many)

    assert found.text.startswith(SENTENCE)
    assert found.text.count(SENTENCE) == pytest.approx(120 / 28, abs=2)


async def test_other_calls_go_on_while_one_is_recognised(engine: SpeechToText, speech: Audio) -> None:
    recognising = asyncio.create_task(recognise(engine, speech))
    longest, before = 0.0, time.monotonic()
    while not recognising.done():
        await asyncio.sleep(0.005)
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
    assert (await recognising).text == SENTENCE
    assert longest < 0.25


async def test_a_caller_who_leaves_does_not_spoil_the_next_call(engine: Whisper | FasterWhisper, speech: Audio) -> None:
    (pid,) = engine._workers.pids
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await recognise(engine, speech)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await recognise(engine, speech)).text == SENTENCE


async def test_a_process_that_dies_costs_an_attempt_and_is_replaced(
    engine: Whisper | FasterWhisper, speech: Audio
) -> None:
    (pid,) = engine._workers.pids
    os.kill(pid, signal.SIGKILL)
    recognition = await Recogniser([engine], Policy(budget=60, attempt=50, pause=0.01)).recognise(speech, RUSSIAN)

    assert recognition.transcript.text == SENTENCE
    assert [(f.code, f.retryable) for f in recognition.failures] == [("worker_died", True)]
    assert engine._workers.pids != (pid,)


@pytest.mark.parametrize("kind", ["whisper", "faster_whisper"])
async def test_a_process_that_hangs_is_replaced(kind: str, parrot: Path, parrot_folder: Path, speech: Audio) -> None:
    engine = make(kind, parrot, parrot_folder, stuck_after=0.1)
    try:
        await engine.start()
        (stuck,) = engine._workers.pids
        os.kill(stuck, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await recognise(engine, speech)
        for _ in range(500):
            if stuck not in engine._workers.pids:
                break
            await asyncio.sleep(0.02)
        assert (await recognise(engine, speech)).text == SENTENCE
        assert stuck not in engine._workers.pids
    finally:
        await engine.close()


@pytest.mark.parametrize("batch", [1, 4])
async def test_calls_at_the_same_time_each_get_their_own(
    batch: int, parrot: Path, parrot_folder: Path, speech: Audio
) -> None:
    engine = make("faster_whisper", parrot, parrot_folder, batch=batch)
    try:
        await engine.start()
        texts = [t.text for t in await asyncio.gather(*(recognise(engine, speech) for _ in range(6)))]
        assert texts == [SENTENCE] * 6
    finally:
        await engine.close()


@pytest.fixture(scope="module")
def random_models(models: Path) -> tuple[Path, Path]:
    checkpoint = tiny_whisper.random_checkpoint(models / "random.pt")
    return checkpoint, tiny_whisper.converted(checkpoint, models / "random")


def test_the_same_weights_say_the_same_in_both_packages(random_models: tuple[Path, Path], speech: Audio) -> None:
    checkpoint, folder = random_models
    stretches = [Stretch(speech.pcm, 2.0)]
    for request in (SttRequest("ru"), SttRequest("kk", ("улица Абая", "Алматы"))):
        (one,) = decode(WhisperConfig(str(checkpoint), threads=1), stretches, request)
        (other,) = decode_faster(
            FasterWhisperConfig(str(folder), compute_type="float32", threads=1), stretches, request
        )
        assert len(one.text) > 50
        assert other.text.split()[:10] == one.text.split()[:10]
        assert other.log_probability == pytest.approx(one.log_probability, rel=0.05)
        assert other.no_speech == pytest.approx(one.no_speech, rel=0.01)


def test_utterances_together_are_understood_as_alone(random_models: tuple[Path, Path], speech: Audio) -> None:
    config = FasterWhisperConfig(str(random_models[1]), compute_type="float32", threads=1)
    sounds = [Stretch(speech.pcm, 2.0), Stretch(speech.pcm[::-1], 2.0)]
    alone = [decode_faster(config, [sound], RUSSIAN)[0] for sound in sounds]

    assert [found.text for found in decode_faster(config, sounds, RUSSIAN)] == [found.text for found in alone]
    assert alone[0].text != alone[1].text


async def test_the_words_of_a_model_that_knows_nothing_are_doubted(
    random_models: tuple[Path, Path], speech: Audio
) -> None:
    engine = FasterWhisper(FasterWhisperConfig(str(random_models[1]), compute_type="float32", threads=1))
    try:
        found = await recognise(engine, speech)
        assert found.text
        assert "low_probability" in found.doubtful
        assert found.words == ""
    finally:
        await engine.close()


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [("Субтитры сделал DimaTorzok", True), ("Да.", False), ("Спасибо.", False)],
)
async def test_a_line_of_a_video_is_doubted_and_a_short_answer_is_not(
    text: str, doubtful: bool, tmp_path: Path
) -> None:
    model = tiny_whisper.converted(tiny_whisper.parrot(tmp_path / "m.pt", text, "ru"), tmp_path / "m", "int8")
    engine = FasterWhisper(FasterWhisperConfig(str(model), threads=1))
    try:
        found = await recognise(engine, spoken("да", tmp_path))
        assert found.text == text
        assert ("known_phrase" in found.doubtful) is doubtful
        assert bool(found.doubtful) is doubtful
    finally:
        await engine.close()


def broken(kind: str, what: str, folder: Path, parrot: Path, parrot_folder: Path) -> Path:
    """A model with a fault."""
    if what == "missing":
        return folder / "nothing.pt"
    if kind == "whisper":
        path = folder / "model.pt"
        match what:
            case "truncated":
                path.write_bytes(parrot.read_bytes()[:100_000])
            case "empty":
                path.write_bytes(b"")
            case "text":
                path.write_text("not a model at all")
            case "other kind":
                torch.save({"weights": torch.zeros(3)}, path)
            case "folder":
                path.mkdir()
        return path
    path = folder / "model"
    path.mkdir()
    for file in parrot_folder.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    match what:
        case "truncated":
            (path / "model.bin").write_bytes((parrot_folder / "model.bin").read_bytes()[:100_000])
        case "empty":
            (path / "model.bin").write_bytes(b"")
        case "text":
            (path / "model.bin").write_text("not a model at all")
        case "other kind":
            (path / "model.bin").write_bytes(parrot.read_bytes())
        case "no tokenizer":
            (path / "tokenizer.json").unlink()
    return path


@pytest.mark.parametrize(
    ("kind", "what", "code"),
    [
        *[
            (kind, what, "model_unusable")
            for kind in ("whisper", "faster_whisper")
            for what in ("truncated", "empty", "text", "other kind")
        ],
        ("whisper", "missing", "model_missing"),
        ("whisper", "folder", "model_missing"),
        ("faster_whisper", "missing", "model_missing"),
        ("faster_whisper", "no tokenizer", "model_unusable"),
    ],
)
async def test_a_model_with_a_fault_is_named_in_one_sentence(
    kind: str, what: str, code: str, tmp_path: Path, parrot: Path, parrot_folder: Path
) -> None:
    model = broken(kind, what, tmp_path, parrot, parrot_folder)
    engine = make(kind, model, model)
    try:
        with pytest.raises(ProviderError) as caught:
            await engine.start()
        assert caught.value.code == code
        assert str(model) in caught.value.detail
        assert "\n" not in caught.value.detail
        assert not caught.value.retryable
    finally:
        await engine.close()


async def test_a_model_too_large_for_the_memory_is_named(tmp_path: Path, parrot: Path) -> None:
    stored = torch.load(parrot, weights_only=True)
    torch.save({**stored, "dims": {**stored["dims"], "n_vocab": 10**12}}, tmp_path / "huge.pt")
    engine = Whisper(WhisperConfig(str(tmp_path / "huge.pt"), threads=1))
    try:
        with pytest.raises(ProviderError, match="does not fit into the memory") as caught:
            await engine.start()
        assert caught.value.code == "out_of_memory"
    finally:
        await engine.close()


@pytest.mark.parametrize(
    ("error", "loaded", "code"),
    [
        (MemoryError(), False, "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"), True, "out_of_memory"),
        (RuntimeError("std::bad_alloc"), False, "out_of_memory"),
        (RuntimeError("CUDA failed with error no CUDA-capable device is detected"), False, "no_device"),
        (OSError("[Errno -3] Temporary failure in name resolution"), False, "model_missing"),
        (ValueError("Invalid model size 'huge', expected one of: tiny, base"), False, "model_missing"),
        (ValueError("shapes do not match"), True, "engine_failed"),
    ],
)
def test_what_a_package_raises_becomes_a_sentence(error: Exception, loaded: bool, code: str) -> None:
    with pytest.raises(WorkerFailure) as caught, explained("WHISPER_MODEL", "m", loaded=loaded):
        raise error
    assert caught.value.code == code
    assert caught.value.detail.startswith("WHISPER_MODEL=m ")


@pytest.mark.parametrize(
    ("model", "languages"),
    [("small", LANGUAGES), ("small.en", {"en"}), ("/models/base.en.pt", {"en"}), ("owner/faster-tiny.en", {"en"})],
)
def test_an_english_model_says_that_it_knows_english_alone(model: str, languages: set[str]) -> None:
    assert Whisper(WhisperConfig(model)).capabilities.languages == languages
    assert FasterWhisper(FasterWhisperConfig(model)).capabilities.languages == languages


def test_the_languages_are_those_of_the_packages() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES
    from whisper.tokenizer import LANGUAGES as NAMES

    two_letters = {code for code in NAMES if len(code) == 2} - {"jw"}
    assert two_letters == LANGUAGES
    assert set(_LANGUAGE_CODES) >= LANGUAGES
    assert {"ru", "kk", "uk", "en"} <= LANGUAGES


def test_the_expected_language_is_left_only_for_a_much_likelier_one() -> None:
    assert likeliest([("ru", 0.5), ("kk", 0.3)], ("kk", "ru", "en")) == "kk"
    assert likeliest([("ru", 0.7), ("kk", 0.3)], ("kk", "ru", "en")) == "ru"
    assert likeliest([("fr", 0.9), ("kk", 0.01)], ("ru", "kk")) == "kk"
    assert likeliest([], ("ru", "kk")) == "ru"
    assert likeliest([("fr", 0.9), ("ru", 0.1)], ()) == "fr"
