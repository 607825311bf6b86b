"""Places of Kazakhstan by name, in the letters and with the endings of any of the three languages.

A word is brought to a skeleton: Kazakh letters folded, Russian ones transliterated, what is spelt in several ways made
one. "Сәтпаевта", "Сатпаева" and "Satpayev" are then one name with endings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

import yaml

from dialogue.errors import ConfigurationError
from dialogue.scenarios.intake_102.morphology import is_geographic
from dialogue.scenarios.intake_102.spelling import is_russian
from dialogue.scenarios.intake_102.text import Token

_FILE = Path(__file__).with_name("places.yaml")
_LONGEST_NAME = 3
_CYRILLIC = {
    **dict(zip("абвгдезийклмнопрстуфхыэ", "abvgdeziiklmnoprstufhie", strict=True)),
    **dict(zip("әғқңөұүһі", "agknouuhi", strict=True)),
    "ж": "j",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "sh",
    "ю": "iu",
    "я": "ia",
    "ё": "e",
    "ь": "",
    "ъ": "",
}
_LATIN = (("zh", "j"), ("kh", "h"), ("gh", "g"), ("y", "i"), ("q", "k"), ("w", "v"), ("x", "ks"), ("dj", "j"))


class PlaceKind(StrEnum):
    """What a known name is a name of; one name may be several."""

    STREET = "streets"
    DISTRICT = "districts"
    SETTLEMENT = "settlements"
    CITY = "cities"
    LANDMARK = "landmarks"


@dataclass(frozen=True, slots=True)
class KnownName:
    """A known name in an utterance.

    Args:
        end: index behind its last token.
        name: in the spelling of the list.
        kinds: what it is a name of.
        number: what follows it behind a hyphen: "4" in "Аксай-4".
        common: it is also an ordinary word.
    """

    end: int
    name: str
    kinds: frozenset[PlaceKind]
    number: str | None
    common: bool


@lru_cache(maxsize=50_000)
def skeleton(word: str) -> str:
    """One spelling for a normalised word in Russian, Kazakh and Latin letters."""
    if word.isascii():
        for letters, other in _LATIN:
            word = word.replace(letters, other)
    else:
        word = "".join(_CYRILLIC.get(c, c) for c in word)
    word = re.sub(r"(.)\1+", r"\1", word)
    return re.sub(r"([aeiou])i(?=e)", r"\1", word)


@cache
def _lists() -> dict[str, str]:
    try:
        return {str(name): str(text) for name, text in yaml.safe_load(_FILE.read_text(encoding="utf-8")).items()}
    except (OSError, yaml.YAMLError, AttributeError) as error:
        raise ConfigurationError(f"{_FILE.name} of intake_102 cannot be read: {error}.") from error


@cache
def word_list(name: str) -> tuple[str, ...]:
    """A list of places.yaml. Raises KeyError where there is none of that name, ConfigurationError without the file."""
    return tuple(_lists()[name].split())


@dataclass(frozen=True, slots=True)
class _Names:
    kinds: dict[tuple[str, ...], frozenset[PlaceKind]]
    written: dict[tuple[str, ...], str]
    common: frozenset[tuple[str, ...]]
    bases: dict[str, tuple[str, ...]]


def _names() -> _Names:
    kinds: dict[tuple[str, ...], frozenset[PlaceKind]] = {}
    written: dict[tuple[str, ...], str] = {}
    common: set[tuple[str, ...]] = set()
    bases: dict[str, set[str]] = {}
    ordinary = set(word_list("ordinary_words"))
    for kind in PlaceKind:
        for name in word_list(kind.value):
            words = name.split("_")
            key = tuple(skeleton(word) for word in words)
            written.setdefault(key, " ".join(word.capitalize() for word in words))
            kinds[key] = kinds.get(key, frozenset()) | {kind}
            streets = kind in {PlaceKind.STREET, PlaceKind.DISTRICT} and is_russian(name) and not is_geographic(name)
            if len(words) == 1 and (name in ordinary or streets):
                common.add(key)
            for part in key:
                for form in _inflected(part):
                    bases.setdefault(form, set()).add(part)
    return _Names(kinds, written, frozenset(common), {form: tuple(sorted(parts)) for form, parts in bases.items()})


def _inflected(part: str) -> set[str]:
    """A part of a name with every case ending; what it is taken from loses its own last vowel."""
    forms = {part} | {part + ending for ending in word_list("skeleton_endings")}
    if part.endswith("aia"):
        forms |= {part.removesuffix("aia") + ending for ending in ("oi", "uiu")}
    elif part.endswith("a"):
        forms |= {part[:-1] + ending for ending in ("i", "u", "e", "oi")}
    elif part[-2:] in {"ai", "ei", "oi"}:
        forms |= {part[:-1] + ending for ending in ("ia", "iu", "e", "em", "iem")}
    elif part.endswith("oe"):
        forms |= {part[:-1] + ending for ending in ("m", "go", "mu")}
    elif part.endswith("o"):
        forms |= {part[:-1] + ending for ending in ("a", "u", "e", "om")}
    elif part.endswith("ek"):
        forms.add(part[:-1] + "ga")
    return {skeleton(form) for form in forms}


_NAMES = _names()


@lru_cache(maxsize=50_000)
def _parts(norm: str) -> tuple[str, ...]:
    return tuple(skeleton(part) for part in norm.split("-"))


def find_known(tokens: Sequence[Token], index: int) -> KnownName | None:
    """The longest known name that begins at a token, within its clause."""
    names = _NAMES
    found: KnownName | None = None
    edge: list[tuple[str, ...]] = [()]
    for at in range(index, min(index + _LONGEST_NAME, len(tokens))):
        if tokens[at].sentence != tokens[index].sentence or (
            tokens[at].clause != tokens[index].clause and at > index + 1
        ):
            break
        parts = _parts(tokens[at].norm)
        for position, part in enumerate(parts):
            edge = [(*before, base) for before in edge for base in names.bases.get(part, ())]
            rest = tokens[at].norm.split("-", position + 1)[position + 1 :]
            known = [key for key in edge if key in names.kinds]
            if known and len(rest) < 2 and (not rest or _is_number(rest[0])):
                kinds = frozenset[PlaceKind]().union(*(names.kinds[key] for key in known))
                common = all(key in names.common for key in known) and not rest
                found = KnownName(at + 1, names.written[known[0]], kinds, rest[0] if rest else None, common)
        if not edge:
            break
    return found


def _is_number(part: str) -> bool:
    return part[:1].isdigit() or part in word_list("small_numbers")
