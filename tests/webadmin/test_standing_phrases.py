"""What a scenario says in every call is spoken before the first call comes."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue.resilience import Policy, Speaker, SpeechCache
from dialogue.scenarios.registry import load
from dialogue.turns import TransferReason
from tests.fakes.dialogue import ScriptedTts
from webadmin.wiring import Engines, config, prepare_phrases, standing_phrases


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_every_hand_over_and_the_greeting_are_among_them(language: str) -> None:
    session = load("intake_102").open(language)
    phrases = " ".join(standing_phrases(load("intake_102"), language))
    assert session.greeting().text in phrases
    assert all(session.hand_over(reason).text.split(". ")[0] in phrases for reason in TransferReason)


async def test_they_are_in_the_cache_afterwards_so_that_a_voice_that_fails_is_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    voice = ScriptedTts()
    speaker = Speaker([voice], SpeechCache(), Policy(budget=2.0, attempt=2.0))
    engines = Engines(recogniser=None, speaker=speaker, thinker=None, voice=None, live_voice=None, names={})  # type: ignore[arg-type]
    await prepare_phrases(config(), engines)

    async def fails(*_: Any) -> Any:
        raise AssertionError("it is asked again")
        yield

    monkeypatch.setattr(voice, "synthesise", fails)
    for sentence in standing_phrases(load("intake_102"), "ru"):
        assert (await speaker.prepare(sentence, "ru")).pcm
