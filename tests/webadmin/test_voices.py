"""Voices are chosen in `.env`; who served stands on the call, also where the first had failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dialogue.call import Call, CallFacts
from dialogue.errors import ConfigurationError
from dialogue.events import Said, StageFailed
from dialogue.ports import ListenLimits
from dialogue.resilience import Policy, Recogniser, Thinker
from tests.fakes.dialogue import MemoryJournal, ScriptedLine, ScriptedStt, says
from tests.fakes.openai_server import FakeOpenAI, fails, silent, speaks
from webadmin.config import Config, load_config
from webadmin.wiring import build_speaker, conversation

POLICY = Policy(budget=2.0, attempt=2.0, attempts=1)


def chosen(tmp_path: Path, **settings: str) -> Config:
    return load_config({name.upper(): value for name, value in settings.items()}, tmp_path)


def test_voices_are_read_by_language(tmp_path: Path) -> None:
    one = chosen(tmp_path, openai_tts_voices="alloy, kk=nova", piper_voices="ru=/v/ru.onnx@3,kk=/v/kk.onnx")
    assert one.openai_tts_voices == {"": "alloy", "kk": "nova"}
    assert one.piper_voices == {"ru": "/v/ru.onnx@3", "kk": "/v/kk.onnx"}
    assert chosen(tmp_path).openai_tts_voices == {"": "alloy"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tts_engine": "piper"}, "PIPER_VOICES"),
        ({"tts_engine": "coqui", "coqui_voices": "/v/model.pth"}, "COQUI_VOICES"),
        ({"piper_voices": "russian=/v/ru.onnx"}, "PIPER_VOICES.*language=voice"),
        ({"tts_engine": "openai"}, "TTS_BASE_URL"),
        ({"tts_workers": "0"}, "TTS_WORKERS"),
    ],
)
def test_a_wrong_setting_stops_the_start_in_one_sentence(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        chosen(tmp_path, **settings)


def test_a_key_goes_to_its_own_server_alone(tmp_path: Path) -> None:
    assert chosen(tmp_path, openai_api_key="k").tts_server == (None, "k")
    assert chosen(tmp_path, openai_api_key="k", tts_base_url="http://voice/v1").tts_server == ("http://voice/v1", "")


def test_nothing_is_loaded_that_is_not_chosen(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no text-to-speech engine named 'siri'"):
        build_speaker(chosen(tmp_path, tts_engine="siri"))


@pytest.mark.parametrize(
    ("behaviour", "served", "failed"),
    [
        (speaks(b"\x00\x20" * 24_000), "openai", []),
        (fails(500), "espeak", ["server_error"]),
        (fails(401), "espeak", ["unauthorised"]),
        (silent, "espeak", ["timeout"]),
        (speaks(b"\x00\x20" * 1000, announced=48_000), "espeak", ["connection"]),
    ],
)
async def test_whoever_spoke_stands_on_the_call_and_what_failed_before(
    tmp_path: Path, behaviour: Any, served: str, failed: list[str], settings: Any
) -> None:
    settings.VAR_DIR = tmp_path
    async with FakeOpenAI() as server:
        server.then(behaviour)
        one = chosen(tmp_path, tts_engine="openai,espeak", tts_base_url=server.base_url, tts_seconds="3")
        speaker, journal = build_speaker(one), MemoryJournal()
        await speaker.start()
        line = ScriptedLine([says("somebody has a gun")])
        facts = CallFacts("c-1", "intake_102", "en", "agi", None, "102", {"tts": "openai,espeak"})
        talk = conversation(one, Thinker([], POLICY), "intake_102", "en")
        await Call(facts, line, talk, Recogniser([ScriptedStt()], POLICY), speaker, journal, ListenLimits()).run()
        await speaker.close()
    assert line.transferred is not None
    assert {event.engine for event in journal.of(Said)} == {served}
    assert [event.code for event in journal.of(StageFailed)][: len(failed)] == failed
