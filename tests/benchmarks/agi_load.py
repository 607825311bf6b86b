"""Callers by the hundred against a FastAGI server, from a process of their own.

`place_calls` starts that process and returns what each caller saw. Run as a module it is that process: one JSON
object of `Load` on standard input, a list of `Seen` on standard output.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.fakes.agi_peer import AgiPeer
from tests.fakes.loudness import quiet, tone


@dataclass(frozen=True)
class Load:
    """Calls to place, all in progress at once.

    Args:
        port: of the server on loopback.
        calls: how many.
        script: name in the AGI URL.
        language: second argument of the script.
        spool: the shared folder; empty where nothing is played or heard.
        pbx_spool: the shared folder as commands name it.
        speech: file of headerless 16-bit PCM at 48 kHz that each caller says; empty: three seconds of a tone.
        turns: how often a caller speaks before falling silent.
        ramp: seconds over which they come in; all at one instant where it is 0.
        seconds: longest a call may take.
    """

    port: int
    calls: int
    script: str
    language: str = "ru"
    spool: str = ""
    pbx_spool: str = ""
    speech: str = ""
    turns: int = 1
    ramp: float = 3.0
    seconds: float = 120.0


@dataclass(frozen=True)
class Seen:
    """One call as its PBX saw it.

    Args:
        call_id: UUID it began with.
        variables: channel variables set by the server.
        latencies: seconds from each of the PBX's answers to the server's next command.
        commands: how many there were.
        error: why it ended early; empty where it did not.
    """

    call_id: str
    variables: dict[str, str]
    latencies: list[float]
    commands: int
    error: str = ""


@dataclass
class Results:
    """All calls of a load."""

    seen: list[Seen] = field(default_factory=list)

    @property
    def lost(self) -> list[Seen]:
        """Calls that ended without the marker."""
        return [call for call in self.seen if call.error or "CALL_OUTCOME" not in call.variables]

    @property
    def latencies(self) -> list[float]:
        """The server's share of each step of all calls, in seconds, ascending."""
        return sorted(latency for call in self.seen for latency in call.latencies)


async def place_calls(load: Load) -> Results:
    """Place the calls from another process. Raises TimeoutError, RuntimeError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.agi_load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(load.seconds + 30):
            out, _ = await process.communicate(json.dumps(dataclasses.asdict(load)).encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise RuntimeError(f"the callers' process ended with {process.returncode}")
    return Results([Seen(**call) for call in json.loads(out)])


async def _place(load: Load, words: bytes) -> list[Seen]:
    async def call(number: int) -> Seen:
        await asyncio.sleep(load.ramp * number / load.calls)
        peer = AgiPeer(
            load.port,
            script=load.script,
            utterances=[words] * load.turns,
            real_time=True,
            spool=Path(load.spool),
            pbx_spool=PurePosixPath(load.pbx_spool or load.spool or "/nowhere"),
        )
        peer.arguments = (peer.call_id, load.language)
        error = ""
        try:
            await peer.run(load.seconds)
        except (TimeoutError, OSError) as failure:
            error = type(failure).__name__
        return Seen(peer.call_id, peer.variables, peer.latencies, len(peer.commands), error)

    return await asyncio.gather(*(call(number) for number in range(load.calls)))


def main() -> None:
    load = Load(**json.load(sys.stdin))
    words = Path(load.speech).read_bytes() if load.speech else tone(3.0) + quiet(3.0)
    json.dump([dataclasses.asdict(call) for call in asyncio.run(_place(load, words))], sys.stdout)


if __name__ == "__main__":
    main()
