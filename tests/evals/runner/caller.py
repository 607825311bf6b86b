"""One call of a scenario: does what the steps say, and measures what comes back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from dialogue.audio import Audio
from tests.evals.runner import sounds
from tests.evals.runner.ear import PACKET, PAUSE, Speech
from tests.evals.runner.operators import Operators
from tests.evals.runner.results import StepResult
from tests.evals.runner.script import Script, Sound, Step
from webadmin.operations.sip_call import SipCall

POLL_SECONDS = 0.01
GRACE_SECONDS = 3.0
"""Beyond a limit, so that the report says how late something was."""

LONGEST_BREATH = 0.8
"""Seconds without sound that speech which goes on may have, between two sentences."""

BRIEFING_QUIET_SECONDS = 0.7


class StepFailed(Exception):
    """Something was not so. Its text says what was found instead.

    Args:
        note: what was found.
        milliseconds: what was measured, where something was.
    """

    def __init__(self, note: str, milliseconds: float | None = None) -> None:
        super().__init__(note)
        self.milliseconds = milliseconds


class TooLate(StepFailed):
    """It came, and after its limit."""


@dataclass(frozen=True, slots=True)
class UnsaidText:
    """A text that the record must not have between two Unix times."""

    line: int
    text: str
    begins: float
    ends: float


class Caller:
    """The person on the phone.

    Args:
        script: what happens.
        folder: of the scenario file.
        call: their call, answered.
        number: they call from.
        operators: phones that may be connected, where the script has any.
    """

    def __init__(self, script: Script, folder: Path, call: SipCall, number: str, operators: Operators | None) -> None:
        self.unsaid: list[UnsaidText] = []
        """Texts to look up once the call is on record."""
        self._script, self._folder = script, folder
        self._call, self._number, self._operators = call, number, operators
        self._loop = asyncio.get_running_loop()
        self._speech = Speech(call.voices)
        # Sound may come in before the answer has been taken note of.
        self._began = self._mark = self._step_ended = call.arrivals[0] if len(call.arrivals) else self._loop.time()
        """When the caller's last act began and ended; at the start, the answer."""
        self._operator: SipCall | None = None
        self._decided: list[SipCall] = []
        """Calls of operators who have pressed a key: another one is another operator's."""

    async def take(self, step: Step, line: int) -> StepResult:
        """Do one step."""
        what = _described(step)
        try:
            await self._wait_for_turn(step)
            measured = await self._do(step, line)
        except StepFailed as failure:
            return StepResult(line, what, False, failure.milliseconds, str(failure), late=isinstance(failure, TooLate))
        except sounds.SoundError as failure:
            return StepResult(line, what, False, None, str(failure))
        finally:
            self._step_ended = self._loop.time()
        return StepResult(line, what, True, measured)

    async def _wait_for_turn(self, step: Step) -> None:
        after = step.after
        if after is None and step.action == "say":
            after = "quiet"
        if after == "quiet":
            await self._until_quiet()
        elif after is not None:
            await self._until(self._step_ended + after / 1000)

    async def _do(self, step: Step, line: int) -> float | None:
        match step.action:
            case "say" | "interrupt" | "noise" | "music" | "dtmf" | "silence" | "hang_up":
                await self._act(step)
                return None
            case "stops_within_ms":
                assert step.stops_within_ms is not None
                return await self._stops(step.stops_within_ms)
            case "resumes":
                assert step.resumes is not None
                return await self._resumes(step.resumes.within_ms)
            case "expect":
                assert step.expect is not None
                if step.expect.continues_ms is not None:
                    return await self._continues(step.expect.continues_ms)
                return await self._speaks(step.expect.within_ms)
            case "absent":
                await self._absent(step, line)
                return None
            case "transferred":
                return await self._transferred(step)
            case "operator_hears":
                return await self._operator_hears(step)
            case _:
                return await self._ended(step)

    async def _act(self, step: Step) -> None:
        if step.say is not None:
            await self._say(step.say)
        elif step.interrupt is not None:
            cut = step.interrupt
            onset = await self._onset(self._mark, GRACE_SECONDS + self._script.quiet_ms / 1000 + 10)
            if onset is None:
                raise StepFailed("the assistant does not speak")
            await self._until(onset + cut.after_ms / 1000)
            await self._until_in_a_word()
            if cut.dtmf is not None:
                await self._press(cut.dtmf)
            else:
                await self._say(cut.say or Sound(cough=True))
        elif step.noise is not None or step.music is not None:
            wanted = step.noise or step.music
            assert wanted is not None
            sound = (sounds.noise if step.noise else sounds.music)(wanted.level_db, wanted.seconds)
            if wanted.room:
                self._call.be_in(sound)
            else:
                await self._play(sound)
        elif step.dtmf is not None:
            await self._press(step.dtmf)
        elif step.silence is not None:
            await self._until(self._loop.time() + step.silence, even_if_over=True)
        else:
            await self._call.hang_up()

    async def _say(self, sound: Sound) -> None:
        made = await asyncio.to_thread(sounds.make, sound, self._script.speaker, self._folder)
        await self._play(made)

    async def _play(self, audio: Audio) -> None:
        self._alive()
        self._began = self._loop.time()
        await self._call.say(audio)
        self._mark = self._loop.time()

    async def _press(self, keys: str) -> None:
        self._alive()
        self._began = self._loop.time()
        await self._call.press(keys)
        self._mark = self._loop.time()

    async def _speaks(self, within_ms: float) -> float:
        before = self._speech.spoke_over(self._mark)
        if before is not None and before > self._began:
            early = (before - self._mark) * 1000
            raise StepFailed("it began to speak before the caller had finished", early)
        onset = await self._onset(self._mark, within_ms / 1000 + GRACE_SECONDS)
        if onset is None:
            raise StepFailed(f"nothing was heard{self._how_over()}")
        return _within((onset - self._mark) * 1000, within_ms)

    async def _continues(self, continues_ms: float) -> float:
        end = self._began + continues_ms / 1000
        await self._until(end)
        silence = self._speech.longest_silence(self._began, end)
        if silence > LONGEST_BREATH:
            raise StepFailed("it fell silent for so long", silence * 1000)
        return silence * 1000

    async def _stops(self, within_ms: float) -> float:
        end = self._began + within_ms / 1000 + PAUSE + GRACE_SECONDS
        while (silent := self._speech.silent_from(self._began, self._loop.time())) is None:
            if self._loop.time() > end:
                raise StepFailed("it goes on speaking")
            await asyncio.sleep(POLL_SECONDS)
        return _within((silent - self._began) * 1000, within_ms)

    async def _resumes(self, within_ms: float) -> float:
        silent = self._speech.silent_from(self._began, self._loop.time())
        if silent is None:
            raise StepFailed("it never fell silent")
        onset = await self._onset(silent, max(0.0, self._mark - silent) + within_ms / 1000 + GRACE_SECONDS)
        if onset is None:
            raise StepFailed(f"it does not go on{self._how_over()}")
        return _within((onset - self._mark) * 1000, within_ms)

    async def _absent(self, step: Step, line: int) -> None:
        assert step.absent is not None
        seconds = step.absent.for_ms / 1000
        start, wall = self._loop.time(), time.time()
        if step.absent.text is not None:
            self.unsaid.append(UnsaidText(line, step.absent.text, wall, wall + seconds))
            return
        await self._until(start + seconds)
        onset = next((voice for voice in reversed(self._call.voices) if voice > start + 0.05), None)
        if onset is not None:
            raise StepFailed("it spoke", (onset - start) * 1000)

    async def _transferred(self, step: Step) -> float:
        assert step.transferred is not None
        assert self._operators is not None
        limit = step.transferred.within_ms / 1000
        left = max(0.0, self._mark + limit + GRACE_SECONDS - self._loop.time())
        try:
            self._operator = await self._operators.call_from(self._number, left, self._decided)
        except TimeoutError:
            raise StepFailed(f"no operator's phone was called{self._how_over()}") from None
        measured = (self._loop.time() - self._mark) * 1000
        if step.transferred.accept is not None:
            await self._operator.hear_until_quiet(BRIEFING_QUIET_SECONDS, longest_seconds=30, start_seconds=5)
            await self._operator.press(step.transferred.accept)
            self._decided.append(self._operator)
        return _within(measured, step.transferred.within_ms)

    async def _operator_hears(self, step: Step) -> float:
        assert step.operator_hears is not None
        if self._operator is None:
            raise StepFailed("no operator is connected")
        await self._say(step.operator_hears.say)
        speech, limit = Speech(self._operator.voices), step.operator_hears.within_ms
        end = self._began + (limit / 1000) + GRACE_SECONDS
        while (onset := speech.onset_after(self._began)) is None:
            if self._loop.time() > end:
                raise StepFailed("the operator hears nothing")
            await asyncio.sleep(POLL_SECONDS)
        return _within((onset - self._began) * 1000, limit)

    async def _ended(self, step: Step) -> float:
        assert step.ended is not None
        try:
            end = await self._call.wait_ended(
                max(0.0, self._mark + step.ended.within_ms / 1000 + GRACE_SECONDS - self._loop.time())
            )
        except TimeoutError:
            raise StepFailed("the call goes on") from None
        if end.by != step.ended.by:
            raise StepFailed(f"it was ended by {end.by}")
        return _within((self._loop.time() - self._mark) * 1000, step.ended.within_ms)

    async def _onset(self, after: float, seconds: float) -> float | None:
        end = self._loop.time() + seconds
        while (onset := self._speech.onset_after(after)) is None:
            if self._loop.time() > end or self._call.ended.is_set():
                return None
            await asyncio.sleep(POLL_SECONDS)
        return onset

    async def _until_in_a_word(self) -> None:
        """Wait until the assistant, which is speaking, is not between two sentences."""
        began = self._loop.time()
        while (silent := self._loop.time() - self._call.voices[-1]) > 2 * PACKET:
            self._alive()
            if silent > LONGEST_BREATH or self._loop.time() - began > LONGEST_BREATH:
                raise StepFailed("the assistant had fallen silent by then")
            await asyncio.sleep(POLL_SECONDS)

    async def _until_quiet(self) -> None:
        """Wait until the assistant has spoken since the caller's last act, and fallen quiet."""
        quiet = self._script.quiet_ms / 1000
        end = self._loop.time() + self._script.longest_seconds
        while True:
            self._alive()
            voice = self._call.voices[-1] if len(self._call.voices) else 0.0
            if voice > self._mark and self._loop.time() - voice >= quiet:
                return
            if self._loop.time() > end:
                raise StepFailed("the assistant does not come to an end")
            await asyncio.sleep(POLL_SECONDS)

    async def _until(self, moment: float, *, even_if_over: bool = False) -> None:
        while (left := moment - self._loop.time()) > 0:
            if not even_if_over:
                self._alive()
            await asyncio.sleep(min(left, 0.05))

    def _alive(self) -> None:
        if self._call.ended.is_set():
            raise StepFailed(f"the call is over{self._how_over()}")

    def _how_over(self) -> str:
        end = self._call.end
        return "" if end is None else f" (ended by {end.by}, cause {end.cause or 'unknown'})"


