"""Fixed prompts made ahead: what scenarios say word for word lies in the cache before the first call."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from dialogue.audio import Audio
from dialogue.errors import ConfigurationError, ProviderError
from dialogue.ports import FixedPrompts, Scenario
from dialogue.resilience import Speaker
from dialogue.sentences import Sentences
from webadmin.wiring import standing_phrases

WHOLE_RATE = 16_000
"""Hz at which the turn-by-turn door plays whole replies."""


GIVEN_UP = 3
"""Failures in a row after which a language is passed over: each may have taken minutes."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text as a door asks for it: its language and the rate of its sound in Hz."""

    text: str
    language: str
    rate: int


@dataclass(slots=True)
class Rendered:
    """What became of prompts.

    Args:
        made: prompts made now, by the engine that spoke them.
        there: how many lay in the cache already.
        failed: failures, by language and the code of the error.
    """

    made: Counter[str] = field(default_factory=Counter)
    there: int = 0
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the dialplan plays by itself: text, language, the rate of its file in Hz, and where the file lies."""

    text: str
    language: str
    rate: int
    path: Path


def fixed_prompts(scenario: Scenario, language: str, media_rate: int) -> list[Prompt]:
    """Return a scenario's prompts in a language: whole for the turn-by-turn door, by sentences for the live one.

    Args:
        scenario: what is asked.
        language: ISO 639-1 code.
        media_rate: Hz of the live door.
    """
    whole = scenario.prompts(language) if isinstance(scenario, FixedPrompts) else ()
    found = [Prompt(text, language, WHOLE_RATE) for text in whole]
    sentences = [*standing_phrases(scenario, language), *(s for text in whole for s in _sentences(text))]
    found += [Prompt(sentence, language, media_rate) for sentence in sentences]
    return list(dict.fromkeys(found))


def announcements(manifest: Path, folder: Path, languages: Iterable[str]) -> list[Announcement]:
    """Return what the dialplan announces and the queue says, as files of a folder.

    Raises:
        ConfigurationError: the manifest cannot be read.
    """
    try:
        known = yaml.safe_load(manifest.read_text("utf-8"))
        rate = int(known["rate"])
        groups = [known["announcements"], known.get("queue", {})]
        texts = [(name, said["text"]) for group in groups for name, said in group.items()]
        texts += [
            (f"digits/{number}", {language: word})
            for language, words in known.get("digits", {}).items()
            for number, word in words.items()
        ]
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{manifest} cannot be read: {error}.") from error
    return [
        Announcement(text[language], language, rate, folder / language / f"{name}.wav")
        for name, text in texts
        for language in languages
        if language in text
    ]


async def render(speaker: Speaker, prompts: Sequence[Prompt], step: Callable[[], None]) -> Rendered:
    """Have prompts in the cache; one that fails is counted and the next is made, until `GIVEN_UP`.

    Args:
        speaker: started.
        prompts: what is wanted.
        step: called after each.
    """
    found = Rendered()
    in_a_row: Counter[str] = Counter()
    for prompt in prompts:
        if in_a_row[prompt.language] >= GIVEN_UP:
            found.failed[prompt.language, "given_up"] += 1
            step()
            continue
        try:
            engine, made = await speaker.keep(prompt.text, prompt.language, prompt.rate)
        except ProviderError as error:
            found.failed[prompt.language, error.code] += 1
            in_a_row[prompt.language] += 1
        else:
            in_a_row[prompt.language] = 0
            if made:
                found.made[engine] += 1
            else:
                found.there += 1
        step()
    return found


async def render_files(speaker: Speaker, wanted: Sequence[Announcement], step: Callable[[], None]) -> Rendered:
    """Write announcements that are not there yet; a recording that somebody has put in place stays.

    Raises:
        OSError: a file cannot be written.
    """
    found = Rendered()
    for one in wanted:
        if await asyncio.to_thread(one.path.exists):
            found.there += 1
        else:
            try:
                speech = await speaker.prepare(one.text, one.language, one.rate)
            except ProviderError as error:
                found.failed[one.language, error.code] += 1
            else:
                await asyncio.to_thread(_write, one.path, speech.audio)
                found.made[speech.engine] += 1
        step()
    return found


def _write(path: Path, sound: Audio) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(sound.to_wav())
    part.replace(path)


def _sentences(text: str) -> list[str]:
    splitter = Sentences()
    return [*splitter.feed(text), *filter(None, [splitter.rest()])]
