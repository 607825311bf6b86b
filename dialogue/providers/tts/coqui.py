"""Coqui's neural voices on this machine, by the package coqui-tts, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import structlog

from dialogue.audio import Audio
from dialogue.errors import ProviderError, Stage
from dialogue.ports import TtsCapabilities
from dialogue.providers.tts.voices import LocalVoice, sentences, voice_for
from dialogue.providers.workers import WorkerFailure, Workers

log = structlog.get_logger(__name__)

RATE = 16_000
"""Hz of the sound given on, whatever a model's own rate."""

NICE = 5
"""A sentence can wait a moment; the sound of the other calls cannot."""

SETTING = "COQUI_VOICES"

_LICENCES = {
    "xtts": "Coqui Public Model License: not for commercial use",
    "fairseq": "CC BY-NC 4.0: not for commercial use",
    "bark": "MIT",
}
"""Licences by what occurs in the names of published models; those of others stand where they are published."""

_MEMORY = ("out of memory", "can't allocate", "cannot allocate", "bad_alloc", "not enough memory")
_NETWORK = ("urlopen", "connection", "resolve", "offline", "timed out", "max retries")


@dataclass(frozen=True, slots=True)
class CoquiConfig:
    """Which voices, and where they run.

    Args:
        voices: ISO 639-1 code to voice; the model is a published model's name (``tts_models/…``), which is downloaded
            where it is not there yet, a folder, or a ``.pth`` file, with its ``config.json`` beside it.
        device: ``cpu`` or ``cuda``.
        licence_accepted: models whose licence asks for consent may be loaded.
        workers: processes, each with every voice it has been asked for.
        threads: of each process; 0: the machine's cores are shared among them.
        longest_text: characters; a longer text is refused.
        longest_speech: seconds of sound of a sentence after which something is wrong.
        stuck_after: seconds after which a sentence nobody waits for any more is given up.
    """

    voices: Mapping[str, LocalVoice] = field(default_factory=dict)
    device: str = "cpu"
    licence_accepted: bool = False
    workers: int = 1
    threads: int = 0
    longest_text: int = 5000
    longest_speech: float = 120.0
    stuck_after: float = 30.0


