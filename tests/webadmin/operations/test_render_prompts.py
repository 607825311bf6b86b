"""Fixed prompts are made ahead, once, into the cache that both doors use; what failed is said."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dialogue.audio import read_wav
from dialogue.errors import ProviderError, Stage
from dialogue.resilience import Policy, Speaker, SpeechCache
from dialogue.scenarios import registry as scenarios
from dialogue.sentences import Sentences
from tests.fakes.streaming import StepVoice
from webadmin import wiring
from webadmin.operations.management.commands import render_prompts
from webadmin.operations.prompts import fixed_prompts

PATIENCE = Policy(budget=2.0, attempt=2.0, attempts=1)


class Voice(StepVoice):
    """Fails for Kazakh where ``lame``."""

    lame = False

    async def synthesise(self, text: str, language: str) -> Any:
        if self.lame and language == "kk":
            raise ProviderError(Stage.TEXT_TO_SPEECH, "engine_failed", "no Kazakh today")
        async for chunk in super().synthesise(text, language):
            yield chunk


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Voice:
    voice = Voice(name="piper")

    def build(chosen: Any, policy: Policy) -> Speaker:
        return Speaker([voice], SpeechCache(tmp_path / "speech"), policy)

    monkeypatch.setattr(render_prompts, "build_speaker", build)
    return voice


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("render_prompts", *arguments, stdout=out)
    return out.getvalue()


def everything() -> int:
    scenario = scenarios.load("intake_102")
    return sum(len(fixed_prompts(scenario, language, 16_000)) for language in scenario.languages)


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_every_sentence_that_stands_in_the_scenario_is_among_them(language: str) -> None:
    scenario = scenarios.load("intake_102")
    texts = {prompt.text for prompt in fixed_prompts(scenario, language, 8000)}
    session = scenario.open(language)
    for reply in (session.greeting(), session.silent(1), session.not_understood(1)):
        assert reply.text in texts
        splitter = Sentences()
        assert {*splitter.feed(reply.text), splitter.rest() or reply.text} <= texts
    assert not [text for text in texts if "{" in text]
    assert len(texts) > 20


def test_a_second_run_makes_nothing(voice: Voice) -> None:
    first = run()
    asked = len(voice.asked)
    assert f"{everything()} made ({everything()} by piper), 0 were there." in first
    assert f"0 made, {everything()} were there." in run()
    assert len(voice.asked) == asked


def test_one_language_alone(voice: Voice) -> None:
    run("--language", "ru")
    russian = len(fixed_prompts(scenarios.load("intake_102"), "ru", 16_000))
    assert f"{everything() - russian} made" in run()


async def test_the_doors_find_what_was_made(voice: Voice, tmp_path: Path) -> None:
    chosen = wiring.config()
    speaker = Speaker([voice], SpeechCache(tmp_path / "speech"), PATIENCE)
    for prompt in fixed_prompts(scenarios.load("intake_102"), "ru", int(chosen.media_rate)):
        await speaker.keep(prompt.text, "ru", prompt.rate)
    asked = len(voice.asked)
    later = Speaker([voice], SpeechCache(tmp_path / "speech"), PATIENCE)
    session = scenarios.load("intake_102").open("ru")
    assert (await later.prepare(session.greeting().text, "ru")).pcm
    for sentence in wiring.standing_phrases(scenarios.load("intake_102"), "ru"):
        stream = later.stream(sentence, "ru", int(chosen.media_rate))
        assert b"".join([chunk async for chunk in stream.chunks()])
    assert len(voice.asked) == asked


def test_what_fails_is_counted_and_the_other_languages_are_made(voice: Voice) -> None:
    voice.lame = True
    out = io.StringIO()
    with pytest.raises(CommandError, match="Not everything was made"):
        call_command("render_prompts", stdout=out)
    kazakh = len(fixed_prompts(scenarios.load("intake_102"), "kk", 16_000))
    assert f"{everything() - kazakh} made" in out.getvalue()
    assert f"{kazakh} failed (3 kk: engine_failed, {kazakh - 3} kk: given_up)" in out.getvalue()


def test_announcements_are_made_where_no_recording_lies(voice: Voice, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    (folder / "ru").mkdir(parents=True)
    (folder / "ru" / "busy.wav").write_bytes(b"recorded by a person")
    assert "1 were there" in run("--language", "ru", "--announcements", str(folder)).splitlines()[1]
    assert (folder / "ru" / "busy.wav").read_bytes() == b"recorded by a person"
    assert read_wav(folder / "ru" / "connecting.wav").rate == 8000
    assert "announcements: 0 made" in run("--language", "ru", "--announcements", str(folder))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--language", "de"), "No scenario speaks 'de'"),
        (("--scenario", "pizza"), "There is no scenario 'pizza'"),
        (("--engine", "piper"), "PIPER_VOICES"),
    ],
)
def test_a_wrong_option_is_said_in_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)


def test_an_unknown_engine_is_said_in_one_sentence() -> None:
    with pytest.raises(CommandError, match="no text-to-speech engine named 'siri'"):
        run("--engine", "siri")
