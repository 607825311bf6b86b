"""What becomes of words that look like the recogniser's invention."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dialogue.conversation import Conversation
from dialogue.events import Assessed, Recognised
from dialogue.events import from_record as rebuild
from dialogue.events import to_record as record
from dialogue.ports import SttRequest
from dialogue.resilience import Policy, Thinker
from dialogue.scenarios.registry import load
from dialogue.turns import Transcript, TransferReason
from tests.dialogue.test_call import HANG_UP, lead, says
from tests.fakes.dialogue import ScriptedStt

PHANTOM = "Thanks for watching!"


class Inventive(ScriptedStt):
    """Marks one phrase as invented."""

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        async for found in super().transcribe(chunks, request):
            doubts = ("known_phrase",) if found.text == PHANTOM else ()
            yield Transcript(found.text, found.language, found.confidence, self.name, doubtful=doubts)


async def test_invented_words_are_asked_about_again_and_stand_on_record_with_the_mark() -> None:
    line, journal, _ = await lead([says(PHANTOM), says("somebody stole my car"), HANG_UP], stt=Inventive())

    assert "say again" in line.said[1].lower()
    first, second = journal.of(Recognised)
    assert (first.text, first.doubtful) == (PHANTOM, ("known_phrase",))
    assert (second.text, second.doubtful) == ("somebody stole my car", ())
    assert [event.turn for event in journal.of(Assessed)] == [second.turn]


async def test_invented_words_twice_bring_a_person() -> None:
    line, _, _ = await lead([says(PHANTOM), says(PHANTOM)], stt=Inventive())

    assert line.transferred is TransferReason.NOT_UNDERSTOOD


async def test_invented_last_words_are_kept_and_not_classified() -> None:
    _, journal, _ = await lead([says(PHANTOM), HANG_UP], stt=Inventive())

    assert [event.doubtful for event in journal.of(Recognised)] == [("known_phrase",)]
    assert not journal.of(Assessed)


def test_the_mark_survives_the_journal() -> None:
    event = Recognised(1, PHANTOM, "en", 0.4, "whisper", 0.2, ("known_phrase", "no_speech"), "Bye.")
    kept = {**record(event), "doubtful": list(event.doubtful)}

    assert rebuild("recognised", kept) == event


def test_records_from_before_the_mark_are_read() -> None:
    kept = {"turn": 1, "text": "да", "language": "ru", "confidence": None, "engine": "x", "seconds": 0.1}

    assert rebuild("recognised", kept) == Recognised(1, "да", "ru", None, "x", 0.1)


def test_the_callers_language_is_detected_among_the_scenarios_own_first() -> None:
    session = load("intake_102").open("kk")
    thinker = Thinker([], Policy(budget=1.0, attempt=1.0))
    fixed = Conversation(session, thinker).hearing
    free = Conversation(session, thinker, languages=("ru", "kk", "en")).hearing

    assert (fixed.language, fixed.languages) == ("kk", ())
    assert (free.language, free.languages) == (None, ("kk", "ru", "en"))
    assert Conversation(session, thinker, languages=("ru", "kk", "en")).fork().hearing == free
