"""Whisper by CTranslate2 (package faster-whisper): the same models in fewer bits and less time."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dialogue.errors import ProviderError, Stage
from dialogue.ports import SttCapabilities, SttRequest
from dialogue.providers.stt.batches import Batches
from dialogue.providers.stt.models import explained, model_path, spoken_by
from dialogue.providers.stt.voiced import Stretch
from dialogue.providers.stt.whole import NICE, Decoded, WholeUtterances, likeliest, longest_text
from dialogue.providers.workers import WorkerFailure, Workers

WINDOW = 480_000
"""Samples at 16,000 Hz that the encoder takes at a time."""

FRAMES = 3000
"""Frames of the spectrogram of a window."""


@dataclass(frozen=True, slots=True)
class FasterWhisperConfig:
    """Which model, and where it runs.

    Args:
        model: name of a published model, which is downloaded where it is not there yet, or a folder with ``model.bin``
            and ``tokenizer.json``.
        device: ``cpu`` or ``cuda``.
        compute_type: of the numbers, e.g. ``int8``, ``int8_float16``, ``float16``, ``float32``.
        beam: hypotheses followed at a time; 1 is the quickest.
        batch: utterances recognised together; a graphics card gains from it, a processor does not.
        workers: processes, each with its own model.
        threads: of each process; 0: the machine's cores are shared among them.
        stuck_after: seconds after which an utterance nobody waits for any more is given up.
    """

    model: str = "small"
    device: str = "cpu"
    compute_type: str = "int8"
    beam: int = 1
    batch: int = 1
    workers: int = 1
    threads: int = 0
    stuck_after: float = 20.0


class FasterWhisper(WholeUtterances):
    """Whisper by faster-whisper. Hints are given to it as the text before the utterance.

    Args:
        config: which model, and where it runs.
    """

    name = "faster_whisper"
    config_type: ClassVar[type[FasterWhisperConfig]] = FasterWhisperConfig

    def __init__(self, config: FasterWhisperConfig | None = None) -> None:
        super().__init__()
        self._config = config or FasterWhisperConfig()
        self.capabilities = SttCapabilities(spoken_by(self._config.model, self.capabilities.languages), 16_000)
        self._workers = Workers(
            Stage.SPEECH_TO_TEXT,
            self.name,
            count=self._config.workers,
            stuck_after=self._config.stuck_after,
            nice=NICE,
        )
        self._batches: Batches[Stretch, Decoded] = Batches(self._together, self._config.workers, self._config.batch)

    async def start(self) -> None:
        """Load the model in every process. Raises ProviderError."""
        if find_spec("faster_whisper") is None:
            raise ProviderError(
                Stage.SPEECH_TO_TEXT, "not_installed", "install requirements-speech.txt for faster_whisper"
            )
        await super().start()
        await self._workers.warm(_warm, self._config)

    async def close(self) -> None:
        """End the processes."""
        await self._batches.close()
        await self._workers.close()

    async def _recognise(self, stretches: Sequence[Stretch], request: SttRequest) -> list[Decoded]:
        return [await self._batches.run(stretch, request) for stretch in stretches]

    async def _together(self, stretches: Sequence[Stretch], request: Hashable) -> Sequence[Decoded]:
        assert isinstance(request, SttRequest)
        return await self._workers.run(_decode, self._config, list(stretches), request)


@cache
def _model(config: FasterWhisperConfig) -> Any:
    """This process's model."""
    from faster_whisper import WhisperModel

    with explained("FASTER_WHISPER_MODEL", config.model):
        path = Path(model_path("FASTER_WHISPER_MODEL", config.model))
        if path.is_dir() and (path / "model.bin").exists() and not (path / "tokenizer.json").exists():
            # The package would look for it on the network.
            raise WorkerFailure("model_unusable", f"FASTER_WHISPER_MODEL={path} lacks its file tokenizer.json")
        if path.is_file():
            raise WorkerFailure("model_unusable", f"FASTER_WHISPER_MODEL={path} is a file; name the model's folder")
        return WhisperModel(
            config.model,
            device=config.device,
            compute_type=config.compute_type,
            cpu_threads=config.threads or max(1, (os.cpu_count() or 1) // config.workers),
        )


def _warm(config: FasterWhisperConfig) -> None:
    _decode(config, [Stretch(bytes(16_000), 0.5)], SttRequest("en"))


def _decode(config: FasterWhisperConfig, stretches: list[Stretch], request: SttRequest) -> list[Decoded]:
    model = _model(config)
    with explained("FASTER_WHISPER_MODEL", config.model, loaded=True):
        # The encoder's work serves the detection of the language and the words.
        heard = model.encode(np.stack([_features(model, stretch) for stretch in stretches]))
        languages = _languages(model, heard, len(stretches), request)
        prompts = [_prompt(model, language, request.hints) for language in languages]
        most = max(longest_text(stretch.seconds) for stretch in stretches)
        results = model.model.generate(
            heard,
            prompts,
            beam_size=config.beam,
            max_length=min(len(prompts[0]) + most, model.max_length),
            suppress_tokens=_suppressed(model, languages[0]),
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [
            _decoded(_tokenizer(model, language), language, result)
            for language, result in zip(languages, results, strict=True)
        ]


def _features(model: Any, stretch: Stretch) -> Any:
    samples = np.frombuffer(stretch.pcm, dtype="<i2").astype(np.float32)[:WINDOW] / np.float32(32768)
    return model.feature_extractor(np.pad(samples, (0, WINDOW - len(samples))))[..., :FRAMES]


def _languages(model: Any, heard: Any, count: int, request: SttRequest) -> list[str]:
    if request.language is not None or not model.model.is_multilingual:
        return [request.language or "en"] * count
    return [
        # A token looks like <|ru|>.
        likeliest([(token[2:-2], probability) for token, probability in found], request.languages)
        for found in model.model.detect_language(heard)
    ]


def _tokenizer(model: Any, language: str) -> Any:
    from faster_whisper.tokenizer import Tokenizer

    return Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language)


def _prompt(model: Any, language: str, hints: tuple[str, ...]) -> list[int]:
    prompt: list[int] = model.get_prompt(
        _tokenizer(model, language), [], without_timestamps=True, hotwords=", ".join(hints) or None
    )
    return prompt


def _suppressed(model: Any, language: str) -> Any:
    from faster_whisper.transcribe import get_suppressed_tokens

    return get_suppressed_tokens(_tokenizer(model, language), [-1])


def _decoded(tokenizer: Any, language: str, result: Any) -> Decoded:
    tokens = result.sequences_ids[0]
    # The score is a mean without the end of the text, which counts in Whisper's own measure.
    mean = result.scores[0] * len(tokens) / (len(tokens) + 1)
    return Decoded(tokenizer.decode(tokens), language, mean, result.no_speech_prob)
