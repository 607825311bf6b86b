"""What `.env` says of doors and engines, checked once at the start: a bad value stops it with one clear sentence."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from dialogue.errors import ConfigurationError


def _listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _by_language(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found: dict[str, str] = {}
    for part in _listed(value):
        language, equals, name = part.partition("=")
        if equals and not re.fullmatch("[a-z]{2}", language):
            raise ValueError(f"{part!r} is not language=voice, e.g. ru=/voices/ru.onnx")
        found[language if equals else ""] = name if equals else part
    return found


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
ByLanguage = Annotated[Mapping[str, str], BeforeValidator(_by_language)]
"""``ru=one,kk=another``; under the empty key what stands without a language."""
RULES = "rules"
LOOPBACK = ("127.0.0.0/8", "::1/128")


def _address(name: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{name}={text} is not host:port, e.g. 127.0.0.1:4573")
    return host.strip("[]"), int(port)


class Config(BaseModel):
    """Settings of doors and engines. Field names are the environment's names in lower case.

    Seconds where a name ends in ``_seconds``; folders are absolute.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    stt_engine: Names = Field(default=("pocketsphinx",), min_length=1)
    tts_engine: Names = Field(default=("espeak",), min_length=1)
    llm_engine: Names = ()
    vad_engine: str = "webrtc"
    llm_model: str = "gpt-4o-mini"
    openai_api_key: str = Field(default="", repr=False)
    openai_base_url: HttpUrl | None = None
    call_language: str = Field(default="", pattern="^([a-z]{2})?$")
    max_turns: int = Field(default=8, ge=1, le=50)
    stt_seconds: float = Field(default=12.0, gt=0, le=120)
    llm_seconds: float = Field(default=12.0, gt=0, le=120)
    tts_seconds: float = Field(default=7.0, gt=0, le=120)
    initial_silence_seconds: float = Field(default=6.0, ge=1, le=60)
    end_silence_seconds: float = Field(default=1.0, gt=0, le=10)
    longest_utterance_seconds: float = Field(default=60.0, ge=2, le=120)
    stt_workers: int = Field(default=1, ge=1, le=64)
    stt_threads: int = Field(default=0, ge=0, le=256)
    stt_batch: int = Field(default=0, ge=0, le=64)
    stt_language: Literal["fixed", "detect"] = "fixed"
    whisper_model: str = Field(default="small", min_length=1)
    whisper_beam: int = Field(default=1, ge=1, le=10)
    faster_whisper_model: str = Field(default="small", min_length=1)
    faster_whisper_compute_type: str = Field(default="int8", pattern="^[a-z0-9_]+$")
    openai_stt_model: str = Field(default="whisper-1", min_length=1)
    stt_base_url: HttpUrl | None = None
    stt_api_key: str = Field(default="", repr=False)
    openai_tts_model: str = Field(default="gpt-4o-mini-tts", min_length=1)
    openai_tts_voices: ByLanguage = Field(default_factory=lambda: {"": "alloy"})
    tts_base_url: HttpUrl | None = None
    tts_api_key: str = Field(default="", repr=False)
    piper_program: str = Field(default="piper", min_length=1)
    piper_voices: ByLanguage = Field(default_factory=dict)
    coqui_voices: ByLanguage = Field(default_factory=dict)
    coqui_licence_accepted: bool = False
    tts_workers: int = Field(default=1, ge=1, le=64)
    speech_device: Literal["cpu", "cuda"] = "cpu"
    speech_run: Literal["inline", "celery"] = "inline"
    celery_broker_url: str = Field(default="", repr=False)
    agi_bind: str = "127.0.0.1:4573"
    agi_allowed_peers: Names = LOOPBACK
    agi_max_calls: int = Field(default=500, ge=1)
    agi_drain_seconds: float = Field(default=60.0, ge=0)
    ari_url: HttpUrl = HttpUrl("http://127.0.0.1:8088")
    ari_user: str = Field(default="hotline", min_length=1)
    ari_password: str = Field(default="", repr=False)
    ari_app: str = Field(default="hotline", pattern="^[A-Za-z0-9_]{1,40}$")
    ari_max_calls: int = Field(default=100, ge=1)
    ari_drain_seconds: float = Field(default=60.0, ge=0)
    media_transport: Literal["websocket", "audiosocket"] = "websocket"
    media_rate: Literal["8000", "16000"] = "16000"
    audiosocket_bind: str = "127.0.0.1:9092"
    audiosocket_address: str = Field(default="", pattern="^([A-Za-z0-9.-]+:[0-9]{1,5})?$")
    audiosocket_allowed_peers: Names = LOOPBACK
    live_shortest_silence_seconds: float = Field(default=0.3, ge=0.1, le=5)
    live_usual_silence_seconds: float = Field(default=0.6, ge=0.1, le=5)
    live_longest_silence_seconds: float = Field(default=0.9, ge=0.1, le=5)
    transfer: Literal["cold", "warm"] = "cold"
    operators: Names = ()
    operator_ring_seconds: float = Field(default=30.0, ge=1, le=600)
    operator_accept_seconds: float = Field(default=10.0, ge=1, le=120)
    ami_host: str = Field(default="127.0.0.1", min_length=1)
    ami_port: int = Field(default=5038, ge=1, le=65535)
    ami_user: str = Field(default="hotline", min_length=1)
    ami_password: str = Field(default="", repr=False)
    spool_dir: Path
    pbx_spool_dir: PurePosixPath | None = None
    journal_dir: Path

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.agi_address  # noqa: B018  # a bad address is found here
        self.audiosocket_listen  # noqa: B018
        for network in (*self.agi_allowed_peers, *self.audiosocket_allowed_peers):
            ipaddress.ip_network(network)
        for phone in self.operators:
            if not re.fullmatch(r"[A-Za-z0-9]+/[A-Za-z0-9_.@+:-]+", phone):
                raise ValueError(f"OPERATORS has {phone!r}; write e.g. PJSIP/operator1,PJSIP/operator2")
        if self.transfer == "warm" and not self.operators:
            raise ValueError("TRANSFER=warm needs OPERATORS, e.g. PJSIP/operator1,PJSIP/operator2")
        silences = (
            self.live_shortest_silence_seconds,
            self.live_usual_silence_seconds,
            self.live_longest_silence_seconds,
        )
        if list(silences) != sorted(silences):
            raise ValueError("LIVE_SHORTEST_, LIVE_USUAL_ and LIVE_LONGEST_SILENCE_SECONDS must rise in this order")
        if self.speech_run == "celery" and not self.speech_broker:
            raise ValueError("SPEECH_RUN=celery needs CELERY_BROKER_URL=redis://host:6379/0")
        if "openai" in self.llm_engines and not self.openai_api_key and self.openai_base_url is None:
            raise ValueError("LLM_ENGINE=openai needs OPENAI_API_KEY, or OPENAI_BASE_URL of a server without keys")
        if "openai" in self.stt_engine and not self.stt_server[1] and self.stt_server[0] is None:
            raise ValueError("STT_ENGINE=openai needs OPENAI_API_KEY, or STT_BASE_URL of a server without keys")
        if "openai" in self.tts_engine and not self.tts_server[1] and self.tts_server[0] is None:
            raise ValueError("TTS_ENGINE=openai needs OPENAI_API_KEY, or TTS_BASE_URL of a server without keys")
        for engine, voices in (("piper", self.piper_voices), ("coqui", self.coqui_voices)):
            if engine in self.tts_engine and (not voices or "" in voices):
                raise ValueError(f"TTS_ENGINE={engine} needs {engine.upper()}_VOICES, e.g. ru=/voices/ru,kk=/voices/kk")
        return self

    @property
    def llm_engines(self) -> tuple[str, ...]:
        """Language models in the order they are tried; empty: the scenario's rules work alone."""
        chosen = self.llm_engine or (("openai",) if self.openai_api_key else (RULES,))
        return tuple(name for name in chosen if name != RULES)

    @property
    def speech_broker(self) -> str:
        """URL of the Redis that doors and speech workers share; empty where the broker is none or another."""
        return self.celery_broker_url if self.celery_broker_url.startswith(("redis://", "rediss://")) else ""

    @property
    def tts_server(self) -> tuple[str | None, str]:
        """Base URL (None: OpenAI's) and key of the speaking server; a key is never sent to another server."""
        if self.tts_base_url is not None:
            return str(self.tts_base_url), self.tts_api_key
        return str(self.openai_base_url) if self.openai_base_url else None, self.tts_api_key or self.openai_api_key

    @property
    def stt_server(self) -> tuple[str | None, str]:
        """Base URL (None: OpenAI's) and key of the recognising server; a key is never sent to another server."""
        if self.stt_base_url is not None:
            return str(self.stt_base_url), self.stt_api_key
        return str(self.openai_base_url) if self.openai_base_url else None, self.stt_api_key or self.openai_api_key

    @property
    def agi_address(self) -> tuple[str, int]:
        """Host and port on which FastAGI is served."""
        return _address("AGI_BIND", self.agi_bind)

    @property
    def audiosocket_listen(self) -> tuple[str, int]:
        """Host and port on which AudioSocket is served."""
        return _address("AUDIOSOCKET_BIND", self.audiosocket_bind)

    @property
    def audiosocket_server(self) -> str:
        """host:port under which Asterisk reaches the AudioSocket server."""
        return self.audiosocket_address or self.audiosocket_bind

    @property
    def spool_on_pbx(self) -> PurePosixPath:
        """The spool folder as Asterisk sees it."""
        return self.pbx_spool_dir or PurePosixPath(self.spool_dir)


