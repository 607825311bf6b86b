"""Which engines there are. An engine's module, and the heavy packages behind it, load when it is first chosen."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

from dialogue.errors import ConfigurationError

STT_ENGINES: dict[str, str] = {
    "faster_whisper": "dialogue.providers.stt.faster_whisper:FasterWhisper",
    "openai": "dialogue.providers.stt.openai:OpenAI",
    "pocketsphinx": "dialogue.providers.stt.pocketsphinx:PocketSphinx",
    "whisper": "dialogue.providers.stt.whisper:Whisper",
}
TTS_ENGINES: dict[str, str] = {
    "coqui": "dialogue.providers.tts.coqui:Coqui",
    "espeak": "dialogue.providers.tts.espeak:Espeak",
    "openai": "dialogue.providers.tts.openai:OpenAI",
    "piper": "dialogue.providers.tts.piper:Piper",
}
LLM_ENGINES: dict[str, str] = {
    "openai": "dialogue.providers.llm.openai:OpenAI",
}
VAD_ENGINES: dict[str, str] = {
    "silero": "dialogue.providers.vad.silero:Silero",
    "webrtc": "dialogue.providers.vad.webrtc:WebRtc",
}

Kind = Literal["stt", "tts", "llm", "vad"]

_ENGINES: dict[Kind, tuple[str, dict[str, str]]] = {
    "stt": ("speech-to-text", STT_ENGINES),
    "tts": ("text-to-speech", TTS_ENGINES),
    "llm": ("language-model", LLM_ENGINES),
    "vad": ("voice-activity", VAD_ENGINES),
}


def load(kind: Kind, name: str) -> type[Any]:
    """Return an engine's class. Its ``config_type`` is the frozen dataclass that its constructor takes.

    Raises:
        ConfigurationError: there is no engine of that name, or a package it needs is not installed.
    """
    stage, engines = _ENGINES[kind]
    target = engines.get(name)
    if target is None:
        raise ConfigurationError(
            f"There is no {stage} engine named {name!r}; the known ones are: {', '.join(sorted(engines))}."
        )
    module_name, class_name = target.split(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The {stage} engine {name!r} needs the Python package {error.name!r}, which is not installed."
        ) from error
    engine: type[Any] = getattr(module, class_name)
    return engine
