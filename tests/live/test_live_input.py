"""What callers and their sound do to the live door over minutes: all of them at once, at one door."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from asgiref.sync import sync_to_async
from django.db import connections

from dialogue.audio import Audio
from dialogue.live.ear import Pace
from dialogue.live.settings import LiveSettings
from dialogue.scenarios.intake_102.schema import IncidentReport
from tests.evals.runner.office import CallOnRecord, DjangoOffice
from tests.fakes.openai_server import FakeOpenAI, completion, silent
from tests.live.conftest import QUICK
from tests.live.interceptor import Interceptor
from tests.live.live_door import LiveDoor
from tests.live.pbx import Sandbox
from tests.live.person import Person, nothing_left, until_in, words
from tests.live.ringing import RingingPhone
from tests.live.websocket_frames import Frames

pytestmark = [
    pytest.mark.live,
    pytest.mark.django_db,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

VOICE_SECONDS = 5.0
"""A caller who has finished, or is cut short, is never in silence for longer."""

TALK_SECONDS = 180.0
LEAVE_SECONDS = 3.0
"""Within which a phone that rang for a caller who has left is silent again."""

ODD_SIZES = (1, 641, 3, 12_801, 7, 1279, 1)
"""Bytes. The largest lasts 0.4 s: after half a second without sound the door counts it as silence."""
GARBAGE = (
    "\x00\x01 no message at all",
    "{",
    "[1, 2, 3]",
    '{"event": ["MEDIA_XOFF"], "channel_id": {"a": null}}',
    '{"event": "TELEPORT_MEDIA", "where": 7}',
    "HANDS_UP who:everybody",
    "MEDIA_START format:opus",
    "",
    "x" * 5000,
    '{"event":' * 10_000,
)


THINKING = asyncio.Event()
"""The model has begun to think about music."""


async def answers(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Know of a theft; think without end where the caller speaks of music."""
    if "music" in str(body["messages"][-1]["content"]):
        THINKING.set()
        return await silent(server, request, body)
    known = {"language": "en", "summary": "A car was stolen.", "urgency": "medium", "category": "theft"}
    return completion(json.dumps({name: known.get(name) for name in IncidentReport.model_fields}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as server:
        server.then(answers)
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(running_sandbox: Sandbox) -> AsyncIterator[Interceptor]:
    async with Interceptor(running_sandbox.http_port) as between:
        yield between


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(
    running_sandbox: Sandbox,
    office: DjangoOffice,
    network: Interceptor,
    model: FakeOpenAI,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[LiveDoor]:
    settings = {
        "ARI_URL": f"http://127.0.0.1:{network.port}",
        "LLM_ENGINE": "openai",
        "OPENAI_BASE_URL": model.base_url,
        "LLM_SECONDS": "12",
    }
    door = LiveDoor(running_sandbox, tmp_path_factory.mktemp("door"), "input", **settings)
    for name, value in {**QUICK, "CALL_AI_SECONDS": "300", "CALL_QUEUE_SECONDS": "240", "ARI_APPS": door.app}.items():
        running_sandbox.set_global(name, value)
    await asyncio.to_thread(door.start)
    yield door
    await asyncio.to_thread(door.stop)
    await sync_to_async(connections.close_all)()
    running_sandbox.set_global("ARI_APPS", "hotline")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def away(running_sandbox: Sandbox) -> AsyncIterator[RingingPhone]:
    """The only operator, who does not answer."""
    async with RingingPhone(user="operator1", password=running_sandbox.secrets["sip"]) as phone:
        await phone.register(running_sandbox.registrar)
        yield phone


async def tell_of_a_theft(person: Person) -> None:
    await person.is_greeted()
    await person.says("somebody stole my car last night")
    await person.hears_a_voice(seconds=VOICE_SECONDS)
    await person.is_greeted()
    assert not person.call.ended.is_set()


async def talk_on(person: Person) -> None:
    """Talk for three minutes without a pause; each piece ends in a word that leads on."""
    piece = words("somebody stole my car and then he went to the station and after that I looked for my car and ")
    await person.is_greeted()
    began = asyncio.get_running_loop().time()
    talking = asyncio.create_task(
        person.call.say(Audio(piece.pcm * math.ceil(TALK_SECONDS / piece.seconds), piece.rate))
    )
    longest, patience = Pace().longest_utterance, LiveSettings().hard_timeout
    # No phrase bridges the wait of somebody who talks on: recognition has as long as an engine may take.
    answered = await person.hears_a_voice(began, seconds=longest + patience + VOICE_SECONDS)
    print(f"a voice {answered - began:.1f} s after they began to talk")
    assert answered - began > longest - 1, "nobody is cut short before"
    await talking
    assert asyncio.get_running_loop().time() - began >= TALK_SECONDS
    assert not person.call.ended.is_set(), "nobody is left alone"


async def leave_the_model_thinking(person: Person) -> None:
    await person.is_greeted()
    await person.says("my neighbors are playing loud music")
    await asyncio.wait_for(THINKING.wait(), VOICE_SECONDS)
    await person.call.hang_up()


async def leave_the_queue(sandbox: Sandbox, phone: RingingPhone, person: Person) -> None:
    await person.hears_a_voice()
    await person.presses("0")
    await until_in(sandbox, "queue show operators", "has 1 calls")
    await asyncio.wait_for(phone.rings.wait(), 5)
    await person.call.hang_up()
    await until_in(sandbox, "queue show operators", "has 0 calls", LEAVE_SECONDS)
    await until_in(sandbox, "queue show operators", "operator1 (ringinuse disabled) (Not in use)", LEAVE_SECONDS)


Crowd = dict[str, asyncio.Task[CallOnRecord]]


class Changes(list[Frames]):
    """What was done to the connections of one caller."""

    def __init__(self, **how: Any) -> None:
        super().__init__()
        self._how = how

    def __call__(self) -> Frames:
        self.append(Frames(**self._how))
        return self[-1]


PIECES, INSERTED = Changes(sizes=ODD_SIZES), Changes(texts=GARBAGE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(
    door: LiveDoor,
    office: DjangoOffice,
    running_sandbox: Sandbox,
    network: Interceptor,
    away: RingingPhone,
) -> AsyncIterator[Crowd]:
    """Callers side by side, for the longest of them takes three minutes; a test awaits those it is about."""

    async def live(behave: Callable[[Person], Awaitable[None]], begun: asyncio.Event) -> CallOnRecord:
        async with Person(running_sandbox) as person:
            await person.hears_a_voice()
            begun.set()
            await behave(person)
        return await person.record(office)

    callers: dict[str, tuple[Changes | None, Callable[[Person], Awaitable[None]]]] = {
        "talk": (None, talk_on),
        "queue": (None, partial(leave_the_queue, running_sandbox, away)),
        "pieces": (PIECES, tell_of_a_theft),
        "garbage": (INSERTED, tell_of_a_theft),
        "thinking": (None, leave_the_model_thinking),
    }
    tasks: Crowd = {}
    for name, (change, behave) in callers.items():
        # Whose connection it is shows in when it is made.
        network.change_media = change
        begun = asyncio.Event()
        tasks[name] = asyncio.create_task(live(behave, begun))
        waiting = asyncio.create_task(begun.wait())
        await asyncio.wait({waiting, tasks[name]}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    network.change_media = None
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_sound_in_messages_of_odd_tiny_and_huge_sizes_on_the_websocket_becomes_an_incident(crowd: Crowd) -> None:
    record = await crowd["pieces"]
    assert set().union(*(change.sent for change in PIECES)) == set(ODD_SIZES)
    assert "stole my car" in record.transcript
    assert record.incident["category"] == "theft"


async def test_garbage_and_unknown_messages_on_the_media_websocket_change_nothing(crowd: Crowd) -> None:
    record = await crowd["garbage"]
    assert [text for change in INSERTED for text in change.said] == list(GARBAGE)
    assert "stole my car" in record.transcript
    assert (record.status, record.incident["category"]) == ("hung_up", "theft")


async def test_a_caller_who_leaves_while_a_model_thinks_is_on_record_with_their_words(crowd: Crowd) -> None:
    record = await crowd["thinking"]
    assert record.status == "hung_up"
    assert "music" in record.transcript


async def test_a_caller_who_leaves_the_queue_stops_the_ringing(crowd: Crowd) -> None:
    record = await crowd["queue"]
    assert (record.status, record.end_reason) == ("transferred", "caller_asked")


async def test_three_minutes_without_a_pause_are_answered_each_time_an_utterance_has_been_long_enough(
    crowd: Crowd,
) -> None:
    record = await crowd["talk"]
    print(record.status, record.end_reason, [reply.words for reply in record.said])
    assert record.status in ("hung_up", "transferred")
    assert "stole my car" in record.transcript


async def test_all_of_them_leave_nothing_behind(crowd: Crowd, running_sandbox: Sandbox) -> None:
    await asyncio.gather(*crowd.values(), return_exceptions=True)
    await nothing_left(running_sandbox)
