"""Numbers as words, in the case and gender that their place asks for."""

from __future__ import annotations

import re
from functools import lru_cache

from num2words import num2words  # type: ignore[import-untyped]

from dialogue.spoken.tables import table

GREATEST = 10**15
"""Numbers from here on are read digit by digit."""

NOMINATIVE = "n"

_PACKAGE = {"ru": "ru", "uk": "uk", "kk": "kz", "en": "en"}
_UKRAINIAN_CASES = {
    "n": "nominative", "g": "genitive", "d": "dative", "a": "accusative", "i": "instrumental", "p": "locative",
}  # fmt: skip
_UKRAINIAN_ORDINALS = {
    "m": {"n": "ий", "g": "ого", "d": "ому", "a": "ий", "i": "им", "p": "ому"},
    "n": {"n": "е", "g": "ого", "d": "ому", "a": "е", "i": "им", "p": "ому"},
    "f": {"n": "а", "g": "ої", "d": "ій", "a": "у", "i": "ою", "p": "ій"},
    "p": {"n": "і", "g": "их", "d": "им", "a": "і", "i": "ими", "p": "их"},
}
_SOFT = {"и": "і", "о": "ьо", "е": "є", "а": "я", "у": "ю", "і": "і"}
"""The endings of "третій" begin with these where those of other ordinals begin with the letters before."""

_RUSSIAN_PLURALS = {"n": "n", "g": "g", "d": "d", "a": "n", "i": "i", "p": "p"}


@lru_cache(maxsize=20_000)
def cardinal(number: int, language: str, case: str = NOMINATIVE, gender: str = "m") -> str:
    """Return a whole number from 0 to `GREATEST` in words.

    Args:
        number: the number.
        language: ISO 639-1 code.
        case: n, g, d, a, i or p (nominative to prepositional); Russian and Ukrainian.
        gender: m, f or n of what is counted; Russian and Ukrainian.
    """
    match language:
        case "ru":
            words = num2words(number, lang="ru", case=case, gender=gender, animate=False)
            # "одна" before "тысяча" is said by nobody who reads a price or an address aloud.
            for one, thousand in (("одна тысяча", "тысяча"), ("одной тысячи", "тысячи"), ("одну тысячу", "тысячу")):
                if words.startswith(one):
                    words = thousand + words[len(one) :]
        case "uk":
            named = "feminine" if gender == "f" else "masculine"
            words = num2words(number, lang="uk", case=_UKRAINIAN_CASES[case], gender=named)
            # The package has animate accusatives; what is counted on the telephone is mostly none.
            if case == "a" and gender != "f":
                words = num2words(number, lang="uk")
            words = words.removeprefix("одна ") if words.startswith("одна тисяча") else words
            if case == "g":
                # The package has the hundreds wrong in this case.
                words = re.sub(r"(?<=\w\w\w)ста\b", "сот", words)
            if gender == "n" and case in "na" and words.endswith("один"):
                words = words.removesuffix("один") + "одне"
        case "kk":
            words = num2words(number, lang="kz")
            words = words.removeprefix("бір ") if words.startswith("бір мың") else words
        case _:
            words = num2words(number, lang=_PACKAGE[language]).replace(",", "")
    return str(words)


@lru_cache(maxsize=20_000)
def ordinal(number: int, language: str, case: str = NOMINATIVE, gender: str = "m") -> str:
    """Return a whole number as an ordinal; the gender may be p for the plural."""
    match language:
        case "ru":
            if gender == "p":
                return str(num2words(number, lang="ru", to="ordinal", case=_RUSSIAN_PLURALS[case], plural=True))
            return str(num2words(number, lang="ru", to="ordinal", case=case, gender=gender, animate=False))
        case "uk":
            words = str(num2words(number, lang="uk", to="ordinal")) if number else "нульовий"
            words = words.removeprefix("одна ") if words.startswith("одна тисяча") else words
            return _ukrainian_ordinal(words, case, gender)
        case "kk":
            *before, last = cardinal(number, "kk").split()
            return " ".join([*before, table("kk").ordinals[last]])
        case _:
            return str(num2words(number, lang=_PACKAGE[language], to="ordinal")).replace(",", "")


@lru_cache(maxsize=2_000)
def year(number: int) -> str:
    """Return a year as it is said in English."""
    return str(num2words(number, lang="en", to="year")).replace(",", "")


def digits(text: str, language: str) -> str:
    """Return digits one by one, a comma after each third where there are many."""
    names = [table(language).zero if d == "0" else cardinal(int(d), language) for d in text]
    step = 3 if len(names) > 4 else len(names) or 1
    return ", ".join(" ".join(names[i : i + step]) for i in range(0, len(names), step))


def _ukrainian_ordinal(nominative: str, case: str, gender: str) -> str:
    stem, soft = nominative[:-2], nominative.endswith("ій")
    ending = _UKRAINIAN_ORDINALS[gender][case]
    if soft:
        ending = {"ого": "ього", "ому": "ьому"}.get(ending, _SOFT[ending[0]] + ending[1:])
    return stem + ending
