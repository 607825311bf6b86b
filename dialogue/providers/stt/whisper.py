"""OpenAI's Whisper on this machine, by the package openai-whisper."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from dialogue.errors import ProviderError, Stage
from dialogue.ports import SttCapabilities, SttRequest
from dialogue.providers.stt.models import explained, model_path, spoken_by
from dialogue.providers.stt.voiced import Stretch
from dialogue.providers.stt.whole import NICE, Decoded, WholeUtterances, likeliest, longest_text
from dialogue.providers.workers import Workers


@dataclass(frozen=True, slots=True)
class WhisperConfig:
    """Which model, and where it runs.

    Args:
        model: name of a published model, which is downloaded where it is not there yet, or path of a ``.pt`` file.
        device: ``cpu`` or ``cuda``.
        beam: hypotheses followed at a time; 1 is the quickest.
        workers: processes, each with its own model.
        threads: of each process; 0: the machine's cores are shared among them.
        stuck_after: seconds after which an utterance nobody waits for any more is given up.
    """

    model: str = "small"
    device: str = "cpu"
    beam: int = 1
    workers: int = 1
    threads: int = 0
    stuck_after: float = 20.0


class Whisper(WholeUtterances):
    """Whisper by openai-whisper. Hints are given to it as the text before the utterance.

    Args:
        config: which model, and where it runs.
    """

    name = "whisper"
    config_type: ClassVar[type[WhisperConfig]] = WhisperConfig

    def __init__(self, config: WhisperConfig | None = None) -> None:
        super().__init__()
        self._config = config or WhisperConfig()
        self.capabilities = SttCapabilities(spoken_by(self._config.model, self.capabilities.languages), 16_000)
        self._workers = Workers(
            Stage.SPEECH_TO_TEXT,
            self.name,
            count=self._config.workers,
            stuck_after=self._config.stuck_after,
            nice=NICE,
        )

    async def start(self) -> None:
        """Load the model in every process. Raises ProviderError."""
        if find_spec("whisper") is None:
            raise ProviderError(Stage.SPEECH_TO_TEXT, "not_installed", "install requirements-speech.txt for whisper")
        await super().start()
        await self._workers.warm(_warm, self._config)

    async def close(self) -> None:
        """End the processes."""
        await self._workers.close()

    async def _recognise(self, stretches: Sequence[Stretch], request: SttRequest) -> list[Decoded]:
        return await self._workers.run(_decode, self._config, list(stretches), request)


@cache
def _model(config: WhisperConfig) -> Any:
    """This process's model."""
    import torch
    import whisper

    torch.set_num_threads(config.threads or max(1, (os.cpu_count() or 1) // config.workers))
    with explained("WHISPER_MODEL", config.model):
        return whisper.load_model(model_path("WHISPER_MODEL", config.model), device=config.device)


def _warm(config: WhisperConfig) -> None:
    _decode(config, [Stretch(bytes(16_000), 0.5)], SttRequest("en"))


def _decode(config: WhisperConfig, stretches: list[Stretch], request: SttRequest) -> list[Decoded]:
    import torch
    import whisper

    model = _model(config)
    found: list[Decoded] = []
    with explained("WHISPER_MODEL", config.model, loaded=True), torch.inference_mode():
        for stretch in stretches:
            samples = np.frombuffer(stretch.pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
            sound = whisper.pad_or_trim(samples)
            mel = whisper.log_mel_spectrogram(sound, n_mels=model.dims.n_mels, device=config.device)[None]
            # The encoder's work serves the detection of the language and the words.
            heard = model.encoder(mel if config.device == "cpu" else mel.half())
            options = whisper.DecodingOptions(
                language=_language(model, heard, request),
                prompt=", ".join(request.hints) or None,
                beam_size=config.beam if config.beam > 1 else None,
                sample_len=longest_text(stretch.seconds),
                without_timestamps=True,
                fp16=config.device != "cpu",
            )
            (result,) = whisper.decode(model, heard, options)
            found.append(Decoded(result.text, result.language, result.avg_logprob, result.no_speech_prob))
    return found


def _language(model: Any, heard: Any, request: SttRequest) -> str:
    if request.language is not None or not model.is_multilingual:
        return request.language or "en"
    from whisper.decoding import detect_language

    _, (probabilities,) = detect_language(model, heard)
    return likeliest(list(probabilities.items()), request.languages)
