"""Django's settings for the tests: the real ones, on a PostgreSQL and a folder of the test run's own.

pytest-django reads the settings before any conftest is imported, so that the environment is made here.
"""

import os
import tempfile

import pytest

from tests.services import PostgreSQL, ServiceError

TAKEN_OUT = (
    "CELERY_BROKER_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "MEDIA_ROOT",
    "SPOOL_DIR",
    "LLM_ENGINE",
    "LLM_MODEL",
)
for name in TAKEN_OUT:
    os.environ.pop(name, None)

try:
    TEST_SERVER = PostgreSQL()
except ServiceError as error:
    pytest.exit(str(error), returncode=3)

os.environ.update(
    DATABASE_URL=TEST_SERVER.url,
    VAR_DIR=tempfile.mkdtemp(prefix="hotline-test-"),
    ENV_FILE=os.devnull,
    SECRET_KEY="only-for-the-tests",
    DEBUG="0",
    # What a test starts as a process of its own reads the real settings, with this environment.
    DJANGO_SETTINGS_MODULE="webadmin.settings",
)

from webadmin.settings import *  # noqa: E402, F403

# A hash that is quick to make: the tests log in often.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
