"""The scenarios there are. A scenario's module loads when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from dialogue.errors import ConfigurationError
from dialogue.ports import Scenario

SCENARIOS: dict[str, str] = {
    "intake_102": "dialogue.scenarios.intake_102.scenario:Intake102",
}
"""Name of each scenario and where its class stands, as ``module:class``."""


def load(name: str) -> Scenario:
    """Make a scenario by its name.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in SCENARIOS:
        raise ConfigurationError(f"There is no scenario {name!r}: choose one of {', '.join(sorted(SCENARIOS))}.")
    module, _, cls = SCENARIOS[name].partition(":")
    return cast(Scenario, getattr(import_module(module), cls)())
