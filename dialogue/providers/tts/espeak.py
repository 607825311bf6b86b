"""eSpeak NG: small synthetic voices for Russian, Kazakh, Ukrainian and English, as a program of its own."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import soxr

from dialogue.audio import SAMPLE_BYTES
from dialogue.errors import ProviderError, Stage
from dialogue.ports import TtsCapabilities

T = TypeVar("T")

RATE = 16_000
VOICES = {"ru": "ru", "kk": "kk", "uk": "uk", "en": "en-us"}
"""eSpeak NG voice of each ISO 639-1 language. A voice is chosen from here only, never from text."""

CHUNK = 8192
HEADER_LIMIT = 4096
"""Bytes within which the sound of a WAV stream must begin."""


@dataclass(frozen=True, slots=True)
class EspeakConfig:
    """How eSpeak NG speaks.

    Args:
        program: name or path of the program.
        words_per_minute: speed; 80 to 450.
        timeout: seconds within which the next bit of sound must come.
        longest_text: characters; a longer text is refused.
        longest_speech: seconds of sound after which something is wrong.
    """

    program: str = "espeak-ng"
    words_per_minute: int = 150
    timeout: float = 10.0
    longest_text: int = 5000
    longest_speech: float = 600.0


class Espeak:
    """Speaks by running ``espeak-ng`` once per text.

    Args:
        config: how it speaks.
    """

    name = "espeak"
    capabilities = TtsCapabilities(languages=frozenset(VOICES), rate=RATE)
    config_type: ClassVar[type[EspeakConfig]] = EspeakConfig

    def __init__(self, config: EspeakConfig | None = None) -> None:
        self._config = config or EspeakConfig()

    def voice(self, language: str) -> str:
        """Voice and speed used for a language. Raises ProviderError for one it does not speak."""
        try:
            return f"{VOICES[language]}@{self._config.words_per_minute}"
        except KeyError:
            raise _error("language_not_supported", f"eSpeak NG is set up for {', '.join(sorted(VOICES))}") from None

    async def start(self) -> None:
        """Try the program once. Raises ProviderError."""
        async for _ in self.synthesise("1", "en"):
            pass

    async def synthesise(self, text: str, language: str) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM at 16,000 Hz while the program speaks. Raises ProviderError."""
        self.voice(language)
        if len(text) > self._config.longest_text:
            raise _error("too_long", f"a text of more than {self._config.longest_text} characters")
        words = speakable(text)
        if not words:
            return
        process = await self._run(VOICES[language])
        heard = False
        try:
            await self._soon(_write(process, words))
            async with contextlib.aclosing(self._sound(process)) as sound:
                async for pcm in sound:
                    heard = True
                    yield pcm
            code = await self._soon(process.wait())
        finally:
            await _reap(process)
        if code != 0:
            raise _error("engine_failed", f"{self._config.program} ended with status {code}", retryable=True)
        if not heard:
            raise _error("no_audio", f"{self._config.program} made no sound")

    async def close(self) -> None:
        """Nothing is kept between texts."""

    async def _run(self, voice: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                self._config.program,
                "--stdin", "--stdout", "-b", "1", "-v", voice, "-s", str(self._config.words_per_minute),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except (FileNotFoundError, PermissionError):
            raise _error(
                "not_installed", f"{self._config.program} cannot be run: install the system package espeak-ng"
            ) from None
        except OSError as error:
            raise _error("engine_failed", f"no process: {error.strerror}", retryable=True) from error

    async def _soon(self, step: Coroutine[Any, Any, T]) -> T:
        """Await one step. A limit around the whole would also count, and cancel, what the listener does in between."""
        try:
            async with asyncio.timeout(self._config.timeout):
                return await step
        except TimeoutError:
            raise _error("timeout", f"nothing for {self._config.timeout:g} s", retryable=True) from None

    async def _sound(self, process: asyncio.subprocess.Process) -> AsyncGenerator[bytes, None]:
        """Yield the program's sound at the declared rate."""
        assert process.stdout is not None
        rate, pcm = await self._soon(_header(process.stdout))
        resampler = soxr.ResampleStream(rate, RATE, 1, dtype="int16")
        limit = int(self._config.longest_speech * rate) * SAMPLE_BYTES
        total = 0
        while True:
            whole = len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES
            total += whole
            if total > limit:
                raise _error("too_long", f"more than {self._config.longest_speech:g} s of sound")
            out = resampler.resample_chunk(np.frombuffer(pcm[:whole], dtype="<i2"))
            if len(out):
                yield out.astype("<i2").tobytes()
            more = await self._soon(process.stdout.read(CHUNK))
            if not more:
                break
            pcm = pcm[whole:] + more
        rest = resampler.resample_chunk(np.empty(0, dtype="<i2"), last=True)
        if len(rest):
            yield rest.astype("<i2").tobytes()


def speakable(text: str) -> str:
    """Return text without what the program takes for more than words.

    Control characters become spaces (a NUL would end the text), invisible ones go, and ``[[`` is taken apart: eSpeak
    NG reads ``[[…]]`` as phoneme codes. Markup needs no care, for it is read as words without the option ``-m``.
    """
    clean = "".join(
        " " if kind == "Cc" else char
        for char, kind in ((char, unicodedata.category(char)) for char in text)
        if kind not in {"Cf", "Cs", "Co", "Cn"}
    )
    while "[[" in clean:
        clean = clean.replace("[[", "[ [")
    return " ".join(clean.split())


async def _header(stream: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read a WAV header and return the rate in Hz and the sound read with it.

    The sizes in the header of a stream are made up, so sound ends where the stream does.
    """
    data = b""
    while b"data" not in data or len(data) < data.index(b"data") + 8:
        more = await stream.read(CHUNK)
        if not more:
            break
        data += more
        if len(data) > HEADER_LIMIT + CHUNK:
            break
    start, form = data.find(b"data"), data.find(b"fmt ")
    if not data:
        raise _error("no_audio", "the program ended without a sound")
    if not data.startswith(b"RIFF") or form < 0 or start < form + 24:
        raise _error("bad_audio", "the program's output is not a WAV stream")
    _, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, form + 8)
    if (channels, bits) != (1, 16) or not 8000 <= rate <= 48_000:
        raise _error("bad_audio", "the program's sound is not 16-bit mono")
    return rate, data[start + 8 :]


async def _write(process: asyncio.subprocess.Process, text: str) -> None:
    assert process.stdin is not None
    # A program that ends at once closes its input; its exit status says why.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text.encode())
        await process.stdin.drain()
    process.stdin.close()


async def _reap(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _error(code: str, detail: str, *, retryable: bool = False) -> ProviderError:
    return ProviderError(Stage.TEXT_TO_SPEECH, code, detail, retryable=retryable)
