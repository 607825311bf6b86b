"""Words that look invented, in a live call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from dialogue.events import Assessed, Recognised, Said
from dialogue.ports import SttRequest
from dialogue.turns import Transcript, TransferReason
from tests.dialogue.live.conftest import STREET, THEFT, WORDS, LengthStt, LiveTrial, says


class Inventive(LengthStt):
    """Marks what it makes of a street as invented."""

    async def transcribe(self, chunks: AsyncIterator[bytes], request: SttRequest) -> AsyncIterator[Transcript]:
        async for found in super().transcribe(chunks, request):
            yield replace(found, doubtful=("known_phrase",)) if found.text == WORDS[STREET] else found


def test_the_caller_is_asked_again_and_the_words_stand_on_record(trial: LiveTrial) -> None:
    trial.stt = Inventive()
    trial.run([says(STREET), says(THEFT)])

    first, second = trial.journal.of(Recognised)[:2]
    assert (first.text, first.doubtful) == (WORDS[STREET], ("known_phrase",))
    assert (second.text, second.doubtful) == (WORDS[THEFT], ())
    assert [event.purpose for event in trial.journal.of(Said)][:2] == ["greeting", "apology"]
    assert trial.journal.of(Assessed)[0].fields["category"] == "theft"


def test_twice_brings_a_person(trial: LiveTrial) -> None:
    trial.stt = Inventive()
    trial.run([says(STREET), says(STREET)])

    assert trial.line.transferred is TransferReason.NOT_UNDERSTOOD


def test_they_do_not_interrupt_the_assistant(trial: LiveTrial) -> None:
    trial.stt = Inventive()
    trial.run([says(THEFT), replace(says(STREET), into=0.1)])

    assert not trial.journal.of(Assessed)[0].fields["address"]
