"""What every test may ask for. The run's PostgreSQL is started by `tests.settings`."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.services import PostgreSQL, Redis


def pytest_collection_finish() -> None:
    # What was imported and collected lives as long as the run: full collections of garbage pass over it.
    gc.freeze()


def pytest_unconfigure() -> None:
    settings.TEST_SERVER.close()
    shutil.rmtree(settings.VAR_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis of this run's own."""
    redis = Redis()
    yield redis.url
    redis.close()


@pytest.fixture
def postgresql_server() -> Iterator[PostgreSQL]:
    """The server the tests run on. A test may stop it; it runs again afterwards."""
    server: PostgreSQL = settings.TEST_SERVER
    yield server
    if not server.runs:
        server.start()
