"""The composition root: settings in, a working dialogue out. The only place that joins doors, engines and journal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from django.conf import settings

from agi.routes import AgiCall, Handler
from ari_app.entry import Handler as LiveHandler
from ari_app.entry import LiveIncoming
from ari_app.transfer import Speak
from dialogue import spoken
from dialogue.audio import Audio
from dialogue.call import Call, CallFacts
from dialogue.conversation import Conversation
from dialogue.errors import ConfigurationError, ProviderError
from dialogue.live.call import LiveCall, LiveSettings
from dialogue.live.ear import Pace
from dialogue.loudness import Loudness
from dialogue.ports import Journal, ListenLimits, Scenario, SpeechToText, TextToSpeech, VoiceActivity
from dialogue.providers import registry
from dialogue.providers.stt.models import spoken_by
from dialogue.providers.tts.voices import LocalVoice
from dialogue.resilience import Policy, Recogniser, Speaker, SpeechCache, Thinker
from dialogue.scenarios import registry as scenarios
from dialogue.sentences import Sentences
from dialogue.turns import Assessment, Transcript, TransferReason
from webadmin.config import RULES, Config, load_config
from webadmin.speech.exchange import SpeechExchange
from webadmin.speech.remote import SUFFIX, RemoteRecogniser, RemoteVoice
from webadmin.speech.tasks import publish
from webadmin.utterances import UtteranceFolder

log = structlog.get_logger(__name__)


@cache
def config() -> Config:
    """The settings of this process. Raises ConfigurationError."""
    return load_config(os.environ, settings.VAR_DIR)


@dataclass(frozen=True, slots=True)
class Engines:
    """What hears, thinks and speaks, each behind its time limit and fail-over chain."""

    recogniser: Recogniser
    speaker: Speaker
    thinker: Thinker
    voice: VoiceActivity
    live_voice: VoiceActivity
    names: Mapping[str, str]


def _provider_settings(chosen: Config) -> dict[tuple[str, str], Callable[[type[Any]], Any]]:
    """How each engine that takes settings is configured, given its ``config_type``."""
    base_url = str(chosen.openai_base_url) if chosen.openai_base_url else None
    listening, listening_key = chosen.stt_server
    speaking, speaking_key = chosen.tts_server
    return {
        ("stt", "faster_whisper"): lambda make: make(
            model=chosen.faster_whisper_model,
            device=chosen.speech_device,
            compute_type=chosen.faster_whisper_compute_type,
            beam=chosen.whisper_beam,
            # A graphics card does several utterances in the time of one.
            batch=chosen.stt_batch or (8 if chosen.speech_device == "cuda" else 1),
            workers=chosen.stt_workers,
            threads=chosen.stt_threads,
        ),
        ("stt", "openai"): lambda make: make(
            model=chosen.openai_stt_model, api_key=listening_key, **({"base_url": listening} if listening else {})
        ),
        ("stt", "pocketsphinx"): lambda make: make(workers=chosen.stt_workers),
        ("stt", "whisper"): lambda make: make(
            model=chosen.whisper_model,
            device=chosen.speech_device,
            beam=chosen.whisper_beam,
            workers=chosen.stt_workers,
            threads=chosen.stt_threads,
        ),
        ("tts", "coqui"): lambda make: make(
            voices=_local_voices(chosen.coqui_voices),
            device=chosen.speech_device,
            licence_accepted=chosen.coqui_licence_accepted,
            workers=chosen.tts_workers,
        ),
        ("tts", "openai"): lambda make: make(
            model=chosen.openai_tts_model,
            voice=chosen.openai_tts_voices.get("", "alloy"),
            voices={language: name for language, name in chosen.openai_tts_voices.items() if language},
            api_key=speaking_key,
            **({"base_url": speaking} if speaking else {}),
        ),
        ("tts", "piper"): lambda make: make(program=chosen.piper_program, voices=_local_voices(chosen.piper_voices)),
        ("llm", "openai"): lambda make: make(
            model=chosen.llm_model, api_key=chosen.openai_api_key or "none", base_url=base_url
        ),
    }


def _local_voices(chosen: Mapping[str, str]) -> dict[str, LocalVoice]:
    """Voices on this machine by language; behind the last @ stands the speaker."""
    found = {}
    for language, written in chosen.items():
        model, _, speaker = written.rpartition("@") if "@" in written else (written, "", "")
        found[language] = LocalVoice(model, speaker)
    return found


def _load(kind: registry.Kind, name: str, chosen: Config) -> Any:
    engine = registry.load(kind, name)
    make = _provider_settings(chosen).get((kind, name))
    return engine(make(engine.config_type)) if make else engine()


def _patience(seconds: float, engines: int) -> Policy:
    """A stage's time, shared by its engines: one that hangs must leave the next its part."""
    return Policy(budget=seconds, attempt=seconds / max(engines, 1))


