"""Every scenario file of the live door, as real calls: several at once, each judged by ear and by the record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async
from django.db import connections

from dialogue.scenarios.intake_102.schema import IncidentReport
from tests.evals.runner.office import DjangoOffice
from tests.evals.runner.operators import Operators
from tests.evals.runner.reading import Scene, read_scene
from tests.evals.runner.results import SceneResult
from tests.evals.runner.running import Place, run_scenes
from tests.fakes.openai_server import FakeOpenAI, completion, silent
from tests.live.conftest import QUICK
from tests.live.live_door import LiveDoor, shared_office
from tests.live.pbx import REPOSITORY, Sandbox

pytestmark = [pytest.mark.live, pytest.mark.alone, pytest.mark.django_db, pytest.mark.timeout(300)]

SCENES = [read_scene(path) for path in sorted((REPOSITORY / "tests" / "evals").glob("*/live/*.yaml"))]
CALLS_AT_ONCE = 6
"""The recogniser works on the same two cores as Asterisk and the callers' phones."""

LATE_SECONDS = 2.6
MODEL_SECONDS = "5"


async def late(server: FakeOpenAI, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Answer after a while, and never where the caller speaks of music."""
    if "music" in str(body["messages"][-1]["content"]):
        return await silent(server, request, body)
    await server.wait(LATE_SECONDS)
    known = {"language": "en", "summary": "A car was stolen.", "urgency": "medium", "category": "theft"}
    return completion(json.dumps({name: known.get(name) for name in IncidentReport.model_fields}))


@pytest.fixture(scope="module")
def results(
    running_sandbox: Sandbox, django_db_setup: None, django_db_blocker: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, SceneResult]]:
    """What became of all of them: those that need a door of their own go to it after the others."""
    for name, value in {**QUICK, "CALL_AI_SECONDS": "120"}.items():
        running_sandbox.set_global(name, value)
    folder = tmp_path_factory.mktemp("scenarios")
    with shared_office(django_db_blocker), ThreadPoolExecutor(1) as thread:
        # Django's synchronous part of the fixture and the calls' event loop live in threads of their own.
        yield thread.submit(asyncio.run, _run_all(running_sandbox, folder)).result()
    running_sandbox.set_global("ARI_APPS", "hotline")


async def _run_all(sandbox: Sandbox, folder: Path) -> dict[str, SceneResult]:
    try:
        async with (
            Operators(sandbox.registrar, sandbox.secrets["sip"]) as operators,
            FakeOpenAI() as model,
        ):
            model.then(late)
            place = Place(f"127.0.0.1:{sandbox.sip_port}", DjangoOffice(), operators)
            slow = {
                "LLM_ENGINE": "openai",
                "OPENAI_BASE_URL": model.base_url,
                "LLM_SECONDS": MODEL_SECONDS,
            }
            warm = {"TRANSFER": "warm", "OPERATORS": "PJSIP/operator1"}
            found = []
            for app, settings, needs in (
                ("plain", {}, None),
                ("slow", slow, "slow_model"),
                ("warm", warm, "warm_transfer"),
            ):
                scenes = [scene for scene in SCENES if scene.script.needs == needs]
                found += await _run_at(sandbox, LiveDoor(sandbox, folder, app, **settings), scenes, place)
    finally:
        await sync_to_async(connections.close_all)()
    return {result.name: result for result in found}


async def _run_at(sandbox: Sandbox, door: LiveDoor, scenes: list[Scene], place: Place) -> list[SceneResult]:
    await asyncio.to_thread(door.start)
    try:
        await asyncio.to_thread(sandbox.set_global, "ARI_APPS", door.app)
        results = await run_scenes(scenes, place, parallel=CALLS_AT_ONCE)
        # Limits hold for a call that has the machine to itself, not for what the others leave of it.
        late = [scene for scene, result in zip(scenes, results, strict=True) if result.late]
        alone = {result.name: result for result in await run_scenes(late, place, parallel=1)}
        return [alone.get(result.name, result) for result in results]
    finally:
        await asyncio.to_thread(door.stop)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_scenario_is_lived_through(scene: Scene, results: dict[str, SceneResult]) -> None:
    result = results[scene.name]
    print("\n".join(result.lines()))
    assert result.passed
