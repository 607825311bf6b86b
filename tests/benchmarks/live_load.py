"""Calls at once to the live door, from a process of their own, and what their callers heard.

Run as a module it is that process: one JSON object of `Load` on standard input; on standard output the lines `up`,
`begin` and `end` as the load goes through its stages, then a JSON object of `Heard`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.live_callers import RATE, Caller, Exchange, stream_type
from tests.benchmarks.live_sound import IDENTITIES, NOBODY, longest_hole, silent_after, told, whose
from webadmin.operations.sip_call import SipCall
from webadmin.operations.sip_phone import CallFailed, SipPhone
from webadmin.operations.sip_rtp import CODECS, decoder

SETTLE_SECONDS = 3.0
LAST_SECONDS = 3.0
SAME_LENGTH = 0.04
"""Seconds by which an answer that was heard to its end may be shorter or longer than it was made."""


@dataclass(frozen=True)
class Load:
    """Calls to place, all in progress at once.

    Args:
        uri: of the extension.
        calls: how many.
        seconds: how long all of them talk.
        answer_seconds: length of an answer.
        codec: PCMU or PCMA.
        ramp: seconds over which they come in.
        cut_in_every: of so many answers a caller cuts into one; 0: into none.
    """

    uri: str
    calls: int
    seconds: float
    answer_seconds: float
    codec: str = "PCMU"
    ramp: float = 0.0
    cut_in_every: int = 3


@dataclass
class Heard:
    """What the callers heard. Seconds.

    Args:
        delays: from the last packet of a caller's voice to the first of the answer's.
        stops: from the first packet of a caller who cuts in to the last of the assistant's.
        waits: longest time between two packets of an answer, of each answer.
        holes: longest silence within an answer's sound, of each answer.
        missing: packets that never came.
        unanswered: utterances without an answer.
        never_silent: times that the assistant spoke on though its caller cut in.
        cut_short: answers that were heard to their end and lacked some of their sound.
        mixed: answers whose sound was another call's.
        other: those that were neither the caller's own nor another call's, such as the question whether they are there.
        refused: calls that did not come up.
        ended: calls that the other side ended.
        cpu: what the callers themselves took.
        lateness: by which a packet of theirs left too late, at most.
    """

    delays: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    holes: list[float] = field(default_factory=list)
    missing: int = 0
    unanswered: int = 0
    never_silent: int = 0
    cut_short: int = 0
    mixed: int = 0
    other: int = 0
    refused: int = 0
    ended: int = 0
    cpu: float = 0.0
    lateness: float = 0.0

    @property
    def lost(self) -> int:
        """Calls that were not served to their end."""
        return self.refused + self.ended


def judge(caller: Caller, since: float, until: float, answer_seconds: float, heard: Heard) -> None:
    """Add what a caller heard after each thing they said between two moments.

    Args:
        caller: after their call.
        since: seconds since the epoch.
        until: likewise.
        answer_seconds: length of an answer.
        heard: is added to.
    """
    decode = decoder(CODECS[caller.codec.name])
    for utterance, following in zip(caller.said, [*caller.said[1:], None], strict=True):
        if not since <= utterance.began < until or not utterance.ended:
            continue
        if utterance.cut_in:
            stop = silent_after(caller.packets, utterance.began, utterance.ended)
            if stop is None:
                heard.never_silent += 1
                continue
            heard.stops.append(stop)
        # A caller who has fallen silent for good is asked later whether they are there, which is no answer.
        end = following.began if following else utterance.ended + LAST_SECONDS + answer_seconds
        answer = told(caller.packets, utterance.ended, end)
        if answer.began is None:
            heard.unanswered += 1
            continue
        pcm = decode(answer.sound)
        heard.delays.append(answer.began - utterance.ended)
        heard.waits.append(answer.longest_wait)
        heard.holes.append(longest_hole(pcm, RATE))
        heard.missing += answer.missing
        identity = whose(pcm, RATE)
        heard.mixed += identity not in (caller.identity, NOBODY)
        heard.other += identity == NOBODY
        if following is not None and not following.cut_in:
            heard.cut_short += abs(answer.seconds - answer_seconds) > SAME_LENGTH


async def place(load: Load, say: Callable[[str], None]) -> Heard:
    """Place the calls, let them talk, end them, and return what their callers heard."""
    heard = Heard()
    codec = CODECS[load.codec]
    callers = [Caller(number % IDENTITIES, codec, load.cut_in_every) for number in range(load.calls)]
    with Exchange() as exchange:

        class Phone(SipPhone):
            stream_type = stream_type(exchange, deque(callers))

        async with Phone(user="+77010000000") as phone:

            async def dial(number: int) -> SipCall | None:
                await asyncio.sleep(load.ramp * number / load.calls)
                try:
                    return await phone.call(load.uri, codec=load.codec)
                except CallFailed:
                    return None

            placed = await asyncio.gather(*(dial(number) for number in range(load.calls)))
            calls = [call for call in placed if call is not None]
            heard.refused = len(placed) - len(calls)
            say("up")
            await asyncio.sleep(SETTLE_SECONDS)
            say("begin")
            since, cpu = time.time(), time.process_time()
            await asyncio.sleep(load.seconds)
            until, heard.cpu = time.time(), time.process_time() - cpu
            say("end")
            for caller in callers:
                caller.stopping = True
            await asyncio.sleep(LAST_SECONDS + load.answer_seconds)
            heard.ended = sum(call.ended.is_set() for call in calls)
            await asyncio.gather(*(call.hang_up() for call in calls))
        heard.lateness = exchange.worst_lateness
    for caller in callers:
        judge(caller, since, until, load.answer_seconds, heard)
    return heard


class LoadProcess:
    """The process, for whoever measures: ``async with LoadProcess(load) as process: await process.stage("up") …``."""

    def __init__(self, load: Load) -> None:
        self._load = load

    async def __aenter__(self) -> LoadProcess:
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-m", "tests.benchmarks.live_load"]
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(dataclasses.asdict(self._load)).encode())
        self._process.stdin.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stage(self, name: str) -> None:
        """Return once it has come so far. Raises RuntimeError, TimeoutError."""
        line = await self._line()
        if line != name:
            raise RuntimeError(f"the callers' process says {line[:200]!r} instead of {name!r}")

    async def heard(self) -> Heard:
        """What it found, after its last stage. Raises RuntimeError, TimeoutError."""
        return Heard(**json.loads(await self._line()))

    async def _line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(self._load.seconds + self._load.ramp + 60):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the callers' process has ended")
        return line.decode().strip()


def main() -> None:
    load = Load(**json.load(sys.stdin))
    sys.setswitchinterval(0.0005)
    heard = asyncio.run(place(load, lambda stage: print(stage, flush=True)))
    print(json.dumps(dataclasses.asdict(heard)), flush=True)


if __name__ == "__main__":
    main()
