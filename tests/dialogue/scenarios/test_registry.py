"""A scenario is chosen by its name."""

import pytest

from dialogue.errors import ConfigurationError
from dialogue.scenarios.registry import SCENARIOS, load


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_listed_scenario_opens_in_each_of_its_languages(name):
    scenario = load(name)
    assert scenario.name == name
    for language in scenario.languages:
        assert scenario.open(language).greeting().language == language


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"^There is no scenario 'x': choose one of intake_102\.$"):
        load("x")


def test_a_language_that_is_not_spoken_is_refused():
    with pytest.raises(ConfigurationError, match="does not speak 'fr'"):
        load("intake_102").open("fr")