def build_thinker(chosen: Config) -> Thinker:
    """The language models alone; unavailable where the rules work without one."""
    models = [_load("llm", name, chosen) for name in chosen.llm_engines]
    return Thinker(models, _patience(chosen.llm_seconds, len(models)))


def build_speaker(chosen: Config, voices: Sequence[TextToSpeech] = (), policy: Policy | None = None) -> Speaker:
    """The voices alone: these, else the chosen ones in this process. Raises ConfigurationError."""
    voices = voices or [_load("tts", name, chosen) for name in chosen.tts_engine]
    policy = policy or _patience(chosen.tts_seconds, len(voices))
    return Speaker(voices, SpeechCache(settings.VAR_DIR / "speech"), policy, loudness=Loudness())


def engine_names(chosen: Config) -> dict[str, str]:
    """Which engine serves each stage, as logs, records and `doctor` show it."""
    models = [f"{name}:{chosen.llm_model}" for name in chosen.llm_engines] or [RULES]
    places = (SUFFIX, "") if chosen.speech_run == "celery" else ("",)
    return {
        "stt": ",".join(name + place for name in chosen.stt_engine for place in places),
        "llm": ",".join(models),
        "tts": ",".join(name + place for name in chosen.tts_engine for place in places),
        "vad": chosen.vad_engine,
    }


def _live_voice(chosen: Config) -> VoiceActivity:
    """A detector that judges each 20 ms by itself: the live door counts pauses and voice in its own way."""
    engine = registry.load("vad", chosen.vad_engine)
    voice: VoiceActivity = engine(engine.config_type(voiced=0.02, window=0.02, hangover=0.02, lead=0.0))
    return voice


def speech_engines(chosen: Config) -> tuple[list[SpeechToText], list[TextToSpeech]]:
    """The chosen recognisers and voices, not started. Raises ConfigurationError."""
    listeners: list[SpeechToText] = [_load("stt", name, chosen) for name in chosen.stt_engine]
    voices: list[TextToSpeech] = [_load("tts", name, chosen) for name in chosen.tts_engine]
    return listeners, voices


@asynccontextmanager
async def open_engines(chosen: Config) -> AsyncIterator[Engines]:
    """Load the chosen engines, warm them up, and close them afterwards.

    With ``SPEECH_RUN=celery`` a speech worker is asked first, and the same engine in this process where that fails.

    Raises:
        ConfigurationError: an engine is unknown or not installed.
    """
    listeners, voices = speech_engines(chosen)
    exchange = SpeechExchange(chosen.speech_broker, publish) if chosen.speech_run == "celery" else None
    if exchange is not None:
        listeners = [
            link for here in listeners for link in (RemoteRecogniser(here, exchange, chosen.stt_seconds), here)
        ]
        voices = [link for here in voices for link in (RemoteVoice(here, exchange, chosen.tts_seconds), here)]
    engines = Engines(
        Recogniser(listeners, _patience(chosen.stt_seconds, len(listeners))),
        build_speaker(chosen, voices),
        build_thinker(chosen),
        _load("vad", chosen.vad_engine, chosen),
        _live_voice(chosen),
        engine_names(chosen),
    )
    stages = (engines.recogniser, engines.speaker, engines.thinker)
    try:
        if exchange is not None:
            await exchange.start()
        for stage in stages:
            await stage.start()
        languages = {language for name in scenarios.SCENARIOS for language in scenarios.load(name).languages}
        await asyncio.to_thread(spoken.load, languages)
        yield engines
    finally:
        for stage in stages:
            await stage.close()
        if exchange is not None:
            await exchange.close()


def _heard(chosen: Config) -> list[frozenset[str]]:
    """The languages of each recogniser: a model may know fewer than its engine."""
    models = {"whisper": chosen.whisper_model, "faster_whisper": chosen.faster_whisper_model}
    return [
        spoken_by(models.get(name, ""), registry.load("stt", name).capabilities.languages) for name in chosen.stt_engine
    ]


def call_language(chosen: Config, scenario: Scenario, asked: str = "") -> str:
    """The language a call begins in: the dialplan's, else `CALL_LANGUAGE`, else what the recogniser speaks.

    Raises:
        ConfigurationError: the scenario or every recogniser does not speak it.
    """
    heard = _heard(chosen)
    understood = [code for code in scenario.languages if any(not languages or code in languages for languages in heard)]
    language = asked or chosen.call_language or (understood[0] if understood else scenario.languages[0])
    if language not in scenario.languages:
        raise ConfigurationError(
            f"{scenario.name} does not speak {language!r}; set CALL_LANGUAGE to one of {', '.join(scenario.languages)}."
        )
    if language not in understood:
        raise ConfigurationError(
            f"STT_ENGINE={','.join(chosen.stt_engine)} does not understand {language!r}; "
            f"choose another engine or CALL_LANGUAGE={' or '.join(understood) or '?'}."
        )
    return language


