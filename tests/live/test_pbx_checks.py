"""What `doctor` says of the live door, against a real Asterisk: all well, and each part missing by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ari_app.ami import AmiAddress, connect
from ari_app.watchdog import Watchdog
from tests.live.instance import Instance
from tests.live.pbx import Sandbox
from tests.services import free_port
from webadmin.config import Config, load_config
from webadmin.operations.checks import Finding
from webadmin.operations.pbx_checks import check_live_door

pytestmark = pytest.mark.live


def settings(sandbox: Sandbox, folder: Path, **changes: str) -> Config:
    environment = {
        "ARI_URL": f"http://127.0.0.1:{sandbox.http_port}",
        "ARI_PASSWORD": sandbox.secrets["ari"],
        "AMI_PORT": str(sandbox.ami_port),
        "AMI_PASSWORD": sandbox.secrets["ami"],
        "ARI_APP": "hotline",
    }
    return load_config(environment | changes, folder)


@asynccontextmanager
async def watching(sandbox: Sandbox) -> AsyncIterator[None]:
    stop = asyncio.Event()
    address = AmiAddress(port=sandbox.ami_port, password=sandbox.secrets["ami"])
    watch = asyncio.create_task(Watchdog(lambda: connect(address)).run(stop))
    try:
        await asyncio.sleep(1)
        yield
    finally:
        stop.set()
        await watch


def failed(findings: list[Finding]) -> dict[str, str]:
    return {found.name: found.detail for found in findings if not found.ok}


async def test_all_is_well_and_then_each_part_is_missed(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.set_global("ARI_APPS", "hotline")
    with Instance(sandbox, "hotline", tmp_path):
        async with watching(sandbox):
            findings = await check_live_door(settings(sandbox, tmp_path))
            assert failed(findings) == {}
            assert [found.name for found in findings] == ["ari", "live_door", "media_channel", "ami", "watchdog"]
            assert "22.10" in findings[0].detail
            assert "WebSocket" not in sandbox.cli("core show channels concise"), (
                "the media channel that was tried is gone"
            )

            other = await check_live_door(settings(sandbox, tmp_path, ARI_APP="other"))
            assert "application other" in failed(other)["live_door"]
            assert "does not name other" in failed(other)["watchdog"]
            assert failed(await check_live_door(settings(sandbox, tmp_path, AMI_PASSWORD="wrong"))).keys() == {
                "ami",
                "watchdog",
            }
            refused = failed(await check_live_door(settings(sandbox, tmp_path, ARI_PASSWORD="wrong")))
            assert "correct ARI_PASSWORD" in refused["ari"]
            assert "wrong" not in str(refused)
            away = failed(await check_live_door(settings(sandbox, tmp_path, AMI_PORT=str(free_port()))))
            assert "does not answer" in away["ami"]


async def test_without_a_password_there_is_no_live_door_and_nothing_fails(tmp_path: Path) -> None:
    findings = await check_live_door(load_config({}, tmp_path))
    assert failed(findings) == {}
    assert "112 and 113 go to the operators" in findings[0].detail
