"""One clock for all streams."""

from __future__ import annotations

import asyncio
import time

from ari_app.media.pacer import FRAME_SECONDS, SLOT_SECONDS, Pacer


class Speaking:
    def __init__(self, frames: int) -> None:
        self.left = frames
        self.times: list[float] = []

    def send_frame(self) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.times.append(asyncio.get_running_loop().time())
        return True


async def test_turns_do_not_drift() -> None:
    pacer, stream = Pacer(), Speaking(25)
    pacer.start(stream, 0)
    await asyncio.sleep(26 * FRAME_SECONDS)
    first = stream.times[0]
    late = sorted(at - first - number * FRAME_SECONDS for number, at in enumerate(stream.times))
    assert stream.left == 0
    assert late[len(late) // 2] < 0.01


async def test_a_loop_that_was_busy_is_made_up_for_by_one_frame_and_never_by_a_burst() -> None:
    pacer, stream = Pacer(), Speaking(100)
    pacer.start(stream, 0)
    await asyncio.sleep(2.5 * FRAME_SECONDS)
    before = len(stream.times)
    time.sleep(10 * FRAME_SECONDS)  # noqa: ASYNC251  # the loop is to be busy
    await asyncio.sleep(SLOT_SECONDS / 2)
    assert len(stream.times) - before <= 3
    pacer.close()


async def test_each_stream_has_its_own_turn_and_a_stopped_one_none() -> None:
    loop = asyncio.get_running_loop()
    pacer, streams = Pacer(), [Speaking(100) for _ in range(8)]
    begun = loop.time()
    for number, stream in enumerate(streams):
        pacer.start(stream, begun + number * SLOT_SECONDS)
    await asyncio.sleep(4 * FRAME_SECONDS)
    assert all(len(stream.times) >= 2 for stream in streams)
    pacer.stop(streams[0])
    had = len(streams[0].times)
    await asyncio.sleep(3 * FRAME_SECONDS)
    assert len(streams[0].times) == had
    pacer.close()
