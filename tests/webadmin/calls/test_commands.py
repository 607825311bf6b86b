"""The commands an administrator types about records."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command

from tests.webadmin.calls.steps import whole_call
from tests.webadmin.calls.test_shipping import dead_folder, lines_of
from webadmin.calls.models import Call

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_replay_brings_in_what_a_dead_process_left(tmp_path: Path):
    call_id = uuid4()
    dead_folder(tmp_path, lines_of(call_id, whole_call()))
    said = run("replay_journal", "--folder", str(tmp_path))
    assert said == "1 journals brought in, 1 calls ended, 0 journals in use.\n"
    assert Call.objects.get(pk=call_id).status == "completed"


def test_retain_says_what_went():
    assert run("retain") == "0 recordings, 0 utterances, 0 calls deleted.\n"
