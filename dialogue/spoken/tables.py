"""The words of each language that numbers and abbreviations are read with, from data/<language>.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from dialogue.errors import ConfigurationError

LANGUAGES = ("ru", "kk", "uk", "en")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Counted(_Strict):
    """A thing that is counted.

    Args:
        forms: its name with 1, with 2 to 4, and with 5 or more; one form where it never changes. The number stands
            before the name, or where the name has ``{}``.
        gender: m, f or n.
        hundredth: name in ``units`` of its hundredth part, where prices have one.
    """

    forms: tuple[str, ...]
    gender: str = "m"
    hundredth: str = ""


class Table(_Strict):
    """The words of one language.

    Args:
        zero: name of the digit 0 where digits are read one by one.
        words: single words that readings are put together with.
        months: names in the form that follows a day.
        units: what stands behind a number, with its names.
        magnitudes: names in ``units`` that may stand between a sum and its money.
        signs: signs and codes of money, to names in ``units``.
        places: abbreviations of parts of an address, to their nouns.
        numbered: parts of an address that count only before a number: ``д.``, ``кв.``.
        named: parts of an address that count only before a capital letter: ``г.``, ``с.``.
        abbreviations: other abbreviations with a full stop, to words.
        spelled: capitals that are read letter by letter though they have a vowel.
        capitals: capitals read in a way of their own.
        letters: names of letters.
        vowels: letters that make a word of capitals readable.
        cases: words after which numbers and names stand in another case, by case.
        endings: what is written behind a numeral for an ordinal, with gender and case; for Kazakh, suffixes.
        ordinals: ordinals of numerals, where the language's package knows none.
    """

    zero: str
    words: dict[str, str]
    months: tuple[str, ...]
    units: dict[str, Counted]
    magnitudes: tuple[str, ...]
    signs: dict[str, str]
    places: dict[str, str] = {}
    numbered: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    abbreviations: dict[str, str] = {}
    spelled: tuple[str, ...] = ()
    capitals: dict[str, str] = {}
    letters: dict[str, str] = {}
    vowels: str = ""
    cases: dict[str, tuple[str, ...]] = {}
    endings: dict[str, str] = {}
    ordinals: dict[str, str] = {}


@cache
def table(language: str) -> Table:
    """Return the words of a language in `LANGUAGES`. Raises ConfigurationError where the file is damaged."""
    path = Path(__file__).parent / "data" / f"{language}.yaml"
    try:
        return Table.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"data/{path.name} of the spoken words cannot be read: {error}.") from error
