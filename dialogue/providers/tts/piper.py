"""Piper: neural voices that are quick on a processor, among them Russian, Ukrainian and Kazakh.

Its package is under the GPL, so it is run as a program of its own, never imported. The program stays up with its voice
loaded; it is given a sentence as a line, writes it as a file into a folder in memory and names the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import structlog

from dialogue.audio import Audio, AudioFormatError, read_wav
from dialogue.errors import ProviderError, Stage
from dialogue.ports import TtsCapabilities
from dialogue.providers.tts.voices import LocalVoice, sentences, voice_for

log = structlog.get_logger(__name__)

RATE = 16_000
"""Hz of the sound given on, whatever a voice's own rate."""

SETTING = "PIPER_VOICES"

WAITING = 32
"""Sentences that may wait for one voice; the next is better spoken by another engine."""

_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder in memory: what is said to a caller lies on no disk
_LINE_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class PiperConfig:
    """Which voices, and how long they may take.

    Args:
        program: name or path of the program.
        voices: ISO 639-1 code to voice; the model is an ``.onnx`` file with its ``.onnx.json`` beside it.
        speed: 1.0 is the voice's own; 2.0 is twice as fast.
        timeout: seconds within which a sentence must be made, once its turn has come.
        loading: seconds the program may take until its first sentence.
        longest_text: characters; a longer text is refused.
        longest_speech: seconds of sound of a sentence after which something is wrong.
    """

    program: str = "piper"
    voices: Mapping[str, LocalVoice] = field(default_factory=dict)
    speed: float = 1.0
    timeout: float = 20.0
    loading: float = 60.0
    longest_text: int = 5000
    longest_speech: float = 120.0


class Piper:
    """Speaks by one ``piper`` program for each voice.

    Args:
        config: which voices.
    """

    name = "piper"
    config_type: ClassVar[type[PiperConfig]] = PiperConfig

    def __init__(self, config: PiperConfig | None = None) -> None:
        self._config = config or PiperConfig()
        self.capabilities = TtsCapabilities(languages=frozenset(self._config.voices), rate=RATE)
        self._identities = {voice: voice.identity for voice in self._config.voices.values()}
        self._programs: dict[LocalVoice, _Program] = {}

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the programs that run."""
        return tuple(known.pid for known in self._programs.values() if known.pid is not None)

    def voice(self, language: str) -> str:
        """Voice and speed used for a language. Raises ProviderError for one that has none."""
        return f"{self._identities[voice_for(self._config.voices, language, SETTING)]} x{self._config.speed:g}"

    async def start(self) -> None:
        """Load every voice and speak a word with it. Raises ProviderError."""
        for language in self._config.voices:
            async for _ in self.synthesise("a", language):
                pass

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM at 16,000 Hz, a sentence at a time.

        Raises:
            ProviderError: ``not_installed``, ``model_missing``, ``engine_failed``, ``timeout``, ``busy``,
                ``too_long``, ``bad_audio``.
        """
        voice = voice_for(self._config.voices, language, SETTING)
        if len(text) > self._config.longest_text:
            raise _error("too_long", f"a text of more than {self._config.longest_text} characters")
        program = self._programs.setdefault(voice, _Program(self._config, voice))
        for sentence in sentences(text):
            sound = await program.say(sentence)
            if sound.pcm:
                yield sound.pcm

    async def close(self) -> None:
        """End the programs."""
        programs, self._programs = list(self._programs.values()), {}
        await asyncio.gather(*(program.end() for program in programs))


@dataclass(slots=True, eq=False)
class _Running:
    """A program that runs.

    Args:
        process: it.
        folder: where it writes.
        asked: who waits for the files of which sentences, in the order they were written to it.
        reading: takes the names of files.
        made: sentences it has made.
    """

    process: asyncio.subprocess.Process
    folder: Path
    asked: deque[asyncio.Future[Path]] = field(default_factory=deque)
    reading: asyncio.Task[None] | None = None
    made: int = 0

    @property
    def up(self) -> bool:
        """Whether it may be asked."""
        return self.process.returncode is None


