"""Puts invented calls on the desk: when they came, what was found out, and what dispatchers made of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from django.contrib.auth.models import AbstractUser
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from dialogue.events import CallStatus
from webadmin.calls.hearing import keep_hearing
from webadmin.calls.models import Call, Recording
from webadmin.calls.projection import apply_batch
from webadmin.incidents.models import Incident
from webadmin.incidents.projection import apply_assessment
from webadmin.operations.seed import figures, review, sound
from webadmin.operations.seed.acting import DOOR, Play
from webadmin.operations.seed.stories import Story, stories

CALLERS = "+7700000"
"""How the callers' invented numbers begin."""

MOST_CALLS = 5000
MOST_DAYS = 365

_RECORDED = 15
_OPERATORS = ("PJSIP/201", "PJSIP/202", "PJSIP/203", "PJSIP/204")
_NOT_BEFORE = timedelta(minutes=4)
"""How old the newest invented call is."""

_JUST_NOW, _NOW_MINUTES = 0.06, (4, 45)
"""Share of the calls that came a few minutes ago, so that something waits on the desk, and how long ago they did."""

_HOURS = (3, 2, 2, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 5, 5, 5, 6, 8, 10, 12, 13, 12, 10, 6)
"""How many calls come in each hour of a day, among all: most in the evening."""

_WEEKEND = 1.5
"""Times as many calls come on Friday, Saturday and Sunday."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One call that is to be made: its number, id, what happens and when."""

    number: int
    call_id: UUID
    story: Story
    started: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """What was added: calls, and how many of them can be heard."""

    calls: int
    recordings: int


def invented() -> QuerySet[Call]:
    """Calls that this package made, and no other: by their door and by their callers' numbers."""
    return Call.objects.filter(door=DOOR, caller_number__startswith=CALLERS)


def has_real_calls() -> bool:
    """Whether the database holds a call that is not invented."""
    return Call.objects.exclude(door=DOOR, caller_number__startswith=CALLERS).exists()


def clear() -> int:
    """Delete the invented calls with all that hangs on them, their recordings too. Returns how many there were."""
    with transaction.atomic():
        files = [recording.file for recording in Recording.objects.filter(call__in=invented())]
        count = invented().count()
        invented().delete()
        review.remove_dispatchers()
        for file in files:
            transaction.on_commit(lambda file=file: file.storage.delete(file.name))
    return count


def plan(calls: int, days: int, seed: int, now: datetime) -> list[Plan]:
    """Return which calls of a seed are not there yet.

    Args:
        calls: how many there shall be.
        days: over how many days until ``now`` they are spread.
        seed: another one gives other calls.
        now: an aware time.
    """
    there = set(invented().values_list("pk", flat=True))
    hours = _hours(days, now)
    found: list[Plan] = []
    last = now
    for number, (story, same_event) in enumerate(stories(seed, calls)):
        chance = _chance(seed, number, "time")
        if same_event:
            last = min(last + timedelta(seconds=chance.randint(60, 300)), now - _NOT_BEFORE)
        elif chance.random() < _JUST_NOW:
            last = now - timedelta(minutes=chance.uniform(*_NOW_MINUTES))
        else:
            hour = chance.choices([hour for hour, _ in hours], [weight for _, weight in hours])[0]
            last = min(hour + timedelta(seconds=chance.uniform(0, 3600)), now - _NOT_BEFORE)
        call_id = uuid5(NAMESPACE_URL, f"hotline:demo:{seed}:{number}")
        if call_id not in there:
            found.append(Plan(number, call_id, story, last))
    return found


def make(plans: list[Plan], seed: int, now: datetime, voice: str | None, step: Callable[[], None]) -> Made:
    """Play the calls, store them, and let dispatchers work on them.

    Args:
        plans: what `plan` gave.
        seed: the same as there.
        now: the same as there; what dispatchers have done by then is done.
        voice: program that speaks the newest calls; None: no call can be heard.
        step: called after each.
    """
    told = [one for one in plans if _is_told(one.story) and voice and sound.speaks(voice, one.story.language)]
    recorded = {one.call_id for one in sorted(told, key=lambda one: one.started)[-_RECORDED:]}
    # The rules answer on an event loop of their own: the caller's thread may have one that runs.
    users = review.dispatchers()
    with ThreadPoolExecutor(1) as stage:
        for one in plans:
            chance = _chance(seed, one.number, "call")
            play = Play(one.call_id, one.started, one.story, voice if one.call_id in recorded else None, chance)
            stage.submit(asyncio.run, play.act(f"{CALLERS}{chance.randrange(10_000):04}")).result()
            _store(play, chance.choice(users), now)
            step()
    return Made(len(plans), len(recorded))


def _chance(seed: int, number: int, what: str) -> random.Random:
    return random.Random(f"{seed}:{number}:{what}")  # noqa: S311


def _is_told(story: Story) -> bool:
    return story.says[0][0] not in "~#?"


def _hours(days: int, now: datetime) -> list[tuple[datetime, float]]:
    """The whole hours of the last days, each with how likely a call is to come in it."""
    first = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    found = []
    for ago in range(24 * days):
        hour = first - timedelta(hours=ago)
        local = timezone.localtime(hour)
        found.append((hour, _HOURS[local.hour] * (_WEEKEND if local.weekday() >= 4 else 1.0)))
    return found


def _store(play: Play, user: AbstractUser, now: datetime) -> None:
    """Store one call as doors, PBX and post-call work would have; then what dispatchers did."""
    with transaction.atomic():
        apply_batch(play.entries)
        call = Call.objects.select_for_update().get(pk=play.call_id)
        _report_end(call, play)
        if play.assessment is not None:
            found = play.assessment
            apply_assessment(
                call,
                play.ended + timedelta(seconds=2),
                found.fields,
                source=found.source,
                engine=found.engine,
                evidence=found.evidence,
                notes=found.notes,
                model_answer=found.model_answer,
                prompt_version=found.prompt_version,
                final=True,
            )
        if play.tape.pieces:
            recording = Recording(call=call, seconds=play.clock, rate=sound.RATE, channels=2)
            recording.file.save(f"{call.pk}.wav", ContentFile(play.tape.to_wav(play.clock)), save=True)
    if play.tape.pieces:
        keep_hearing(call)
    else:
        figures.keep(call, play)
    incident = Incident.objects.filter(call=call).first()
    if incident is not None:
        review.review(incident, play.story, user, now, play.chance)


def _report_end(call: Call, play: Play) -> None:
    """What the PBX reports after the call."""
    waited = play.chance.randint(4, 40)
    to_queue = play.status in (CallStatus.TRANSFERRED, CallStatus.FAILED)
    if to_queue:
        answered = play.chance.random() < 0.85
        call.queue_result = "ANSWERED" if answered else "TIMEOUT"
        call.operator = play.chance.choice(_OPERATORS) if answered else ""
    call.ended_at = play.ended + timedelta(seconds=waited + play.chance.randint(20, 120) if to_queue else 1)
    call.post_processed_at = call.ended_at
    call.save(update_fields=["queue_result", "operator", "ended_at", "post_processed_at"])
