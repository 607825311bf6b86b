"""An engine that hangs leaves the next one its share of the time."""

from __future__ import annotations

import asyncio
from typing import Any

from dialogue.errors import Stage
from dialogue.failover import Chain
from webadmin.wiring import _patience


class Engine:
    def __init__(self, name: str) -> None:
        self.name = name

    async def close(self) -> None: ...


async def test_the_second_engine_serves_where_the_first_hangs() -> None:
    policy = _patience(0.4, 2)
    chain: Chain[Any] = Chain(Stage.SPEECH_TO_TEXT, [Engine("hangs"), Engine("works")], policy, _clock(), None)

    async def use(engine: Engine) -> str:
        if engine.name == "hangs":
            await asyncio.sleep(60)
        return engine.name

    assert (await chain.run(use)).value == "works"


def test_one_engine_alone_has_all_the_time() -> None:
    assert _patience(8.0, 1).attempt == 8.0


def _clock() -> Any:
    return asyncio.get_running_loop().time