def _language_of(chosen: Config, scenario: Scenario, asked: str) -> str:
    """The language a call begins in: what the dialplan asks for where it is spoken and understood."""
    if asked in scenario.languages:
        with suppress(ConfigurationError):
            return call_language(chosen, scenario, asked)
    return call_language(chosen, scenario)


def listen_limits(chosen: Config) -> ListenLimits:
    """How long doors listen."""
    return ListenLimits(
        initial_silence=chosen.initial_silence_seconds,
        end_silence=chosen.end_silence_seconds,
        longest=chosen.longest_utterance_seconds,
    )


def conversation(chosen: Config, engines_thinker: Thinker, scenario: str, language: str) -> Conversation:
    """Begin a conversation of a scenario. Raises ConfigurationError."""
    known = scenarios.load(scenario)
    return Conversation(
        known.open(language),
        engines_thinker,
        max_turns=chosen.max_turns,
        languages=known.languages if chosen.stt_language == "detect" else (),
    )


def agi_handler(chosen: Config, engines: Engines, journal: Journal, scenario_name: str) -> Handler:
    """What the AGI door runs for each call of a scenario.

    Raises:
        ConfigurationError: the scenario is unknown, or no engine speaks its language.
    """
    scenario = scenarios.load(scenario_name)
    call_language(chosen, scenario)

    async def handle(call: AgiCall) -> None:
        language = _language_of(chosen, scenario, call.language)
        facts = CallFacts(call.call_id, scenario.name, language, "agi", call.caller, call.dialled, engines.names)
        await Call(
            facts,
            call.line,
            conversation(chosen, engines.thinker, scenario.name, language),
            engines.recogniser,
            engines.speaker,
            journal,
            listen_limits(chosen),
        ).run()

    return handle


def live_settings(chosen: Config) -> LiveSettings:
    """How live calls take turns."""
    return LiveSettings(
        pace=Pace(
            shortest=chosen.live_shortest_silence_seconds,
            usual=chosen.live_usual_silence_seconds,
            longest=chosen.live_longest_silence_seconds,
            longest_utterance=chosen.longest_utterance_seconds,
        )
    )


def standing_phrases(scenario: Scenario, language: str) -> list[str]:
    """The sentences a scenario says in many calls, those first that are needed when something fails."""
    session = scenario.open(language)
    replies = [session.hand_over(reason) for reason in TransferReason]
    replies += [session.greeting(), session.silent(1), session.not_understood(1)]
    if (holding := session.holding()) is not None:
        replies.append(holding)
    found: dict[str, None] = {}
    for reply in replies:
        splitter = Sentences()
        found.update(dict.fromkeys([*splitter.feed(reply.text), *filter(None, [splitter.rest()])]))
    return list(found)


async def prepare_phrases(chosen: Config, engines: Engines) -> None:
    """Have the standing phrases spoken in advance: they are heard at once, also while a voice hangs."""
    for scenario in map(scenarios.load, scenarios.SCENARIOS):
        for language in scenario.languages:
            for sentence in standing_phrases(scenario, language):
                try:
                    await engines.speaker.prepare(sentence, language, int(chosen.media_rate))
                except ProviderError as error:
                    log.warning("phrases_not_prepared", stage=error.stage.value, code=error.code, language=language)
                    break


def ari_handler(chosen: Config, engines: Engines, journal: Journal) -> LiveHandler:
    """What the live door runs for each call.

    Raises:
        ConfigurationError: no engine speaks a scenario's language.
    """
    for name in scenarios.SCENARIOS:
        call_language(chosen, scenarios.load(name))
    settings = live_settings(chosen)

    async def handle(call: LiveIncoming) -> None:
        scenario = scenarios.load(call.scenario)
        language = _language_of(chosen, scenario, call.language)
        facts = CallFacts(call.call_id, scenario.name, language, "ari", call.caller, call.dialled, engines.names)
        await LiveCall(
            facts,
            call.line,
            conversation(chosen, engines.thinker, scenario.name, language),
            engines.recogniser,
            engines.speaker,
            journal,
            engines.live_voice,
            settings,
            UtteranceFolder(chosen.spool_dir, call.call_id).keep,
        ).run()

    return handle


def speak_with(speaker: Speaker) -> Speak:
    """The voice that briefs operators."""

    async def speak(text: str, language: str, rate: int) -> AsyncIterator[bytes]:
        speech = await speaker.prepare(text, language)
        pcm = b"".join([chunk async for chunk in speech.chunks()])
        yield Audio(pcm, speech.rate).at(rate).pcm

    return speak


def classify_conversation(scenario: str, language: str, caller_texts: list[str]) -> Assessment:
    """Classify everything a caller said, with the model where there is one. Blocking.

    Raises:
        ProviderError: the model failed; the caller's words can be classified again later.
    """

    async def run() -> Assessment:
        thinker = build_thinker(config())
        try:
            talk = conversation(config(), thinker, scenario, language)
            return await talk.classify([Transcript(text) for text in caller_texts if text.strip()])
        finally:
            await thinker.close()

    return asyncio.run(run())
