"""Where it happens: an address found in the caller's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialogue.scenarios.intake_102.morphology import base_forms, is_adjective, is_genitive_name, is_geographic
from dialogue.scenarios.intake_102.numbers import Number
from dialogue.scenarios.intake_102.reading import Reading
from dialogue.scenarios.intake_102.schema import AddressConfidence
from dialogue.scenarios.intake_102.spelling import is_russian
from dialogue.scenarios.intake_102.text import Token
from dialogue.scenarios.intake_102.words import word_set

LONGEST = 200

_EN_TYPES = word_set("street_types", "en")
_EN_AMBIGUOUS = word_set("ambiguous_street_types", "en")
_EN_PLACES = word_set("places", "en")
_EN_STOP = word_set("not_in_street_names", "en")
_RU_TYPES = word_set("street_types", "ru")
_RU_PLACES = word_set("places", "ru")
_RU_NEAR = word_set("before_places", "ru")
_RU_STOP = word_set("not_in_street_names", "ru")
_KK_TYPES = ("көше", "даңғыл", "шағынаудан", "ықшамаудан", "ауыл", "тұйық", "алаң", "бульвар", "мөлтек", "аудан")
_KK_TITLES = word_set("titles", "kk")
_KK_STOP = word_set("not_in_street_names", "kk")
_UNITS = {
    "en": {
        "apartment": "apartment",
        "apt": "apartment",
        "flat": "flat",
        "building": "building",
        "floor": "floor",
        "house": "house",
        "entrance": "entrance",
        "block": "block",
    },
    "ru": {
        "дом": "дом",
        "д": "дом",
        "квартира": "квартира",
        "кв": "квартира",
        "корпус": "корпус",
        "корп": "корпус",
        "подъезд": "подъезд",
        "этаж": "этаж",
        "строение": "строение",
        "километр": "км",
    },
    "kk": {
        "үй": "үй",
        "пәтер": "пәтер",
        "подъезд": "подъезд",
        "кіреберіс": "кіреберіс",
        "қабат": "қабат",
        "корпус": "корпус",
    },
}
_NAME_LENGTH = 3
_COUNTED = word_set("measures") - {"дом", "квартира", "этаж"} | word_set("people", "ru")


@dataclass(frozen=True, slots=True)
class Place:
    """An address: how it is written, the exact words, how well it pins a place, and where it was said."""

    text: str
    words: str
    confidence: AddressConfidence
    turn: int


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    exact: bool


def find_place(reading: Reading) -> Place | None:
    """The best address of an utterance: one with a house number before a bare street, a street before a landmark."""
    finders: dict[str, Callable[[Sequence[Token], dict[int, Number], dict[int, Number]], list[_Span]]] = {
        "en": _english,
        "ru": _russian,
        "kk": _kazakh,
    }
    spans: list[tuple[bool, int, _Span, str]] = []
    for language in reading.languages:
        starts = {n.start: n for n in reading.numbers[language]}
        ends = {n.end: n for n in reading.numbers[language]}
        spans += [(s.exact, s.end - s.start, s, language) for s in finders[language](reading.tokens, starts, ends)]
    if not spans:
        return None
    _, _, span, language = max(spans, key=lambda s: (s[0], s[1], -s[2].start))
    confidence = AddressConfidence.HIGH if span.exact else AddressConfidence.MEDIUM
    return Place(
        _write(reading, span, language)[:LONGEST], reading.words(span.start, span.end), confidence, reading.turn
    )


def answered_place(reading: Reading) -> Place | None:
    """The words themselves, where the caller was asked for the address and names no street: a landmark, a house."""
    if not reading.tokens or len(reading.tokens) > 12:
        return None
    span = _Span(0, len(reading.tokens), any(reading.numbers.values()))
    text = _write(reading, span, reading.languages[0])[:LONGEST]
    return Place(text, reading.text, AddressConfidence.MEDIUM if span.exact else AddressConfidence.LOW, reading.turn)


def _write(reading: Reading, span: _Span, language: str) -> str:
    """The caller's words as people write an address: digits, a street's kind in its base form, names capitalised."""
    numbers = {n.start: n for n in reading.numbers[language]}
    spoken_small = reading.words(span.start, span.end).islower()
    parts: list[str] = []
    index, position = span.start, reading.tokens[span.start].start
    while index < span.end:
        number = numbers.get(index)
        last = number.end if number and number.end <= span.end else index + 1
        token = reading.tokens[index]
        parts.append(reading.text[position : token.start])
        word = reading.text[token.start : reading.tokens[last - 1].end]
        if number:
            word = word if token.norm[0].isdigit() else number.text
        elif index == span.start and language == "ru" and (kind := _street_kind(token.norm)):
            word = kind
        elif spoken_small and _is_name(token.norm, language):
            word = word.capitalize()
        parts.append(word)
        position = reading.tokens[last - 1].end
        index = last
    return "".join(parts).strip(" ,.")


def _street_kind(norm: str) -> str | None:
    """Base form of an inflected Russian word for a kind of street: "улице" is "улица"."""
    return next(iter(sorted(base_forms(norm, "ru") & _RU_TYPES - {norm})), None)


def _is_name(norm: str, language: str) -> bool:
    if language == "en":
        return norm not in {"of", "and", "the", "at", "near"}
    if language == "ru":
        return is_geographic(norm) and base_forms(norm, "ru").isdisjoint(_RU_TYPES | _RU_PLACES | set(_UNITS["ru"]))
    return False


def _tail(
    tokens: Sequence[Token], index: int, starts: dict[int, Number], language: str, *, bare: bool
) -> tuple[int, bool]:
    """Extend over ``[house] number [, flat number]…``: where it ends, and whether there was a number.

    Args:
        bare: the first number may stand without a word for it before.
    """
    numbered = False
    units = _UNITS[language]
    while index < len(tokens):
        forms = base_forms(tokens[index].norm, language)
        if bare and index in starts:
            index, numbered, bare = starts[index].end, True, False
            if (
                index < len(tokens)
                and len(tokens[index].norm) == 1
                and tokens[index].norm in "абвгдеabcd"
                and not numbered
            ):
                index += 1
        elif index + 1 in starts and not forms.isdisjoint(units):
            index, numbered, bare = starts[index + 1].end, True, False
        elif (
            language == "kk"
            and index in starts
            and starts[index].end < len(tokens)
            and not base_forms(tokens[starts[index].end].norm, "kk").isdisjoint(units)
        ):
            index, numbered = starts[index].end + 1, True
        elif (
            numbered
            and index in starts
            and tokens[index].norm[0].isdigit()
            and tokens[index - 1].clause != tokens[index].clause
        ):
            index = starts[index].end
        elif language == "kk" and numbered and not forms.isdisjoint(units):
            index += 1
        else:
            break
    return index, numbered


def _english(tokens: Sequence[Token], starts: dict[int, Number], ends: dict[int, Number]) -> list[_Span]:
    found = []
    for index, token in enumerate(tokens):
        if token.norm == "corner" and index + 4 < len(tokens) and tokens[index + 1].norm == "of":
            joint = next((i for i in range(index + 3, min(index + 6, len(tokens))) if tokens[i].norm == "and"), None)
            if joint and joint + 1 < len(tokens):
                end = joint + 2
                while end < len(tokens) and tokens[end].norm in _EN_TYPES:
                    end += 1
                found.append(_Span(index, end, True))
        if token.norm in {"microdistrict", "district"} and index + 1 in starts:
            end, numbered = _tail(tokens, starts[index + 1].end, starts, "en", bare=False)
            found.append(_Span(index, end, numbered))
        if token.norm not in _EN_TYPES:
            if token.norm in _EN_PLACES and index and tokens[index - 1].norm not in _EN_STOP and _led_in(tokens, index):
                found.append(_Span(index - 1, index + 1, False))
            continue
        first = _name_start(tokens, index, ends, _EN_STOP)
        numbered = first in ends and ends[first].start < first
        if numbered:
            first = ends[first].start
        if first == index or (not numbered and token.norm in _EN_AMBIGUOUS and not _led_in(tokens, first + 1)):
            continue
        end, tail = _tail(tokens, index + 1, starts, "en", bare=not numbered)
        found.append(_Span(first, end, numbered or tail))
    return found


def _led_in(tokens: Sequence[Token], index: int) -> bool:
    return any(
        t.norm in {"at", "near", "on", "in", "by", "outside", "behind"} for t in tokens[max(0, index - 3) : index]
    )


def _name_start(tokens: Sequence[Token], index: int, ends: dict[int, Number], stop: frozenset[str]) -> int:
    """Where the name before a street word begins."""
    first = index
    while first > 0 and index - first < _NAME_LENGTH:
        before = tokens[first - 1]
        if before.norm in stop or first in ends or before.clause != tokens[index].clause:
            break
        first -= 1
    if first in ends or index - first < 2:
        return first
    # Without a number before it, a longer run of words is a sentence rather than a name.
    return index - 1


def _russian(tokens: Sequence[Token], starts: dict[int, Number], ends: dict[int, Number]) -> list[_Span]:
    found = []
    for index, token in enumerate(tokens):
        forms = base_forms(token.norm, "ru")
        if token.norm in {"угол", "углу", "перекресток", "перекрестке", "пересечение", "пересечении", "угла"}:
            joint = next(
                (i for i in range(index + 2, min(index + 5, len(tokens))) if tokens[i].norm in {"и", "с", "—"}), None
            )
            if joint and joint + 1 < len(tokens):
                found.append(_Span(index, joint + 2, True))
            elif (
                index + 2 < len(tokens)
                and is_geographic(tokens[index + 1].norm)
                and is_geographic(tokens[index + 2].norm)
            ):
                found.append(_Span(index, index + 3, True))
        elif not forms.isdisjoint(_RU_TYPES):
            found += _russian_street(tokens, index, starts)
        elif not forms.isdisjoint(_RU_PLACES) and index and tokens[index - 1].norm in _RU_NEAR:
            end = index + 1
            if end + 1 in starts and tokens[end].norm in {"номер", "№"}:
                end = starts[end + 1].end
            elif end in starts:
                end = starts[end].end
            elif end < len(tokens) and tokens[end].clause == token.clause and is_geographic(tokens[end].norm):
                end += 1
            found.append(_Span(index - 1, end, False))
        elif (
            index + 1 < len(tokens)
            and token.norm not in _RU_STOP
            and (is_geographic(token.norm) or not is_russian(token.norm))
            and forms.isdisjoint(_UNITS["ru"])
            and index not in starts
        ):
            named = index + 1 + (tokens[index + 1].norm in _KK_TITLES)
            end, numbered = _tail(tokens, named, starts, "ru", bare=True)
            if numbered and not _counts(tokens, end):
                found.append(_Span(index, end, True))
            elif index and tokens[index - 1].norm in {"на", "по"} and is_genitive_name(token.norm):
                found.append(_Span(index, named, False))
        elif "дом" in forms and index + 1 in starts and token.norm in {"дом", "доме", "дома"}:
            end, _ = _tail(tokens, index, starts, "ru", bare=False)
            found.append(_Span(index, end, False))
    return found


def _counts(tokens: Sequence[Token], index: int) -> bool:
    """Whether a number before ``index`` counts what follows: people, money, years."""
    return index < len(tokens) and not (base_forms(tokens[index].norm, "ru") | {tokens[index].norm}).isdisjoint(
        _COUNTED
    )


def _russian_street(tokens: Sequence[Token], index: int, starts: dict[int, Number]) -> list[_Span]:
    first, end = index, index + 1
    named = False
    while end < len(tokens) and end - index <= _NAME_LENGTH:
        token = tokens[end]
        if (
            token.norm in _RU_STOP
            or token.clause != tokens[index].clause
            or not base_forms(token.norm, "ru").isdisjoint(_UNITS["ru"])
        ):
            break
        if end in starts and not (end == index + 1 and _ordinal_name(tokens, starts[end].end)):
            break
        if named and not (is_geographic(token.norm) or is_adjective(token.norm) or end + 1 in starts):
            break
        named, end = True, end + 1
    if index and is_adjective(tokens[index - 1].norm) and tokens[index - 1].norm not in _RU_STOP and not named:
        first, named = index - 1, True
    end, numbered = _tail(tokens, end, starts, "ru", bare=True)
    if not (named or numbered):
        return []
    return [_Span(first, end, numbered)]


def _ordinal_name(tokens: Sequence[Token], index: int) -> bool:
    """Whether a number begins a street's name: "улица 28 гвардейцев"."""
    return index < len(tokens) and tokens[index].norm in {"лет", "панфиловцев", "гвардейцев", "мая", "марта", "декабря"}


