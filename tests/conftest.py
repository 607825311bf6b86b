"""The test run's environment: a private PostgreSQL, a private folder for what is written, no broker, no `.env`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import PostgreSQL, Redis, ServiceError

VAR_DIR = Path(tempfile.mkdtemp(prefix="hotline-test-"))
_services: list[PostgreSQL] = []

# Before any Django setting is read: pytest-django loads them in `pytest_load_initial_conftests`, right after this file.
os.environ.update(VAR_DIR=str(VAR_DIR), ENV_FILE=os.devnull, SECRET_KEY="only-for-the-tests", DEBUG="0")
for _name in ("CELERY_BROKER_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "MEDIA_ROOT", "LLM_ENGINE", "LLM_MODEL"):
    os.environ.pop(_name, None)
if not os.environ.get("TEST_DATABASE_URL"):
    try:
        _services.append(PostgreSQL())
    except ServiceError as _error:
        pytest.exit(str(_error), returncode=3)
    os.environ["TEST_DATABASE_URL"] = _services[0].url
os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]


def pytest_unconfigure() -> None:
    for service in _services:
        service.close()
    shutil.rmtree(VAR_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis of this run's own."""
    redis = Redis()
    yield redis.url
    redis.close()


@pytest.fixture
def postgresql_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL for one test, which may stop and start it."""
    server = PostgreSQL()
    yield server
    server.close()
