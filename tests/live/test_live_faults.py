"""Bad input and faults at the live door: whatever breaks, callers get a voice, a person or an end, and a record."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections

from dialogue.audio import Audio
from tests.evals.runner import sounds
from tests.evals.runner.office import CallOnRecord, DjangoOffice
from tests.live.conftest import QUICK
from tests.live.interceptor import Interceptor
from tests.live.live_door import LiveDoor, shared_office, watchdog
from tests.live.pbx import Sandbox
from tests.live.person import Person, nothing_left, takes_a_call, until_in, words
from tests.live.socket_client import Reframer, SocketClient, hello
from tests.services import free_port

pytestmark = [
    pytest.mark.live,
    pytest.mark.django_db,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]

VOICE_SECONDS = 5.0
"""A caller is never in silence for longer."""

MANY = 20
CALLS_AT_ONCE = 6
ODD_SIZES = (2, 318, 640, 34, 1000, 6)
EXPECTED_OF_MEDIA = (("failed", "media_closed"), ("failed", "media_stalled"))
LONGEST_UTTERANCE = "6"
"""Seconds instead of a minute, so that talking without a pause for three minutes takes a tenth of that."""


@pytest.fixture(scope="module")
def office(django_db_setup: None, django_db_blocker: object) -> Iterator[DjangoOffice]:
    with shared_office(django_db_blocker):
        yield DjangoOffice()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(running_sandbox: Sandbox) -> AsyncIterator[Interceptor]:
    """What the door takes for Asterisk's HTTP port."""
    async with Interceptor(running_sandbox.http_port) as between:
        yield between


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sockets() -> AsyncIterator[Reframer]:
    """What Asterisk takes for the door's AudioSocket port."""
    async with Reframer(free_port()) as between:
        yield between


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(
    running_sandbox: Sandbox,
    office: DjangoOffice,
    network: Interceptor,
    sockets: Reframer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[LiveDoor]:
    """The door of all these tests, with its watchdog."""
    sandbox, folder = running_sandbox, tmp_path_factory.mktemp("door")
    for name, value in {**QUICK, "CALL_AI_SECONDS": "120", "ARI_APPS": "faults"}.items():
        sandbox.set_global(name, value)
    settings = {
        "ARI_URL": f"http://127.0.0.1:{network.port}",
        "AUDIOSOCKET_BIND": f"127.0.0.1:{sockets.to}",
        "AUDIOSOCKET_ADDRESS": f"127.0.0.1:{sockets.port}",
        "LONGEST_UTTERANCE_SECONDS": LONGEST_UTTERANCE,
    }
    door = LiveDoor(sandbox, folder, "faults", **settings)
    watching = watchdog(sandbox, folder)
    await asyncio.to_thread(watching.start, "watchdog_connected")
    await asyncio.to_thread(door.start)
    yield door
    await asyncio.to_thread(door.stop)
    await asyncio.to_thread(watching.stop)
    await sync_to_async(connections.close_all)()
    sandbox.set_global("ARI_APPS", "hotline")


@pytest.fixture(autouse=True)
def globals_of_the_live_door(running_sandbox: Sandbox, door: LiveDoor) -> None:
    for name, value in {**QUICK, "CALL_AI_SECONDS": "120", "ARI_APPS": door.app}.items():
        running_sandbox.set_global(name, value)


@pytest.fixture
def dial(running_sandbox: Sandbox) -> Callable[..., Person]:
    def person(**how: str) -> Person:
        return Person(running_sandbox, **how)

    return person


Crowd = dict[str, asyncio.Task[CallOnRecord]]
STATES = ("greeting", "listening", "speaking in", "recognising", "answering", "handing over")


async def hang_up_in(state: str, person: Person) -> None:
    """Take a call as far as a state, and hang up there."""
    await person.hears_a_voice()
    if state != "greeting":
        await person.is_greeted()
    if state == "handing over":
        await person.presses("0")
        await person.hears_a_voice()
    elif state in ("recognising", "answering"):
        await person.says("somebody stole my car")
        if state == "answering":
            await person.hears_a_voice()
    elif state == "speaking in":
        speaking = asyncio.create_task(person.call.say(words("somebody stole my car last night")))
        await asyncio.sleep(0.8)
        await person.call.hang_up()
        await speaking
    await asyncio.sleep(0.3)
    await person.call.hang_up()


async def be_in(room: Audio | None, person: Person) -> None:
    """Say nothing, with a sound in the room, until the queue has no operator."""
    if room is not None:
        person.call.be_in(room)
    await person.hears("nobody", seconds=75)


async def talk_on(person: Person) -> None:
    """Talk without a pause; what is said ends in a word that leads on."""
    text = "somebody stole my car and then he went to the station and after that I looked for my car and "
    await person.is_greeted()
    began = asyncio.get_running_loop().time()
    talking = asyncio.create_task(person.call.say(words(text * 3)))
    answered = await person.hears_a_voice(began, seconds=float(LONGEST_UTTERANCE) + 8)
    assert answered - began < float(LONGEST_UTTERANCE) + VOICE_SECONDS
    await person.call.hang_up()
    await talking


async def press_zero(person: Person) -> None:
    """Ask for an operator in the greeting."""
    await person.hears_a_voice()
    await asyncio.sleep(1)
    await person.presses("0")
    await person.hears("nobody")


async def report(person: Person) -> None:
    await person.is_greeted()
    await person.says("somebody stole my car")
    await person.hears_a_voice(seconds=5)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(
    door: LiveDoor, office: DjangoOffice, running_sandbox: Sandbox, sockets: Reframer
) -> AsyncIterator[Crowd]:
    """Callers who break nothing, several at once; a test awaits those it is about, and gets what is on record."""
    narrow, by_socket = {"codec": "PCMU"}, {"codec": "G722", "extension": "113"}
    callers: dict[str, tuple[dict[str, str], Callable[[Person], Awaitable[None]]]] = {
        "music": ({}, partial(be_in, sounds.music(-26, 3.6))),
        "noise": (narrow, partial(be_in, sounds.noise(-35, 3))),
        "silence": ({"codec": "PCMA"}, partial(be_in, None)),
        **{state: ({}, partial(hang_up_in, state)) for state in STATES},
        "talk": ({}, talk_on),
        "narrow": (narrow, press_zero),
        "pieces": (by_socket, report),
        "pieces, key": (by_socket, press_zero),
    }
    slots = asyncio.Semaphore(CALLS_AT_ONCE)

    async def live(how: dict[str, str], behave: Callable[[Person], Awaitable[None]]) -> CallOnRecord:
        async with slots, Person(running_sandbox, **how) as person:
            await behave(person)
        return await person.record(office)

    sockets.sizes = ODD_SIZES
    tasks = {name: asyncio.create_task(live(*what)) for name, what in callers.items()}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    sockets.sizes = ()


async def test_a_hang_up_in_any_state_ends_the_call_with_a_final_status(crowd: Crowd) -> None:
    records = {state: await crowd[state] for state in STATES}
    assert {state: record.status for state, record in records.items()} == dict.fromkeys(STATES, "hung_up")
    assert "stole my car" in records["recognising"].transcript, "words cut off by the hang-up are kept"
    assert "stole my car" in records["answering"].transcript


async def test_silence_brings_a_person(crowd: Crowd) -> None:
    record = await crowd["silence"]
    assert (record.status, record.end_reason, record.incident["category"]) == ("transferred", "silence", "silent")


@pytest.mark.parametrize("room", ["noise", "music"])
async def test_noise_and_music_bring_a_person_and_no_invented_emergency(crowd: Crowd, room: str) -> None:
    record = await crowd[room]
    assert record.status == "transferred"
    assert record.incident.get("urgency") != "critical", record.transcript


async def test_talking_without_a_pause_is_answered_after_the_longest_time_an_utterance_may_have(crowd: Crowd) -> None:
    record = await crowd["talk"]
    assert record.status == "hung_up"
    assert "stole my car" in record.transcript


async def test_a_narrowband_phone_is_served_where_wideband_is_expected(crowd: Crowd) -> None:
    record = await crowd["narrow"]
    assert (record.status, record.end_reason) == ("transferred", "caller_asked")


async def test_sound_that_comes_in_pieces_of_odd_sizes_is_heard_and_so_are_keys_among_it(crowd: Crowd) -> None:
    spoken, pressed = await crowd["pieces"], await crowd["pieces, key"]
    assert "caller:" in spoken.transcript, spoken
    assert (pressed.status, pressed.end_reason) == ("transferred", "caller_asked")


async def test_all_of_them_leave_nothing_behind_in_the_pbx(crowd: Crowd, running_sandbox: Sandbox) -> None:
    await asyncio.gather(*crowd.values(), return_exceptions=True)
    await nothing_left(running_sandbox)


async def test_a_transport_of_eight_kilohertz_carries_a_call_from_a_wideband_phone(
    office: DjangoOffice, dial: Callable[..., Person], running_sandbox: Sandbox, door: LiveDoor, tmp_path: Path
) -> None:
    narrow = LiveDoor(running_sandbox, tmp_path, "narrow", MEDIA_RATE="8000")
    await asyncio.to_thread(narrow.start)
    try:
        running_sandbox.set_global("ARI_APPS", "narrow")
        async with dial() as person:
            await person.is_greeted()
            await person.says("there is a fire in the building and people are inside")
            await person.hears_a_voice(seconds=5)
        record = await person.record(office)
    finally:
        await asyncio.to_thread(narrow.stop)
    assert record.transcript.count("caller:") >= 1, "it was heard, and something was understood"


async def test_a_media_connection_that_breaks_leaves_the_caller_to_the_operators_in_time(
    door: LiveDoor,
    office: DjangoOffice,
    dial: Callable[..., Person],
    network: Interceptor,
    running_sandbox: Sandbox,
) -> None:
    people: dict[str, Person] = {}
    paths: dict[str, str] = {}
    async with AsyncExitStack() as calls:
        for fault in ("hung up", "cut", "stalled"):
            people[fault] = await calls.enter_async_context(dial())
            await people[fault].hears_a_voice()
            (paths[fault],) = network.paths("/media/") - set(paths.values())
            if fault == "hung up":
                channels = await asyncio.to_thread(running_sandbox.cli, "core show channels concise")
                (media,) = [line.split("!")[0] for line in channels.splitlines() if line.startswith("WebSocket/")]
        await asyncio.gather(*(person.is_greeted() for person in people.values()))
        broken = asyncio.get_running_loop().time()
        await asyncio.to_thread(running_sandbox.cli, f"channel request hangup {media}")
        assert network.cut(paths["cut"]) == 1
        assert network.stall(paths["stalled"]) == 1
        for fault, person in people.items():
            heard = await person.hears_a_voice(broken)
            print(f"media {fault}: a voice after {heard - broken:.2f} s")
            assert heard - broken < VOICE_SECONDS
            await person.hears("connecting")
    for person in people.values():
        record = await person.record(office)
        assert (record.status, record.end_reason) in EXPECTED_OF_MEDIA, record
    await nothing_left(running_sandbox)


async def test_events_that_are_cut_off_come_back_and_the_call_goes_on(
    door: LiveDoor, office: DjangoOffice, dial: Callable[..., Person], network: Interceptor
) -> None:
    connected = door.log.count('"ari_connected"')
    async with dial() as person:
        await person.is_greeted()
        assert network.cut("/ari/events") == 1
        await person.says("somebody stole my car")
        await person.hears_a_voice(seconds=5)
        await asyncio.to_thread(door.until, '"ari_connected"', connected + 1)
        await person.is_greeted()
        await person.presses("0")
        await person.hears("nobody", seconds=30)
    record = await person.record(office)
    assert (record.status, record.end_reason) == ("transferred", "caller_asked"), "keys come as events"


async def test_an_audiosocket_that_nobody_announced_is_refused_and_the_calls_go_on(
    door: LiveDoor, dial: Callable[..., Person], running_sandbox: Sandbox
) -> None:
    client = SocketClient(door.audiosocket)
    async with dial(extension="113", codec="PCMU") as person:
        await person.hears_a_voice()
        used = await announced(running_sandbox, person.number)
        refusals = await asyncio.gather(
            client.is_refused(hello(uuid.uuid4().bytes)),
            client.is_refused(hello(used.bytes)),
            client.is_refused(hello(b"short")),
            client.is_refused(b"GET / HTTP/1.1\r\n\r\n"),
            client.is_refused(bytes(range(256)) * 40),
            client.is_refused(b"\x01"),
        )
        assert refusals == [True] * 6
        await person.is_greeted()
        assert not person.call.ended.is_set()
        await person.presses("0")
        await person.hears_a_voice()
    await nothing_left(running_sandbox)
    assert await client.is_refused(hello(used.bytes)), "an identity serves once"


async def announced(sandbox: Sandbox, number: str) -> uuid.UUID:
    """The identity that a caller's AudioSocket has."""
    channels = await asyncio.to_thread(sandbox.cli, "core show channels concise")
    caller = next(line.split("!")[0] for line in channels.splitlines() if number in line.split("!"))
    shown = await asyncio.to_thread(sandbox.cli, f"core show channel {caller}")
    found = next(line for line in shown.splitlines() if line.startswith("AUDIOSOCKET_ID="))
    return uuid.UUID(found.split("=")[1].strip())


async def test_a_second_instance_of_one_name_does_not_start_and_takes_nothing_from_the_first(
    door: LiveDoor, dial: Callable[..., Person], running_sandbox: Sandbox, tmp_path: Path
) -> None:
    async with dial() as person:
        await person.hears_a_voice()
        second = LiveDoor(running_sandbox, tmp_path, door.app)
        assert await asyncio.to_thread(second.start_in_vain) != 0
        assert f"ARI_APP={door.app}" in second.log
        assert "Traceback" not in second.log
        await person.is_greeted()
        await person.says("somebody stole my car")
        await person.hears_a_voice(seconds=5)


async def test_a_door_killed_with_twenty_calls_up_leaves_each_with_a_voice_in_time_and_a_final_status(
    door: LiveDoor, office: DjangoOffice, dial: Callable[..., Person], running_sandbox: Sandbox
) -> None:
    people = [dial(codec="PCMU") for _ in range(MANY)]
    await asyncio.gather(*(person.__aenter__() for person in people))
    try:
        await asyncio.gather(*(person.hears_a_voice() for person in people))
        await asyncio.to_thread(door.kill)
        killed = asyncio.get_running_loop().time()
        voices = await asyncio.gather(*(person.hears_a_voice(killed + 0.3) for person in people))
        waits = sorted(voice - killed for voice in voices)
        print(f"a voice after {waits[0]:.2f} to {waits[-1]:.2f} s, {MANY} callers")
        assert waits[-1] < VOICE_SECONDS
        await asyncio.gather(*(person.hears("connecting") for person in people))
    finally:
        await asyncio.gather(*(person.__aexit__() for person in people))
        await asyncio.to_thread(door.start)
    records = await asyncio.gather(*(person.record(office) for person in people))
    assert {(record.status, record.end_reason) for record in records} == {("failed", "door_died")}
    await nothing_left(running_sandbox)
    await takes_a_call(dial())


async def test_an_asterisk_that_is_restarted_ends_its_calls_and_the_door_serves_the_next(
    door: LiveDoor, office: DjangoOffice, dial: Callable[..., Person], running_sandbox: Sandbox
) -> None:
    connected = door.log.count('"ari_connected"')
    person = dial()
    async with person:
        await person.is_greeted()
        await asyncio.to_thread(running_sandbox.cli, "core restart now")
        await asyncio.to_thread(door.until, '"ari_connected"', connected + 1)
    record = await person.record(office)
    assert record.status in ("hung_up", "failed")
    running_sandbox.set_global("ARI_APPS", door.app)
    await until_in(running_sandbox, "dialplan show globals", "HOTLINE_ALIVE_faults")
    await takes_a_call(dial())
