"""A caller behind Asterisk's AGI, as the dialogue sees one: say, listen, transfer, hang up."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import structlog

from agi import variables
from agi.commands import AgiResult
from agi.ear import RATE, RECORDED_RATE, Ear, Verdict
from agi.session import AgiSession
from agi.spool import SLIN_FORMATS, Spool, in_thread, is_full, open_to_pbx, write_whole
from dialogue.audio import SAMPLE_BYTES, Audio
from dialogue.errors import CallerHungUp, CallError, LineError, Stage
from dialogue.ports import Briefing, ListenLimits, Speech, Spoken, VoiceActivity
from dialogue.turns import Heard, Key, Silence, TransferReason, Utterance

log = structlog.get_logger(__name__)

KEYS = "0123456789*#"
POLL_SECONDS = 0.1
SILENCE_SECONDS = 60
GRACE_SECONDS = 10.0
"""How much longer than its own time a command that plays or waits may take."""

_MONITOR_ID = "UTTERANCE_MONITOR"
"""Channel variable in which MixMonitor leaves its id; the dialplan never sees it."""

_FALLBACK_RATE = 16_000


class AgiLine:
    """Implements `dialogue.ports.Line` over one AGI session.

    Speech is played from files, each sound written once. An utterance is recorded by a MixMonitor of its own on the
    caller's side, which keeps wideband sound, while ``STREAM FILE`` plays silence and watches the keys; where the
    caller has stopped speaking the next command ends it (docs/decisions/0004-wideband-utterances.md).

    Args:
        session: the connection.
        call_id: UUID of the call.
        spool: folder shared with Asterisk.
        voice: finds where the caller begins and stops to speak.
    """

    def __init__(self, session: AgiSession, call_id: str, spool: Spool, voice: VoiceActivity) -> None:
        self._session = session
        self._call_id = call_id
        self._spool = spool
        self._voice = voice
        self._utterances = 0

    async def say(self, speech: Speech) -> Spoken:
        """Play a speech until its end or a key.

        Raises:
            CallerHungUp: the caller is gone.
            LineError: ``speech_not_written``, ``speech_empty``, ``not_played``, or the session's own.
            ProviderError: the speech could not be made.
        """
        path, rate, samples = await self._prepare(speech)
        sound = self._spool.pbx / path.with_suffix("")
        seconds = samples / rate
        played = await self._session.command("STREAM FILE", str(sound), KEYS, seconds=seconds + GRACE_SECONDS)
        if played.number < 0:
            await self._raise_gone_or("not_played", "Asterisk cannot play the speech; does it see the spool folder?")
        heard = min(seconds, (samples if played.endpos is None else played.endpos) / rate)
        key = _key(played)
        return Spoken(heard, whole=key is None, key=key.digit if key else None)

    async def listen(self, limits: ListenLimits) -> Heard:
        """Hear the caller once. What was said before a hang-up comes with `CallerHungUp`.

        Raises:
            CallerHungUp: the caller is gone.
            LineError: ``recording_not_started``, ``recording_not_written``, or the session's own.
            ProviderError: voice activity failed.
        """
        self._utterances += 1
        name = Path("utterances") / self._call_id / str(self._utterances)
        started = time.monotonic()
        ear = Ear(self._voice.stream(RATE), limits, started)
        segments: list[Path] = []
        try:
            while True:
                segment = name.with_name(f"{name.name}-{len(segments)}.{SLIN_FORMATS[RECORDED_RATE]}")
                segments.append(self._spool.local / segment)
                verdict = await self._record(segment, ear, limits)
                if isinstance(verdict, Key):
                    return verdict
                if verdict is not None:
                    break
            if verdict is Verdict.SILENT:
                if not ear.seconds and await in_thread(is_full, self._spool.local):
                    raise LineError("recording_not_written", "the disk is full")
                return Silence(max(ear.seconds, time.monotonic() - started))
            return await self._keep(name, ear, cut=verdict is Verdict.CUT)
        except CallerHungUp:
            raise CallerHungUp(await self._last_words(name, ear)) from None
        finally:
            await in_thread(_remove, segments)

    async def transfer(self, reason: TransferReason, briefing: Briefing | None) -> None:
        """Give the caller to a person: the dialplan does it once it sees the marker.

        The briefing reaches the person through the incident on their screen.

        Raises:
            CallerHungUp: the caller is gone.
            LineError: the marker could not be set; the dialplan then finds none, and does the same.
        """
        if briefing is not None and briefing.language:
            await self._session.set_variable(variables.CALL_LANGUAGE, briefing.language)
        await self._session.set_variable(variables.CALL_REASON, reason.value)
        await self._finish("transfer")

    async def hang_up(self) -> None:
        """Let the dialplan end the call. Raises CallerHungUp, LineError."""
        await self._finish("completed")

    async def _finish(self, outcome: str) -> None:
        await self._session.set_variable(variables.CALL_OUTCOME, outcome)
        self._session.release()
        if self._session.hung_up:
            raise CallerHungUp

    async def _prepare(self, speech: Speech) -> tuple[Path, int, int]:
        """Have the speech in a file; return its path in the spool, its rate in Hz and its length in samples."""
        rate = speech.rate if speech.rate in SLIN_FORMATS else _FALLBACK_RATE
        try:
            path = self._spool.speech(speech.cache_key, rate)
            there = self._spool.local / path
            size = await in_thread(_use, there)
            if not size:
                pcm = b"".join([chunk async for chunk in speech.chunks()])
                size = await in_thread(_write_speech, there, Audio(pcm, speech.rate), rate)
        except (OSError, ValueError) as error:
            raise LineError("speech_not_written", type(error).__name__) from error
        if not size:
            raise LineError("speech_empty", "the voice made no sound")
        return path, rate, size // SAMPLE_BYTES

    async def _record(self, segment: Path, ear: Ear, limits: ListenLimits) -> Verdict | Key | None:
        """Record until a key or the ear's verdict; None where the caller spoke on while the recording was stopped."""
        session = self._session
        there = self._spool.local / segment
        try:
            await in_thread(open_to_pbx, there.parent)
        except OSError as error:
            raise LineError("recording_not_written", type(error).__name__) from error
        ear.follow(there, time.monotonic())
        # Only what the caller sends (r), and nothing inserted where it lags behind what we play (n): such patches
        # of silence would be heard as clicks.
        started = await session.command("EXEC MixMonitor", f",r({self._spool.pbx / segment})ni({_MONITOR_ID})")
        if started.number < 0:
            await self._raise_gone_or("recording_not_started", "Asterisk did not run MixMonitor")
        monitor = await session.get_variable(_MONITOR_ID)
        if not monitor:
            raise LineError("recording_not_started", "MixMonitor gave no id")
        key = await self._watch(ear, limits, monitor)
        # Asterisk has closed the file by the time StopMixMonitor is answered.
        return key or await self._poll(ear)

    async def _watch(self, ear: Ear, limits: ListenLimits, monitor: str) -> Key | None:
        """Wait for a key or the ear's verdict, then stop the recording."""
        session = self._session
        silence = str(self._spool.pbx / await self._silence())
        while True:
            session.send("STREAM FILE", silence, limits.keys)
            waiting = asyncio.create_task(session.reply(SILENCE_SECONDS + GRACE_SECONDS))
            try:
                while not waiting.done() and await self._poll(ear) is None:
                    await asyncio.wait({waiting}, timeout=POLL_SECONDS)
                if not waiting.done():
                    return _key(await self._interrupt(waiting, monitor), limits.keys)
                played = await waiting
            except CallerHungUp:
                with suppress(CallerHungUp, CallError):
                    await session.command("EXEC StopMixMonitor", monitor, dead=True)
                raise
            except CallError:
                if not waiting.done():
                    # Replies must match commands again: the line is wanted for the hand-over.
                    await self._interrupt(waiting, monitor)
                raise
            finally:
                waiting.cancel()
                await asyncio.wait({waiting})
            if played.number < 0:
                await self._raise_gone_or("not_played", "Asterisk cannot play silence; does it see the spool folder?")
            if key := _key(played, limits.keys):
                await session.command("EXEC StopMixMonitor", monitor)
                return key

    async def _interrupt(self, waiting: asyncio.Task[AgiResult], monitor: str) -> AgiResult:
        """Stop the recording while silence plays, and return the reply that came first.

        Asterisk stops playing once it sees the next command, and then leaves the reply to playing out, unless a
        key or the end of the file came just before. Only that reply has an end position.
        """
        self._session.send("EXEC StopMixMonitor", monitor)
        first = await waiting
        if first.endpos is not None:
            await self._session.reply()
        return first

    async def _silence(self) -> Path:
        """A file of silence, relative to the spool and without its extension.

        Playing it keeps media going to the caller, whose phone or router may otherwise take the call for dead.
        """
        name = Path("speech") / "silence"
        there = self._spool.local / name.with_suffix(".sln")
        try:
            if not await in_thread(_use, there):
                await in_thread(write_whole, there, bytes(SILENCE_SECONDS * 8000 * SAMPLE_BYTES), 0o644)
        except OSError as error:
            raise LineError("speech_not_written", type(error).__name__) from error
        return name

    async def _poll(self, ear: Ear) -> Verdict | None:
        try:
            return await in_thread(ear.poll, time.monotonic())
        except OSError as error:
            raise LineError("recording_not_written", type(error).__name__) from error

    async def _keep(self, name: Path, ear: Ear, *, cut: bool) -> Utterance:
        kept = name.with_suffix(".wav")
        audio = ear.audio
        try:
            await in_thread(lambda: write_whole(self._spool.local / kept, audio.to_wav(), 0o640))
        except OSError as error:
            raise LineError("recording_not_written", type(error).__name__) from error
        return Utterance(audio, kept.as_posix(), cut)

    async def _last_words(self, name: Path, ear: Ear) -> Utterance | None:
        """What was said before the line went dead: Asterisk writes it out while it takes the channel down."""
        try:
            await in_thread(ear.settle)
            return await self._keep(name, ear, cut=False) if ear.spoke else None
        except (CallError, OSError) as error:
            log.warning("last_words_lost", call_id=self._call_id, stage=Stage.LINE.value, code=type(error).__name__)
            return None

    async def _raise_gone_or(self, code: str, detail: str) -> NoReturn:
        """Tell a hang-up from a failure: Asterisk answers both with -1.

        Raises:
            CallerHungUp: it was a hang-up.
            LineError: ``code``.
        """
        await self._session.command("WAIT FOR DIGIT", 1)
        raise LineError(code, detail)


def _key(result: AgiResult, keys: str = KEYS) -> Key | None:
    """The key in a result; Asterisk gives its ASCII code, 0 for none and 1 where a command ended the wait."""
    number = result.number
    digit = chr(number) if 0 < number < 128 else ""
    return Key(digit) if digit and digit in keys else None


def _write_speech(path: Path, audio: Audio, rate: int) -> int:
    """Write a speech at ``rate`` Hz; return its size in bytes. Raises OSError."""
    pcm = audio.at(rate).pcm
    if pcm:
        write_whole(path, pcm, 0o644)
    return len(pcm)


def _use(path: Path) -> int:
    """Mark a speech as used, so that nobody clears it away now, and return its bytes; 0 where there is none."""
    try:
        os.utime(path)
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
