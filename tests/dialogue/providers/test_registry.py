"""Engines are found by name, and only the one that is chosen is loaded."""

import subprocess
import sys

import pytest

from dialogue.errors import ConfigurationError
from dialogue.providers import registry


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("stt", n) for n in registry.STT_ENGINES),
        *(("tts", n) for n in registry.TTS_ENGINES),
        *(("llm", n) for n in registry.LLM_ENGINES),
        *(("vad", n) for n in registry.VAD_ENGINES),
    ],
)
def test_each_engine_loads_under_its_own_name_and_names_its_configuration(kind, name):
    engine = registry.load(kind, name)
    assert engine.name == name
    assert engine.config_type.__dataclass_params__.frozen


def test_an_unknown_engine_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigurationError, match=r"no speech-to-text engine named 'wisper'.*pocketsphinx"):
        registry.load("stt", "wisper")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(registry.STT_ENGINES, "ghost", "dialogue.providers.stt.ghost:Ghost")
    with pytest.raises(ConfigurationError, match="ghost"):
        registry.load("stt", "ghost")


def test_the_registry_itself_loads_no_engine():
    code = "import sys, dialogue.providers.registry; print(any(m in sys.modules for m in ('openai', 'pocketsphinx')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "False"
