"""Our live dialogue without Asterisk, as a process: ``python -m tests.benchmarks.live_dialogue URL CALLS``.

Each call is a `LiveCall` over a `WebSocketMedia` that connects to ``URL/<number>``. All engines are instant; nothing
is kept on disk. It says `ready` once all calls are connected.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator

import structlog

from ari_app.line import AriLine
from ari_app.media.websocket import WebSocketMedia
from dialogue.conversation import Conversation
from dialogue.live.call import LiveCall, LiveSettings
from dialogue.live.ear import Pace
from dialogue.ports import Briefing, SttRequest, VoiceActivity
from dialogue.providers import registry
from dialogue.record import CallFacts
from dialogue.resilience import Policy, Recogniser, Speaker, SpeechCache, Thinker
from dialogue.turns import Transcript, TransferReason
from tests.benchmarks.live_engines import Numbers, PreparedSound, WhoseVoice
from tests.fakes.dialogue import MemoryJournal

END_SILENCE = 0.3
POLICY = Policy(budget=10.0, attempt=10.0)


class FixedWords(WhoseVoice):
    """Hears the same words in any sound."""

    name = "fixed"

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        async for _ in chunks:
            pass
        yield Transcript("caller 1", request.language, 1.0, self.name)


class NoControl:
    """A call that only talks."""

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        print("a caller was transferred", file=sys.stderr)

    async def hang_up(self) -> None:
        print("a caller was hung up on", file=sys.stderr)


async def main(url: str, calls: int) -> None:
    recogniser = Recogniser([FixedWords()], POLICY)
    speaker = Speaker([PreparedSound()], SpeechCache(), POLICY)
    engine = registry.load("vad", "webrtc")
    voice: VoiceActivity = engine(engine.config_type(voiced=0.02, window=0.02, hangover=0.02, lead=0.0))
    settings = LiveSettings(Pace(shortest=END_SILENCE, usual=END_SILENCE, longest=END_SILENCE))

    async def lead(number: int, media: WebSocketMedia) -> None:
        facts = CallFacts(f"call-{number}", "numbers", "en", "ari", "", "", {})
        talk = Conversation(Numbers().open("en"), Thinker([], POLICY), max_turns=10_000)
        line = AriLine(media, NoControl())
        await LiveCall(facts, line, talk, recogniser, speaker, MemoryJournal(), voice, settings).run()

    media = [await WebSocketMedia.connect(f"{url}/{number}") for number in range(calls)]
    print("ready", flush=True)
    try:
        await asyncio.gather(*(lead(number, one) for number, one in enumerate(media)))
    finally:
        for one in media:
            await one.close()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
