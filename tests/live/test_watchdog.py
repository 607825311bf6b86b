"""Whatever becomes of the process that has a call, its caller hears a voice within 5 s and reaches an operator."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.instance import Instance
from tests.live.pbx import Sandbox
from tests.live.process import LoggedProcess
from tests.live.sound import announcement, contains
from tests.services import free_port
from webadmin.operations.sip_call import SipCall
from webadmin.operations.sip_phone import SipPhone

pytestmark = pytest.mark.live

LIMIT_SECONDS = 5.0
WATCHING = "watchdog_connected"


def watchdog_process(sandbox: Sandbox, folder: Path, **settings: str) -> LoggedProcess:
    """``manage.py run_watchdog``, not started yet."""
    environment = {
        "ENV_FILE": os.devnull,
        "VAR_DIR": str(folder),
        "DATABASE_URL": "sqlite:///:memory:",
        "AMI_PORT": str(sandbox.ami_port),
        "AMI_PASSWORD": sandbox.secrets["ami"],
        **settings,
    }
    return LoggedProcess([sys.executable, "manage.py", "run_watchdog"], environment, folder / "watchdog.log")


@pytest.fixture(scope="module")
def watchdog(running_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggedProcess]:
    process = watchdog_process(running_sandbox, tmp_path_factory.mktemp("watchdog"))
    process.start(WATCHING)
    yield process
    process.stop()


@pytest.fixture
def instances(sandbox: Sandbox, watchdog: LoggedProcess, tmp_path: Path) -> Iterator[dict[str, Instance]]:
    """Two instances that calls to 112 may reach."""
    sandbox.set_global("ARI_APPS", "one,two")
    with ExitStack() as stack:
        yield {app: stack.enter_context(Instance(sandbox, app, tmp_path)) for app in ("one", "two")}
    sandbox.set_global("ARI_APPS", "hotline")


@pytest.fixture
async def callers() -> AsyncIterator[list[SipPhone]]:
    phones = [SipPhone(user=f"+7701000000{number}") for number in range(4)]
    for phone in phones:
        await phone.__aenter__()
    yield phones
    await asyncio.gather(*(phone.__aexit__() for phone in phones))


async def call_of(sandbox: Sandbox, phone: SipPhone, instance: Instance, extension: str = "112") -> SipCall:
    """A caller whom the instance has."""
    sandbox.set_global("ARI_APPS", instance.app)
    call = await phone.call(f"sip:{extension}@127.0.0.1:{sandbox.sip_port}")
    await instance.until_calls(1)
    return call


async def seconds_until_a_voice(call: SipCall, since: float) -> float:
    """How long after ``since`` (monotonic) the caller hears "connecting …" begin; looked for every 50 ms."""
    before = len(call.received.pcm)
    wanted = announcement("connecting")
    heard_at = None
    async with asyncio.timeout(LIMIT_SECONDS + 5):
        while not contains(call.received, wanted):
            assert not call.ended.is_set(), "hung up instead"
            if heard_at is None and _loud(call.received.pcm[before:]):
                heard_at = time.monotonic()
            await asyncio.sleep(0.05)
    assert heard_at is not None
    return heard_at - since


def _loud(pcm: bytes) -> bool:
    """Whether anything louder than a codec's silence is in it."""
    return any(abs(sample) > 500 for sample in memoryview(pcm[: len(pcm) // 2 * 2]).cast("h"))


@pytest.mark.parametrize(
    ("fault", "extension"),
    [(signal.SIGKILL, "112"), (signal.SIGSTOP, "112"), (signal.SIGSTOP, "113")],
    ids=["killed", "stopped", "stopped with an AudioSocket"],
)
async def test_the_caller_of_a_dead_instance_hears_a_voice_in_time_and_reaches_an_operator(
    sandbox: Sandbox,
    watchdog: LoggedProcess,
    instances: dict[str, Instance],
    callers: list[SipPhone],
    operator: SipPhone,
    fault: signal.Signals,
    extension: str,
) -> None:
    before = sandbox.reports()
    kept = await call_of(sandbox, callers[0], instances["two"])
    call = await call_of(sandbox, callers[1], instances["one"], extension)
    instances["one"].send_signal(fault)
    waited = await seconds_until_a_voice(call, time.monotonic())
    print(f"{extension}, {fault.name}: a voice after {waited:.2f} s")
    assert waited < LIMIT_SECONDS
    taken = await operator.next_call(20)
    await call.say(announcement("busy"))
    assert contains(taken.received, announcement("busy")), "caller and operator talk"

    assert "Stasis" in sandbox.cli("core show channels concise"), "the other instance keeps its call"
    assert not contains(kept.received, announcement("connecting"))
    await call.hang_up()
    report = await sandbox.report_of_next_call(before)
    assert (report["dialled"], report["outcome"], report["reason"]) == (extension, "", "failure")
    assert report["queue_result"] == "ANSWERED"
    assert re.search(rf'"call_id": "{report["call_id"]}".*"call_rescued"', watchdog.log)
    await kept.hang_up()


async def test_new_callers_go_to_the_instance_that_lives_and_without_one_to_the_operators(
    sandbox: Sandbox, instances: dict[str, Instance], callers: list[SipPhone], operator: SipPhone
) -> None:
    instances["one"].send_signal(signal.SIGSTOP)
    await asyncio.sleep(4)
    sandbox.set_global("ARI_APPS", "one,two")
    calls = await asyncio.gather(*(phone.call(f"sip:112@127.0.0.1:{sandbox.sip_port}") for phone in callers[:3]))
    await instances["two"].until_calls(len(calls))
    instances["two"].send_signal(signal.SIGKILL)
    await callers[3].call(f"sip:112@127.0.0.1:{sandbox.sip_port}")
    # Killed a moment ago: its application has gone, though its last sign of life is fresh.
    await operator.next_call(10)


async def test_a_caller_who_talks_with_an_operator_is_left_alone(
    sandbox: Sandbox,
    watchdog: LoggedProcess,
    instances: dict[str, Instance],
    callers: list[SipPhone],
    operator: SipPhone,
) -> None:
    instances["one"].send_signal(signal.SIGKILL)
    sandbox.set_global("ARI_APPS", "one")
    call = await callers[0].call(f"sip:112@127.0.0.1:{sandbox.sip_port}")
    taken = await operator.next_call(15)
    other = await call_of(sandbox, callers[1], instances["two"])
    instances["two"].send_signal(signal.SIGKILL)
    await seconds_until_a_voice(other, time.monotonic())
    assert not call.ended.is_set()
    await call.say(announcement("busy"))
    assert contains(taken.received, announcement("busy")), "they talk on"


async def test_a_watchdog_that_was_killed_goes_on_where_it_is_started_again(
    sandbox: Sandbox,
    watchdog: LoggedProcess,
    instances: dict[str, Instance],
    callers: list[SipPhone],
) -> None:
    kept = await call_of(sandbox, callers[0], instances["two"])
    call = await call_of(sandbox, callers[1], instances["one"])
    watchdog.stop(signal.SIGKILL)
    instances["one"].send_signal(signal.SIGSTOP)
    await asyncio.sleep(3.5)
    sandbox.set_global("ARI_APPS", "one,two")
    watchdog.start(WATCHING)
    assert await seconds_until_a_voice(call, time.monotonic()) < 2, "it does not wait once more"
    assert not contains(kept.received, announcement("connecting"))


def test_a_wrong_password_is_said_in_one_sentence(sandbox: Sandbox, tmp_path: Path) -> None:
    process = watchdog_process(sandbox, tmp_path, AMI_PASSWORD="wrong")
    process.start()
    assert process.wait() == 1
    assert "AMI_USER and AMI_PASSWORD" in process.log
    assert "Traceback" not in process.log
    assert "wrong" not in process.log


def test_without_asterisk_it_waits_and_ends_when_told(sandbox: Sandbox, tmp_path: Path) -> None:
    process = watchdog_process(sandbox, tmp_path, AMI_PORT=str(free_port()))
    process.start()
    process.until("watchdog_blind")
    assert process.stop() == 0
    assert process.log.count("watchdog_blind") == 1
