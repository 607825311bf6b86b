"""`doctor` has every chosen voice speak, whatever the others of its chain can do."""

from __future__ import annotations

from pathlib import Path

from tests.webadmin.operations.test_commands import environment
from tests.webadmin.operations.test_doctor_speech import findings

__all__ = ["environment"]


def test_each_voice_of_a_chain_is_tried(environment: dict[str, str], tmp_path: Path) -> None:
    found = findings(
        environment,
        TTS_ENGINE="piper,espeak",
        PIPER_VOICES=f"en={tmp_path}/lost.onnx",
        CALL_LANGUAGE="en",
    )

    assert not found["text_to_speech:piper"]["ok"]
    assert "lost.onnx" in found["text_to_speech:piper"]["detail"]
    assert found["text_to_speech:espeak"]["ok"]
    assert "s of en" in found["text_to_speech:espeak"]["detail"]
    assert found["speech_to_text"]["ok"], "it hears what the voice that works has said"


def test_a_voice_without_the_language_is_said_to_fail(environment: dict[str, str], tmp_path: Path) -> None:
    found = findings(
        environment, TTS_ENGINE="espeak,piper", PIPER_VOICES=f"ru={tmp_path}/lost.onnx", CALL_LANGUAGE="en"
    )

    assert found["text_to_speech:espeak"]["ok"]
    assert "language_not_supported" in found["text_to_speech:piper"]["detail"]
