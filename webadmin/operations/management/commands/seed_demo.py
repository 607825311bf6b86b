"""Fills the office with invented calls, made of the same journal events as real ones."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from dialogue import events
from dialogue.audio import Audio, AudioFormatError, read_wav
from webadmin.calls.models import Call, Recording
from webadmin.calls.projection import apply_batch
from webadmin.calls.segments import Entry
from webadmin.operations.demo_data import ADDRESSES, GREETING, STORIES, Story

DOOR = "demo"
"""How demo rows are known: no real door has this name."""

_DAYS = 6
_MOST_CALLS = 5000
_WITH_SOUND_EVERY = 4
_MOST_RECORDINGS = 15
_RATE = 16_000
_PAUSE_SECONDS = 0.5
_SECONDS_PER_CHARACTER = 0.065
_SYNTHESIS_LIMIT_SECONDS = 20
_ENGINES = {"stt": "demo", "llm": "demo", "tts": "espeak"}


class Command(BaseCommand):
    help = "Adds invented calls for a look at the admin (all urgencies, three languages, some with sound)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--calls", type=int, default=60, help="how many demo calls there shall be (60)")
        parser.add_argument("--clear", action="store_true", help="remove all demo calls first; alone with --calls 0")

    def handle(self, *args: Any, calls: int, clear: bool, **options: Any) -> None:
        if not 0 <= calls <= _MOST_CALLS:
            raise CommandError(f"--calls must be between 0 and {_MOST_CALLS}")
        if clear:
            self.stdout.write(f"Removed {_clear()} demo calls.")
        wanted = [(number, uuid5(NAMESPACE_URL, f"hotline:demo:{number}")) for number in range(calls)]
        there = set(Call.objects.filter(door=DOOR).values_list("id", flat=True))
        missing = [(number, call_id) for number, call_id in wanted if call_id not in there]
        if not missing:
            self.stdout.write(f"Nothing to do: {len(there)} demo calls are there.")
            return
        voice = shutil.which("espeak-ng")
        if voice is None:
            self.stdout.write(self.style.WARNING("espeak-ng is not installed: the demo calls get no recordings."))
        now = timezone.now()
        recordings = 0
        for done, (number, call_id) in enumerate(missing, start=1):
            sound = voice if number % _WITH_SOUND_EVERY == 0 and number < _WITH_SOUND_EVERY * _MOST_RECORDINGS else None
            recordings += _make_call(number, call_id, now, sound)
            if done % 10 == 0 or done == len(missing):
                self.stdout.write(f"{done} of {len(missing)} calls …")
        self.stdout.write(
            self.style.SUCCESS(f"Added {len(missing)} demo calls, {recordings} with a recording. --clear removes them.")
        )


def _clear() -> int:
    files = [recording.file for recording in Recording.objects.filter(call__door=DOOR)]
    count = Call.objects.filter(door=DOOR).count()
    with transaction.atomic():
        Call.objects.filter(door=DOOR).delete()
        for file in files:
            transaction.on_commit(lambda file=file: file.storage.delete(file.name))
    return count


@dataclass
class _Tape:
    """The sound and the journal of one call as they grow. ``at`` moves with what is said."""

    call_id: UUID
    at: datetime
    language: str
    voice: str | None
    pcm: bytearray = field(default_factory=bytearray)
    entries: list[Entry] = field(default_factory=list)

    def note(self, event: events.Event) -> None:
        # Each entry has a time of its own, as in a journal.
        self.at += timedelta(milliseconds=1)
        number = len(self.entries) + 1
        data = json.loads(json.dumps(events.to_record(event)))
        self.entries.append(
            Entry(call_id=self.call_id, number=number, at=self.at, kind=events.kind_of(event), data=data)
        )

    def speak(self, text: str, pitch: int) -> float:
        """Say ``text``; return its seconds."""
        spoken = synthesise(self.voice, self.language, text, pitch) if self.voice else None
        seconds = spoken.seconds if spoken else len(text) * _SECONDS_PER_CHARACTER
        if spoken:
            self.pcm += spoken.pcm
        self.pause(_PAUSE_SECONDS)
        self.at += timedelta(seconds=seconds)
        return seconds

    def pause(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        if self.voice:
            self.pcm += bytes(2 * round(seconds * _RATE))


def synthesise(program: str, language: str, text: str, pitch: int) -> Audio | None:
    """Speak with espeak-ng; None where it fails. The text goes in on its standard input."""
    try:
        done = subprocess.run(
            [program, "-v", language, "-p", str(pitch), "--stdin", "--stdout"],
            input=text.encode(),
            capture_output=True,
            timeout=_SYNTHESIS_LIMIT_SECONDS,
            check=True,
        )
        return read_wav(done.stdout).at(_RATE)
    except (OSError, subprocess.SubprocessError, AudioFormatError):
        return None


def _make_call(number: int, call_id: UUID, now: datetime, voice: str | None) -> int:
    """Store one call; return how many recordings it has."""
    chance = random.Random(number)  # noqa: S311
    story = STORIES[number % len(STORIES)]
    address = ADDRESSES[story.language][number // len(STORIES) % len(ADDRESSES[story.language])]
    started = now - timedelta(minutes=7 + number * _DAYS * 24 * 60 / 60 % (_DAYS * 24 * 60) + chance.random() * 60)
    tape = _Tape(call_id, started, story.language, voice)
    _play(story, address, f"+7700000{number % 10000:04}", tape, chance)
    with transaction.atomic():
        apply_batch(tape.entries)
        call = Call.objects.get(pk=call_id)
        waited = timedelta(seconds=chance.randint(4, 40) if story.status in ("transferred", "failed") else 1)
        call.ended_at = tape.at + waited
        call.post_processed_at = call.ended_at
        if story.status in ("transferred", "failed"):
            answered = chance.random() < 0.8
            call.queue_result = "ANSWERED" if answered else "TIMEOUT"
            call.operator = f"PJSIP/operator{chance.randint(1, 3)}" if answered else ""
        call.save(update_fields=["ended_at", "post_processed_at", "queue_result", "operator"])
        if not tape.pcm:
            return 0
        audio = Audio(bytes(tape.pcm), _RATE)
        recording = Recording(call=call, seconds=audio.seconds, rate=audio.rate)
        recording.file.save(f"{call_id}.wav", ContentFile(audio.to_wav()), save=True)
    return 1


def _play(story: Story, address: str, caller: str, tape: _Tape, chance: random.Random) -> None:
    tape.note(events.CallStarted("intake_102", story.language, DOOR, caller=caller, dialled="102", engines=_ENGINES))
    _say(tape, 0, GREETING[story.language], "greeting", chance)
    words = [None if heard is None else heard.format(address=address) for heard, _ in story.exchanges]
    for turn, (heard, (_, reply)) in enumerate(zip(words, story.exchanges, strict=True), start=1):
        _hear(tape, turn, heard, story, chance)
        last = turn == len(words)
        if last and story.status == "failed":
            tape.note(events.StageFailed(turn, "llm", "timeout", "no answer within the limit"))
        else:
            _assess(tape, turn, story, address, words[:turn], chance, known=last)
        if reply:
            purpose = "farewell" if last and story.status == "completed" else "answer" if last else "question"
            _say(tape, turn, reply, purpose, chance, whole=not (last and story.status == "hung_up"))
    if story.status == "transferred":
        tape.note(events.TransferRequested(story.reason, story.fields["summary"]))
    tape.note(events.CallEnded(events.CallStatus(story.status), story.reason))


def _hear(tape: _Tape, turn: int, heard: str | None, story: Story, chance: random.Random) -> None:
    if heard is None:
        tape.pause(5.0)
        tape.note(events.Listened(turn, "silence", 5.0))
    elif heard.startswith("#"):
        tape.note(events.Listened(turn, "key", 1.2, key=heard[1:]))
        tape.pause(0.7)
    else:
        # A turn starts when its first event is noted: the words are spoken after it.
        tape.note(events.Listened(turn, "utterance", round(len(heard) * _SECONDS_PER_CHARACTER, 1)))
        tape.speak(heard, pitch=chance.choice((35, 60, 75)))
        confidence = min(0.99, max(0.05, story.confidence + chance.uniform(-0.06, 0.06)))
        took = chance.uniform(0.3, 0.9)
        tape.note(events.Recognised(turn, heard, story.language, round(confidence, 2), "demo", round(took, 2)))


def _assess(
    tape: _Tape, turn: int, story: Story, address: str, words: list[str | None], chance: random.Random, *, known: bool
) -> None:
    """Note what is known by now; the address only once it has been said."""
    said = " ".join(heard or "" for heard in words)
    fields = {
        name: value.format(address=address) if isinstance(value, str) else value for name, value in story.fields.items()
    }
    if not known and address not in said:
        fields["address"] = None
    evidence = {}
    for name, phrase in story.evidence.items():
        phrase = phrase.format(address=address)
        for number, heard in enumerate(words, start=1):
            if heard and phrase in heard:
                evidence[name] = {"turn": number, "words": phrase}
    answer = json.dumps(fields, ensure_ascii=False)
    seconds = round(chance.uniform(0.4, 1.4), 2)
    tape.note(events.Assessed(turn, fields, "llm", "demo", evidence, story.notes, answer, "demo-1", seconds))


def _say(tape: _Tape, turn: int, text: str, purpose: str, chance: random.Random, *, whole: bool = True) -> None:
    synthesis = round(chance.uniform(0.02, 0.12), 3)
    begin = tape.at
    seconds = tape.speak(text, pitch=50)
    end, tape.at = tape.at, begin
    tape.note(events.Said(turn, text, tape.language, purpose, "espeak", synthesis, round(seconds, 2), whole))
    tape.at = end
