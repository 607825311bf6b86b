"""The same dialogue on Pipecat, as a process of its own that knows nothing of this project.

    python tests/benchmarks/pipecat_peer.py FIRST_PORT CALLS ANSWER_SECONDS

It serves a call on each port from FIRST_PORT on and says `ready`. A pipeline is what Pipecat's guides show: its
WebSocket transport with raw PCM, its Silero detector, a speech-to-text service by segments, its user aggregator, a
language model, a voice, and its assistant aggregator. All engines are instant; its turns end as early as Pipecat can,
with the detector's own silence and nothing after it.
"""

from __future__ import annotations

import asyncio
import sys
from array import array
from collections.abc import AsyncGenerator
from dataclasses import fields
from math import pi, sin
from typing import Any

from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

RATE = 16_000
END_SILENCE = 0.3
HEARD = "I have heard you"
REPLY = "This is what I have to say."


class RawPcm(FrameSerializer):
    """16-bit mono PCM and nothing else in both directions."""

    async def serialize(self, frame: Frame) -> bytes | None:
        return frame.audio if isinstance(frame, OutputAudioRawFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        return InputAudioRawFrame(audio=data, sample_rate=RATE, num_channels=1) if isinstance(data, bytes) else None


class InstantStt(SegmentedSTTService):
    """Hears the same words in any sound."""

    @property
    def wants_wav_segments(self) -> bool:
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield TranscriptionFrame(HEARD, "caller", time_now_iso8601())


class InstantModel(LLMService):
    """Gives the same answer to anything."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self.push_frame(LLMFullResponseStartFrame())
            await self._push_llm_text(REPLY)
            await self.push_frame(LLMFullResponseEndFrame())
        else:
            await self.push_frame(frame, direction)


class PreparedSound(TTSService):
    """Has the sound of its answer ready."""

    def __init__(self, pcm: bytes, **options: Any) -> None:
        super().__init__(push_start_frame=True, push_stop_frames=True, sample_rate=RATE, **options)
        self._pcm = pcm

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        yield TTSAudioRawFrame(self._pcm, RATE, 1, context_id=context_id)


def tone(seconds: float) -> bytes:
    """A loud sound."""
    return array("h", (int(8000 * sin(2 * pi * 500 * n / RATE)) for n in range(int(seconds * RATE)))).tobytes()


def serve(port: int, pcm: bytes) -> PipelineWorker:
    """A call on a port."""
    params = SingleClientWebsocketServerParams(
        audio_in_enabled=True, audio_out_enabled=True, add_wav_header=False, serializer=RawPcm()
    )
    transport = SingleClientWebsocketServerTransport(params, "127.0.0.1", port)
    strategies = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()], stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)]
    )
    aggregators = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=END_SILENCE)), user_turn_strategies=strategies
        ),
    )
    unset = dict.fromkeys(field.name for field in fields(LLMSettings) if field.name != "extra")
    pipeline = Pipeline(
        [
            transport.input(),
            InstantStt(ttfs_p99_latency=0.0, settings=STTSettings(model=None, language=None)),
            aggregators.user(),
            InstantModel(settings=LLMSettings(**unset)),
            PreparedSound(pcm, settings=TTSSettings(model=None, voice=None, language=None)),
            transport.output(),
            aggregators.assistant(),
        ]
    )
    params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    return PipelineWorker(
        pipeline, params=params, enable_rtvi=False, idle_timeout_secs=None, check_dangling_tasks=False
    )


async def main(first_port: int, calls: int, answer_seconds: float) -> None:
    pcm = tone(answer_seconds)
    runner = WorkerRunner(handle_sigint=True, handle_sigterm=True)
    await runner.add_workers(*(serve(first_port + number, pcm) for number in range(calls)))
    print("ready", flush=True)
    await runner.run()


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
