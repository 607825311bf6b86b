"""Recognisers as `.env` chooses them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dialogue.errors import ConfigurationError
from dialogue.scenarios import registry as scenarios
from webadmin import wiring
from webadmin.config import Config, load_config


def chosen(folder: Path, **settings: str) -> Config:
    return load_config(settings, folder)


def engine(folder: Path, **settings: str) -> Any:
    (found,) = wiring.speech_engines(chosen(folder, **settings))[0]
    return found


def test_whisper_runs_as_the_settings_say(tmp_path: Path) -> None:
    found = engine(tmp_path, STT_ENGINE="whisper", WHISPER_MODEL="/m/base.pt", STT_WORKERS="2", STT_THREADS="3")
    config = found._config
    assert (config.model, config.device, config.workers, config.threads) == ("/m/base.pt", "cpu", 2, 3)


def test_faster_whisper_is_in_eight_bits_and_alone_on_a_processor(tmp_path: Path) -> None:
    config = engine(tmp_path, STT_ENGINE="faster_whisper")._config
    assert (config.model, config.compute_type, config.batch) == ("small", "int8", 1)


def test_faster_whisper_takes_several_utterances_on_a_graphics_card(tmp_path: Path) -> None:
    settings = {"STT_ENGINE": "faster_whisper", "SPEECH_DEVICE": "cuda", "FASTER_WHISPER_COMPUTE_TYPE": "float16"}
    config = engine(tmp_path, **settings)._config
    assert (config.device, config.compute_type, config.batch) == ("cuda", "float16", 8)
    assert engine(tmp_path, **settings, STT_BATCH="3")._config.batch == 3


@pytest.mark.parametrize(
    ("settings", "server", "key"),
    [
        ({"OPENAI_API_KEY": "sk-1"}, "https://api.openai.com/v1/", "sk-1"),
        ({"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://llm/v1"}, "http://llm/v1/", "sk-1"),
        ({"OPENAI_API_KEY": "sk-1", "STT_BASE_URL": "http://stt/v1"}, "http://stt/v1/", "none"),
        ({"OPENAI_API_KEY": "sk-1", "STT_BASE_URL": "http://stt/v1", "STT_API_KEY": "k2"}, "http://stt/v1/", "k2"),
    ],
)
def test_a_key_goes_to_its_own_server_alone(tmp_path: Path, settings: dict[str, str], server: str, key: str) -> None:
    client = engine(tmp_path, STT_ENGINE="openai", **settings)._client
    assert (str(client.base_url), client.api_key) == (server, key)


def test_a_server_without_address_and_key_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="STT_ENGINE=openai needs OPENAI_API_KEY"):
        chosen(tmp_path, STT_ENGINE="openai,faster_whisper")


def test_an_english_model_is_refused_a_russian_call(tmp_path: Path) -> None:
    settings = chosen(tmp_path, STT_ENGINE="faster_whisper", FASTER_WHISPER_MODEL="small.en", CALL_LANGUAGE="ru")
    with pytest.raises(ConfigurationError, match="does not understand 'ru'"):
        wiring.call_language(settings, scenarios.load("intake_102"))


def test_a_chain_hears_what_one_of_it_understands(tmp_path: Path) -> None:
    settings = chosen(tmp_path, STT_ENGINE="pocketsphinx,faster_whisper")
    assert wiring.call_language(settings, scenarios.load("intake_102"), "kk") == "kk"


def test_languages_are_detected_only_where_that_is_chosen(tmp_path: Path) -> None:
    for mode, languages in (("fixed", ()), ("detect", ("kk", "ru", "en"))):
        settings = chosen(tmp_path, STT_LANGUAGE=mode)
        hearing = wiring.conversation(settings, wiring.build_thinker(settings), "intake_102", "kk").hearing
        assert (hearing.language, set(hearing.languages)) == (None if languages else "kk", set(languages))
        assert hearing.languages[:1] == languages[:1]


def test_silero_looks_for_voice_in_live_calls_where_it_is_chosen(tmp_path: Path) -> None:
    voice = wiring._live_voice(chosen(tmp_path, VAD_ENGINE="silero"))
    assert (voice.name, voice.stream(16_000).feed(bytes(32_000))) == ("silero", [])


def test_nothing_large_is_loaded_before_it_is_chosen() -> None:
    code = (
        "import sys\n"
        "from dialogue.providers import registry\n"
        "registry.load('stt', 'pocketsphinx'), registry.load('vad', 'webrtc')\n"
        "print(*{'torch', 'whisper', 'faster_whisper', 'ctranslate2', 'onnxruntime'} & set(sys.modules))\n"
        "registry.load('stt', 'whisper'), registry.load('stt', 'faster_whisper')\n"
        "print(*{'torch', 'whisper', 'faster_whisper', 'ctranslate2'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split("\n")[:2] == ["", ""]


def test_a_package_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("dialogue.providers.stt.", "dialogue.providers.sil"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigurationError, match="'onnxruntime', which is not installed"):
        engine(tmp_path, STT_ENGINE="faster_whisper")
