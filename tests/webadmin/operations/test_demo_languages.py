"""The demo's caller in each language."""

from __future__ import annotations

import pytest

from dialogue.scenarios import registry as scenarios
from webadmin.operations.command import HotlineCommand
from webadmin.operations.demo import CALLER_SAYS, choose_ports, spoken


@pytest.mark.parametrize("language", sorted(CALLER_SAYS))
async def test_the_caller_speaks_every_sentence(language: str) -> None:
    assert language in scenarios.load("intake_102").languages
    for sentence in CALLER_SAYS[language]:
        assert 0.2 < (await spoken(sentence, language)).seconds < 6


def test_the_services_begin_the_call_in_the_callers_language() -> None:
    assert choose_ports().environment("kk")["CALL_LANGUAGE"] == "kk"


def test_the_caller_speaks_on_the_loop_that_commands_run_on() -> None:
    assert HotlineCommand.run_async(spoken("hello", "en")).seconds > 0.2