def _kazakh(tokens: Sequence[Token], starts: dict[int, Number], ends: dict[int, Number]) -> list[_Span]:
    found = []
    for index, token in enumerate(tokens):
        forms = base_forms(token.norm, "kk")
        if token.norm.startswith("қиылыс") and index >= 3:
            found.append(
                _Span(max(0, index - 4) if tokens[index - 1].norm.startswith("көше") else index - 3, index + 1, True)
            )
        elif any(form in _KK_TYPES for form in forms) or token.norm.startswith(
            ("көшесі", "даңғылы", "ықшамауданы", "шағынауданы")
        ):
            first = index
            while first > 0 and index - first < 2:
                before = tokens[first - 1]
                if before.norm in _KK_STOP or before.clause != token.clause or (first in ends and index - first >= 1):
                    break
                first -= 1
            if first < index - 1 and tokens[index - 1].norm not in _KK_TITLES and first not in starts:
                first = index - 1
            end, numbered = _tail(tokens, index + 1, starts, "kk", bare=True)
            if first < index or numbered:
                found.append(_Span(first, end, numbered))
        elif (
            index + 1 in starts
            and index not in starts
            and token.norm not in _KK_STOP
            and (starts[index + 1].end == len(tokens) or tokens[starts[index + 1].end].clause != token.clause)
            and forms.isdisjoint(_UNITS["kk"])
        ):
            # At the end of what is said a name with a number is where it happens.
            found.append(_Span(index, starts[index + 1].end, True))
    return found
