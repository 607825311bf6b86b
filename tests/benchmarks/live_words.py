"""The engines that come with us, as callers with a telephone hear them: words spoken, recognised and answered."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from dialogue.audio import Audio
from dialogue.live.talker import FILLER
from tests.benchmarks.live_pbx import live_door
from tests.benchmarks.live_sockets import RATE, spoken
from tests.benchmarks.live_sound import percentile
from tests.live.pbx import Sandbox
from webadmin.operations.sip_phone import SipPhone

SAID = ("My car was stolen last night", "Twelve green street")
"""By each caller: a whole phrase, and the address they are asked for, in which people pause."""

QUIET_SECONDS = 0.8
CALLER = "+77050000000"
ANSWER_SECONDS = 20.0
ROUNDS = {1: 3, 2: 2}
"""How often so many callers call at once."""


@dataclass
class Words:
    """Seconds from the last word to the first sound of the answer, by what was said; and how often none came."""

    delays: dict[str, list[float]] = field(default_factory=lambda: {text: [] for text in SAID})
    unanswered: int = 0


async def talk(pbx: Sandbox, sounds: dict[str, Audio], words: Words) -> None:
    """Call once and say it all."""
    loop = asyncio.get_running_loop()
    async with SipPhone(user=CALLER) as phone:
        call = await phone.call(f"sip:112@127.0.0.1:{pbx.sip_port}", codec="G722")
        await call.hear_until_quiet(QUIET_SECONDS)
        for text, sound in sounds.items():
            await call.say(sound)
            # It returns with the packet after the last one.
            said = loop.time() - 0.02
            at = bisect_right(call.voices, said)
            await call.hear_until_quiet(QUIET_SECONDS, start_seconds=ANSWER_SECONDS)
            if at < len(call.voices):
                words.delays[text].append(call.voices[at] - said)
            else:
                words.unanswered += 1


def fillers(journal: Path) -> int:
    """How often the assistant only asked for patience."""
    lines = [line for segment in journal.rglob("*.jsonl") for line in segment.read_text().splitlines()]
    return sum(json.loads(line)["data"].get("purpose") == FILLER for line in lines)


async def report_engines(pbx: Sandbox) -> bool:
    """Print how long callers of pocketsphinx, rules and espeak wait; return whether all were answered."""
    sounds = {text: Audio(b"".join(spoken(text)), RATE) for text in SAID}
    good, before = True, 0
    with live_door(pbx, ["manage.py", "run_ari"]) as door:
        for calls, rounds in ROUNDS.items():
            words = Words()
            for _ in range(rounds):
                await asyncio.gather(*(talk(pbx, sounds, words) for _ in range(calls)))
            after = fillers(door.folder / "journal")
            found = [delay for part in words.delays.values() for delay in part]
            parts = "; ".join(f"“{text}” p50 {percentile(part, 0.5):.2f} s" for text, part in words.delays.items())
            print(
                f"- pocketsphinx, rules and espeak, {calls} call{'s at once' if calls > 1 else ''} in G.722, caller's "
                f"last word → first sound, {len(found)} answers: p50 {percentile(found, 0.5):.2f} s, "
                f"p95 {percentile(found, 0.95):.2f} s ({parts}); {words.unanswered} unanswered, {after - before} began "
                f"with a mere request for patience"
            )
            good &= bool(found) and not words.unanswered
            before = after
    return good