class Coqui:
    """Speaks by coqui-tts.

    Args:
        config: which voices, and where they run.
    """

    name = "coqui"
    config_type: ClassVar[type[CoquiConfig]] = CoquiConfig

    def __init__(self, config: CoquiConfig | None = None) -> None:
        self._config = config or CoquiConfig()
        self.capabilities = TtsCapabilities(languages=frozenset(self._config.voices), rate=RATE)
        self._identities = {voice: voice.identity for voice in self._config.voices.values()}
        self._workers = Workers(
            Stage.TEXT_TO_SPEECH,
            self.name,
            count=self._config.workers,
            stuck_after=self._config.stuck_after,
            nice=NICE,
        )

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the processes that run."""
        return self._workers.pids

    def voice(self, language: str) -> str:
        """Model and speaker used for a language. Raises ProviderError for one that has none."""
        return self._identities[voice_for(self._config.voices, language, SETTING)]

    async def start(self) -> None:
        """Load every voice in every process, and say in the log which may not be used commercially.

        Raises:
            ProviderError: ``not_installed``, ``model_missing``, ``model_unusable``, ``licence_not_accepted``,
                ``out_of_memory``, ``no_device``.
        """
        self._check_installed()
        for voice in dict.fromkeys(self._config.voices.values()):
            if licence := licence_of(voice.model):
                log.warning("voice_licence", engine=self.name, model=voice.model, licence=licence)
        for language, voice in self._config.voices.items():
            await self._workers.warm(_warm, voice, self._job(language))

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM at 16,000 Hz, a sentence at a time.

        Raises:
            ProviderError: as `start`, and ``engine_failed``, ``worker_died``, ``too_long``, ``no_audio``.
        """
        voice = voice_for(self._config.voices, language, SETTING)
        if len(text) > self._config.longest_text:
            raise _error("too_long", f"a text of more than {self._config.longest_text} characters")
        self._check_installed()
        for sentence in sentences(text):
            yield await self._workers.run(_speak, voice, self._job(language), sentence)

    async def close(self) -> None:
        """End the processes."""
        await self._workers.close()

    def _job(self, language: str) -> _Job:
        config = self._config
        threads = config.threads or max(1, (os.cpu_count() or 1) // config.workers)
        return _Job(language, config.device, config.licence_accepted, threads, config.longest_speech)

    @staticmethod
    def _check_installed() -> None:
        if find_spec("TTS") is None:
            raise _error("not_installed", "install requirements-speech.txt for this engine: docs/engines.md")


def licence_of(model: str) -> str:
    """Return a published model's licence where it is known by the name; empty where it is not."""
    return next((licence for sign, licence in _LICENCES.items() if sign in model.lower()), "")


@dataclass(frozen=True, slots=True)
class _Job:
    """How a process is to speak: `CoquiConfig` has what the fields mean."""

    language: str
    device: str
    licence_accepted: bool
    threads: int
    longest_speech: float


_loaded: dict[LocalVoice, Any] = {}
"""This worker's models, in a worker process only."""


def _warm(voice: LocalVoice, job: _Job) -> None:
    """Load a voice. A model itself cannot travel to another process."""
    _load(voice, job)


def _load(voice: LocalVoice, job: _Job) -> Any:
    """Return a voice's model. Raises WorkerFailure with one sentence."""
    if voice in _loaded:
        return _loaded[voice]
    what = f"{SETTING}: {voice.model}"
    files = _files(voice.model)
    if _is_xtts(files):
        if not job.licence_accepted:
            raise WorkerFailure(
                "licence_not_accepted",
                f"{what} may not be used commercially; read its licence and set COQUI_LICENCE_ACCEPTED=true",
            )
        # The package asks on the terminal otherwise, where a service has none.
        os.environ["COQUI_TOS_AGREED"] = "1"
    try:
        with _silently():
            import torch
            from TTS.api import TTS

            torch.set_num_threads(job.threads)
            model = TTS(**files, progress_bar=False).to(job.device)
    except MemoryError:
        raise WorkerFailure("out_of_memory", f"{what} does not fit into the memory") from None
    # The package ends the program over a name it does not know.
    except (Exception, SystemExit) as error:
        raise _explained(what, error) from None
    _check_speaker(model, voice)
    _loaded[voice] = model
    return model


def _files(model: str) -> dict[str, str]:
    """Return how the package is told which model: by name, or by the paths of its two files."""
    if model.startswith("tts_models/"):
        return {"model_name": model}
    path = Path(model)
    config = (path if path.is_dir() else path.parent) / "config.json"
    # A folder holds a model's parts under names of the model's own, such as XTTS's.
    if path.is_dir() and (path / "model.pth").is_file() and not (path / "vocab.json").is_file():
        path = path / "model.pth"
    for needed in (path, config):
        if not needed.exists():
            raise WorkerFailure("model_missing", f"{SETTING}: there is no {needed}")
    return {"model_path": str(path), "config_path": str(config)}


def _is_xtts(files: dict[str, str]) -> bool:
    """Whether a model is XTTS, whose licence asks for consent, by its name or what its own description says."""
    if "model_name" in files:
        return "xtts" in files["model_name"].lower()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        described = json.loads(Path(files["config_path"]).read_text(encoding="utf-8"))
        return "xtts" in str(described.get("model", "")).lower()
    return False


def _check_speaker(model: Any, voice: LocalVoice) -> None:
    known = [str(name).strip() for name in (model.speakers or [])] if model.is_multi_speaker else []
    if voice.speaker and voice.speaker not in known:
        raise WorkerFailure("model_unusable", f"{SETTING}: {voice.model} has no speaker of that name")
    if known and not voice.speaker:
        raise WorkerFailure("model_unusable", f"{SETTING}: {voice.model} has several speakers; add @ and one of them")


def _speak(voice: LocalVoice, job: _Job, sentence: str) -> bytes:
    """Return a sentence as PCM at `RATE`. Raises WorkerFailure."""
    model = _load(voice, job)
    asked: dict[str, Any] = {"split_sentences": False}
    if voice.speaker:
        asked["speaker"] = voice.speaker
    if model.is_multi_lingual:
        asked["language"] = job.language
    try:
        with _silently():
            samples = np.asarray(model.tts(sentence, **asked), dtype=np.float32).reshape(-1)
            rate = int(model.synthesizer.output_sample_rate)
    except MemoryError:
        raise WorkerFailure("out_of_memory", "the sentence does not fit into the memory") from None
    except Exception as error:
        if any(sign in str(error).lower() for sign in _MEMORY):
            raise WorkerFailure("out_of_memory", "the sentence does not fit into the memory") from None
        # The error's own text may repeat the sentence.
        raise WorkerFailure("engine_failed", f"the model failed: {type(error).__name__}", True) from None
    samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    if not len(samples):
        raise WorkerFailure("no_audio", "the model made no sound")
    if len(samples) > job.longest_speech * rate:
        raise WorkerFailure("too_long", f"more than {job.longest_speech:g} s of sound")
    pcm = np.round(np.clip(samples, -1.0, 1.0) * 32_767).astype("<i2").tobytes()
    return Audio(pcm, rate).at(RATE).pcm


def _explained(what: str, error: BaseException) -> WorkerFailure:
    text = f"{type(error).__name__} {error}".lower()
    if isinstance(error, ModuleNotFoundError):
        return WorkerFailure("not_installed", f"the Python package {error.name} is missing: docs/engines.md")
    if any(sign in text for sign in _MEMORY):
        return WorkerFailure("out_of_memory", f"{what} does not fit into the memory")
    if any(sign in text for sign in _NETWORK):
        return WorkerFailure("model_missing", f"{what} is not on this machine and could not be fetched")
    if "cuda" in text or "cudnn" in text:
        return WorkerFailure("no_device", f"{what} cannot use the graphics card: {type(error).__name__}")
    if isinstance(error, KeyError | SystemExit) and what.partition(" ")[2].startswith("tts_models/"):
        return WorkerFailure("model_missing", f"{what} is no model that the package knows")
    return WorkerFailure("model_unusable", f"{what} is damaged or no model of this engine: {type(error).__name__}")


@contextlib.contextmanager
def _silently() -> Any:
    """Keep what the package prints off our output: it repeats the sentence."""
    logging.getLogger("TTS").setLevel(logging.CRITICAL)
    with open(os.devnull, "w") as nowhere:  # noqa: SIM117
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield


def _error(code: str, detail: str) -> ProviderError:
    return ProviderError(Stage.TEXT_TO_SPEECH, code, detail)
