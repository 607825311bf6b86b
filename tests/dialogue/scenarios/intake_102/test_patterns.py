"""The pattern language of the lexicon."""

import pytest

from dialogue.scenarios.intake_102.patterns import PatternSet
from dialogue.scenarios.intake_102.text import tokenise


def found(language, pattern, text):
    patterns = PatternSet(language, {"weapon": "нож|топор"})
    patterns.add("x", pattern)
    tokens = tokenise(text)
    return [(m.start, m.end) for m in patterns.find(patterns.words(tokens, [t.norm.isdigit() for t in tokens]))]


@pytest.mark.parametrize(
    ("language", "pattern", "text", "spans"),
    [
        ("ru", "нож", "двумя ножами", [(1, 2)]),
        ("ru", "=нож", "двумя ножами", []),
        ("ru", "стрел*", "там стрельба", [(1, 2)]),
        ("ru", "{weapon} .. рука", "топор был у него в руке", []),
        ("ru", "{weapon} .. рука", "топор у него в руке", [(0, 5)]),
        ("ru", "с ?большим {weapon}", "он с большим ножом", [(1, 4)]),
        ("ru", "резать !хлеб", "он режет хлеб", []),
        ("ru", "резать !хлеб", "он режет людей", [(1, 2)]),
        ("ru", "бить жена", "он бьёт. жена ушла", []),
        ("ru", "бить жена", "он дома. бьёт жену", [(2, 4)]),
        ("en", "no weapon", "He left. No weapon.", [(2, 4)]),
        ("en", "<num> =men", "there are 3 men", [(2, 4)]),
        ("en", "not breathe", "he isn't breathing", [(2, 4)]),
        ("kk", "пышақ", "пышағымен келді", [(0, 1)]),
    ],
)
def test_a_pattern_finds_what_it_says(language, pattern, text, spans):
    assert found(language, pattern, text) == spans


@pytest.mark.parametrize("pattern", ["", "?a b", ".. b", "!a b", "{nothing} a", "a||b", "a|b?"])
def test_a_malformed_pattern_is_refused(pattern):
    with pytest.raises(ValueError, match=r"begins with|no class|no word"):
        PatternSet("en").add("x", pattern)