class _Program:
    """The program of one voice, started when it is needed and again after its death.

    Sentences are made in the order they were asked for. One that nobody waits for any more is made to its end and
    thrown away: starting the program again would take longer.
    """

    def __init__(self, config: PiperConfig, voice: LocalVoice) -> None:
        self._config = config
        self._voice = voice
        self._running: _Running | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Of the program while it runs."""
        return self._running.process.pid if self._running is not None and self._running.up else None

    async def say(self, sentence: str) -> Audio:
        """Return the sound of one sentence. Raises ProviderError."""
        async with self._starting:
            if self._running is None or not self._running.up:
                await self.end()
                self._running = await self._begin()
            running = self._running
        if len(running.asked) >= WAITING:
            raise _error("busy", f"{WAITING} sentences wait for this voice", retryable=True)
        assert running.process.stdin is not None
        answer: asyncio.Future[Path] = asyncio.get_running_loop().create_future()
        running.asked.append(answer)
        try:
            running.process.stdin.write(f"{sentence}\n".encode(errors="ignore"))
            async with asyncio.timeout(self._config.timeout):
                await running.process.stdin.drain()
            path = await self._in_turn(running, answer)
        except asyncio.CancelledError:
            _forget(answer)
            raise
        except TimeoutError:
            await self._end(running)
            raise _error("timeout", f"no sound within {self._config.timeout:g} s", retryable=True) from None
        except (BrokenPipeError, ConnectionResetError):
            await self._end(running)
            raise self._ended() from None
        return await asyncio.to_thread(self._read, path)

    async def end(self) -> None:
        """End the program; whoever waits for it gets an error."""
        if self._running is not None:
            await self._end(self._running)

    async def _in_turn(self, running: _Running, answer: asyncio.Future[Path]) -> Path:
        """Wait for an answer, the time of those before it not counted. Raises TimeoutError."""
        while True:
            made = running.made
            await asyncio.wait([answer], timeout=self._config.timeout if made else self._config.loading)
            if answer.done():
                return answer.result()
            if running.made == made:
                raise TimeoutError

    async def _end(self, running: _Running) -> None:
        if self._running is running:
            self._running = None
        if running.up:
            with contextlib.suppress(ProcessLookupError):
                running.process.kill()
            await running.process.wait()
        if running.reading is not None:
            running.reading.cancel()
            await asyncio.gather(running.reading, return_exceptions=True)
        self._give_up(running)
        await asyncio.to_thread(shutil.rmtree, running.folder, ignore_errors=True)

    async def _begin(self) -> _Running:
        model = Path(self._voice.model)
        await asyncio.to_thread(_check_files, model)
        folder = await asyncio.to_thread(_folder_in_memory)
        speaker = ["--speaker", self._voice.speaker] if self._voice.speaker else []
        try:
            process = await asyncio.create_subprocess_exec(
                self._config.program,
                "--model", str(model), "--output_dir", str(folder),
                "--length_scale", f"{1 / self._config.speed:g}", *speaker,
                stdin=asyncio.subprocess.PIPE,
                # One version names its files on one, another on the other.
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LINE_LIMIT,
            )  # fmt: skip
        except BaseException as error:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            if isinstance(error, FileNotFoundError | PermissionError):
                raise _error(
                    "not_installed", f"{self._config.program} cannot be run: docs/engines.md says how to install Piper"
                ) from None
            if isinstance(error, OSError):
                raise _error("engine_failed", f"no process: {error.strerror}", retryable=True) from error
            raise
        running = _Running(process, folder)
        running.reading = asyncio.create_task(self._watch(running))
        return running

    async def _watch(self, running: _Running) -> None:
        """Take the names of files as the program writes them, in the order of the sentences."""
        assert running.process.stdout is not None
        while True:
            try:
                line = await running.process.stdout.readline()
            except ValueError:
                continue
            if not line:
                break
            # What else it writes may repeat what is said, so it goes nowhere.
            _, found, name = line.decode(errors="replace").strip().rpartition(str(running.folder))
            if not found or not running.asked:
                continue
            running.made += 1
            path = running.folder / Path(name.strip("/'\" ")).name
            answer = running.asked.popleft()
            if answer.done():
                await asyncio.to_thread(path.unlink, missing_ok=True)
            else:
                answer.set_result(path)
        code = await running.process.wait()
        log.warning("voice_program_ended", engine=Piper.name, status=code)
        self._give_up(running)

    def _give_up(self, running: _Running) -> None:
        while running.asked:
            answer = running.asked.popleft()
            if not answer.done():
                answer.set_exception(self._ended())
                # Whoever asked may be gone.
                answer.exception()

    def _ended(self) -> ProviderError:
        return _error("engine_failed", f"{self._config.program} has ended", retryable=True)

    def _read(self, path: Path) -> Audio:
        """Return a file's sound, and remove it. Raises ProviderError."""
        try:
            sound = read_wav(path, max_seconds=self._config.longest_speech + 1)
        except AudioFormatError:
            raise _error("bad_audio", "the program's file is no WAV") from None
        finally:
            path.unlink(missing_ok=True)
        if sound.seconds > self._config.longest_speech:
            raise _error("too_long", f"more than {self._config.longest_speech:g} s of sound")
        return sound.at(RATE)


def _forget(answer: asyncio.Future[Path]) -> None:
    """Nobody waits for this file any more: it goes as soon as it is there."""
    if not answer.cancel() and answer.exception() is None:
        answer.result().unlink(missing_ok=True)


def _check_files(model: Path) -> None:
    for needed in (model, model.with_name(model.name + ".json")):
        if not needed.is_file():
            raise _error("model_missing", f"PIPER_VOICES: there is no file {needed}")


def _folder_in_memory() -> Path:
    memory = _MEMORY if _MEMORY.is_dir() else None
    return Path(tempfile.mkdtemp(prefix="hotline-piper-", dir=memory))


def _error(code: str, detail: str, *, retryable: bool = False) -> ProviderError:
    return ProviderError(Stage.TEXT_TO_SPEECH, code, detail, retryable=retryable)
