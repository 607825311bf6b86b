"""What is written in digits and abbreviations is spoken as people say it, and nothing else reaches a voice."""

import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue.spoken import LANGUAGES, LONGEST, spoken
from dialogue.spoken.kazakh import suffixed
from dialogue.spoken.numerals import cardinal, ordinal
from dialogue.spoken.tables import table

EXAMPLES = {
    language: yaml.safe_load((Path(__file__).parent / "examples" / f"{language}.yaml").read_text("utf-8"))
    for language in LANGUAGES
}
PAIRS = [(language, written, said) for language, pairs in EXAMPLES.items() for written, said in pairs.items()]
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
WRITTEN = "0123456789 .,:-/+()№%$₸кмчгдулвп.<>[]*_#&;АБВабв\n٣²½Ⅳ"


def assert_speakable(said: str) -> None:
    assert not [c for c in said if c.isdigit() or unicodedata.category(c)[0] == "C" or c in "<>[]{}*`|\\"]
    assert len(said) <= LONGEST


@pytest.mark.parametrize(("language", "written", "said"), PAIRS)
def test_it_is_said_as_people_say_it(language, written, said):
    assert spoken(written, language) == said


def test_each_language_has_its_examples():
    assert {language: len(pairs) >= 40 for language, pairs in EXAMPLES.items()} == dict.fromkeys(LANGUAGES, True)


@pytest.mark.parametrize(("language", "said"), [(language, said) for language, _, said in PAIRS])
def test_plain_words_pass_as_they_are(language, said):
    assert spoken(said, language) == said


@pytest.mark.parametrize("language", LANGUAGES)
@given(st.text(st.characters(), max_size=400))
@QUIET
def test_of_any_text_only_speech_is_left(language, text):
    said = spoken(text, language)
    assert_speakable(said)
    assert spoken(said, language) == said


@pytest.mark.parametrize("language", LANGUAGES)
@given(st.text(st.sampled_from(WRITTEN), max_size=80))
@QUIET
def test_no_digit_is_left_however_it_is_written(language, text):
    assert_speakable(spoken(text, language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "unit",
    ["7", "1 ", "+7 701 123 45 67 ", "<", "<a ", "МЧС ", "&amp;", "&lt;b&gt;", "[", "[a](", "_ ", "😀", "\ud800",
     "\x00", "a\n", "на улице ", "-", "﷽", "д. 5/"],
)  # fmt: skip
def test_ten_thousand_characters_of_anything_are_bounded(language, unit):
    assert_speakable(spoken((unit * 10_000)[:10_000], language))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<speak><break time='2s'/>Ждите <emphasis>на линии</emphasis>.</speak>", "Ждите на линии."),
        ("&lt;audio src=&quot;/etc/passwd&quot;/&gt; Ждите", "Ждите"),
        ("# Ждите\n- на линии\n- не кладите трубку", "Ждите. на линии. не кладите трубку"),
        ("Жди\u00adте\u200b на\u202e линии\x00\x1b[2J", "Ждите на линии, два J"),
        ("[сюда](http://x.y/z)", "сюда"),
        ("!!!!!!", ""),
        (" \n\t\u2028 ", ""),
        ("😀👍🏽", ""),
    ],
)
def test_markup_and_control_characters_are_not_said(text, said):
    assert spoken(text, "ru") == said


def test_a_language_without_rules_keeps_its_digits_and_loses_its_markup():
    assert spoken("<b>Zimmer</b> 5", "de") == "Zimmer 5"


def test_a_text_that_grows_too_long_ends_with_a_whole_word():
    said = spoken("777 " * 1200, "ru")
    assert len(said) <= LONGEST
    assert said.split()[-1] in "семьсот семьдесят семь"


@pytest.mark.parametrize("language", LANGUAGES)
@given(st.integers(min_value=0, max_value=10**15 - 1))
@QUIET
def test_every_number_has_words_in_every_case(language, number):
    for case in "ngdaip" if language in {"ru", "uk"} else "n":
        for words in (cardinal(number, language, case, "f"), ordinal(number, language, case, "f")):
            assert words
            assert not any(c.isdigit() for c in words)


@pytest.mark.parametrize(
    ("number", "case", "gender", "said"),
    [
        (200, "g", "m", "двохсот"),
        (1, "n", "n", "одне"),
        (3, "g", "m", "трьох"),
        (1500, "n", "m", "тисяча п'ятсот"),
        (2, "a", "m", "два"),
    ],
)
def test_ukrainian_numerals_where_the_package_alone_is_wrong(number, case, gender, said):
    assert cardinal(number, "uk", case, gender) == said


def test_ukrainian_ordinals_are_declined():
    assert [ordinal(3, "uk", case, "m") for case in "ngdi"] == ["третій", "третього", "третьому", "третім"]
    assert [ordinal(25, "uk", "g", gender) for gender in "mfnp"] == [
        "двадцять п'ятого", "двадцять п'ятої", "двадцять п'ятого", "двадцять п'ятих",
    ]  # fmt: skip
    assert ordinal(0, "uk") == "нульовий"


@pytest.mark.parametrize(
    ("word", "kind", "said"),
    [
        ("алты", "dative", "алтыға"),
        ("бес", "ablative", "бестен"),
        ("он", "ablative", "оннан"),
        ("отыз", "locative", "отызда"),
        ("үш", "accusative", "үшті"),
        ("екі", "genitive", "екінің"),
        ("төрт", "instrumental", "төрт пен"),
    ],
)
def test_kazakh_suffixes_are_in_harmony_with_the_word(word, kind, said):
    assert suffixed(word, kind) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_each_language_are_whole(language):
    words = table(language)
    assert len(words.months) == 12
    assert {len(kind.forms) for kind in words.units.values()} <= ({1, 3} if language in {"ru", "uk"} else {1, 2})
    assert {*words.signs.values(), *words.magnitudes} <= set(words.units)
    assert {kind.hundredth for kind in words.units.values()} <= {*words.units, ""}
    assert {*words.numbered, *words.named} <= set(words.places)