def sandbox_secret(environ: Mapping[str, str], var_dir: Path, name: str) -> str:
    """A password that the sandbox PBX has made for itself (`deploy/sandbox/pbx_config.py`); empty where there is none.

    Args:
        environ: the environment; ``PBX_DIR`` is the sandbox's folder.
        var_dir: folder below which it lies by default.
        name: ``ami`` or ``ari``.
    """
    folder = Path(environ.get("PBX_DIR", "").strip() or var_dir / "pbx")
    try:
        secret = json.loads((folder / "secrets.json").read_text("utf-8"))[name]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return secret if isinstance(secret, str) else ""


def load_config(environ: Mapping[str, str], var_dir: Path) -> Config:
    """Read the settings.

    Args:
        environ: the environment; empty values count as not set.
        var_dir: folder below which run-time files lie by default.

    Raises:
        ConfigurationError: one sentence that names the setting and says what is wrong.
    """
    values: dict[str, Any] = {
        name: environ[name.upper()] for name in Config.model_fields if environ.get(name.upper(), "").strip()
    }
    values.setdefault("spool_dir", var_dir / "spool")
    values.setdefault("journal_dir", var_dir / "journal")
    for name in ("ami", "ari"):
        values.setdefault(f"{name}_password", sandbox_secret(environ, var_dir, name))
    for folder in ("spool_dir", "journal_dir"):
        values[folder] = Path(values[folder]).resolve()
    try:
        return Config(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else ""
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{name}={environ.get(name, '')}: {message}." if name else f"{message}.") from None