def _within(measured: float, limit: float) -> float:
    if measured > limit:
        raise TooLate(f"later than {limit:.0f} ms", measured)
    return measured


def _described(step: Step) -> str:
    """A step in a few words; what is spoken stands in quotes."""
    value = getattr(step, step.action)
    match step.action:
        case "say" | "operator_hears":
            sound = value if step.action == "say" else value.say
            words = sound.text or sound.file or "a cough"
            return f"{'says' if step.action == 'say' else 'the operator hears'} “{words}”"
        case "interrupt":
            what = "a cough" if value.cough else f"key {value.dtmf}" if value.dtmf else f"“{value.say.text}”"
            return f"cuts in after {value.after_ms} ms with {what}"
        case "expect" if value.continues_ms is not None:
            return f"goes on speaking for {value.continues_ms} ms"
        case "expect":
            return f"speaks within {value.within_ms} ms"
        case "absent" if value.text is not None:
            return f"does not say “{value.text}” for {value.for_ms} ms"
        case "absent":
            return f"is silent for {value.for_ms} ms"
        case "stops_within_ms":
            return f"falls silent within {value} ms"
        case "resumes":
            return f"goes on within {value.within_ms} ms"
        case "transferred":
            return f"an operator answers within {value.within_ms} ms"
        case "ended":
            return f"the call is ended by {value.by} within {value.within_ms} ms"
        case "noise" | "music":
            return f"{step.action} at {value.level_db:g} dB for {value.seconds:g} s"
        case "hang_up":
            return "hangs up"
        case _:
            return f"{step.action} {value}"
