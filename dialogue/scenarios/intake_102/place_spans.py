"""Stretches of an utterance that name a place: a street with a house, a corner, a district, a landmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from dialogue.scenarios.intake_102 import place_words as words
from dialogue.scenarios.intake_102.gazetteer import PlaceKind
from dialogue.scenarios.intake_102.morphology import is_adjective, is_first_name, is_genitive
from dialogue.scenarios.intake_102.numbers import Number
from dialogue.scenarios.intake_102.place_reader import (
    KAZAKH_NO_NAME,
    SHORTEST_NAME,
    SURNAME,
    VERB,
    Level,
    Name,
    PlaceReader,
)

_NAME_LENGTH = 3


class Rank(IntEnum):
    """How well a stretch pins a place."""

    VAGUE = 0
    NAMED = 1
    EXACT = 2


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens ``start`` to ``end`` (exclusive) that name a place; those of ``hole`` were taken back by the caller."""

    start: int
    end: int
    rank: Rank
    hole: range = range(0)


class SpanFinder(PlaceReader):
    """Finds places in a reading, with the numbers of one of its languages."""

    def find(self) -> list[Span]:
        """Every place that is named, corrections applied."""
        found: list[Span] = []
        for index in range(len(self._tokens)):
            found += self._corner(index)
            found += self._street(index)
            found += self._named(index)
            found += self._landmark(index)
            found += self._kilometre(index)
        return [self._corrected(span) for span in found]

    def _street(self, index: int) -> Iterator[Span]:
        """A word for a kind of street with its name or number, before it or behind."""
        if not self._is(index, self._streets) or self._norm(index - 1) in words.SMALL_KK:
            return
        wide = self._norm(index) in words.SMALL_KK and self._norm(index + 1).startswith("аудан")
        if self._norm(index) in words.SMALL_KK and not wide:
            return
        numbered_kind = wide or self._is(index, words.NUMBERED_STREETS)
        before, numbered = self._name_before(index)
        lettered = self._norm(index - 1) in words.LETTERS and self._same_clause(index - 1, index)
        number = self._ends.get(index - lettered)
        if numbered_kind and number and (lettered or self._counts_off(number)):
            end, house = self._tail(index + 1 + wide, bare=True, across=True)
            yield Span(self._head(self._district_before(number.start)), end, Rank.EXACT if house else Rank.NAMED)
            return
        end = index + 2 if wide else self._name_behind(index)
        named = not wide and end > index + 1
        if named and not numbered:
            before = index
        elif before == index and not named and not numbered_kind:
            return
        own = self._names[index + 1] if named else None
        own_number = self._house_number(end) if numbered_kind and not (own and own.numbered) else None
        if own_number and self._same_clause(end - 1, end) and not self._is_behind(own_number):
            end, named = own_number.end, True
        if not named and before == index:
            return
        if (
            self._language == "en"
            and not numbered
            and not named
            and self._is(index, words.AMBIGUOUS_STREETS)
            and not self._led_in(before)
        ):
            return
        end, house = self._tail(end, bare=not numbered, across=True)
        start = self._head(before)
        yield Span(start, end, Rank.EXACT if house or numbered or self._has_house(start, before) else Rank.NAMED)

    def _district_before(self, index: int) -> int:
        """Where the name before a district's number begins: "Орбита бір шағын аудан"."""
        starts = range(max(0, index - _NAME_LENGTH), index)
        names = ((i, self._names[i]) for i in starts if self._same_clause(i, index))
        return next((i for i, n in names if n and n.end == index and n.is_a(PlaceKind.DISTRICT)), index)

    def _counts_off(self, number: Number) -> bool:
        """Whether a number is the name of the district behind it, not how many there are."""
        return number.ordinal or self._norm(number.start)[0].isdigit() or self._language == "kk"

    def _name_before(self, index: int) -> tuple[int, bool]:
        """Where the name before a kind of street begins, and whether a house number stands before it."""
        first = index
        for start in range(max(0, index - _NAME_LENGTH), index):
            name = self._names[start]
            if name and name.end == index and name.level >= Level.LIKELY and self._same_clause(start, index):
                first = start
                break
        if first == index and self._language == "en":
            first = self._english_before(index)
        elif first == index and index and self._same_clause(index - 1, index):
            first = index - self._bare_name_before(index)
        if self._language != "en" or first == index or first not in self._ends:
            return first, False
        number = self._ends[first]
        return number.start, True

    def _bare_name_before(self, index: int) -> int:
        """Whether the word before a kind of street is its name though no list has it."""
        norm = self._norm(index - 1)
        if norm in self._stop or index - 1 in self._numbers or index in self._ends or self._unit(index - 1):
            return 0
        if self._language == "kk":
            small = self._reading.text[self._tokens[index - 1].start].islower()
            if small and KAZAKH_NO_NAME.fullmatch(norm):
                return 0
            possessed = self._norm(index).startswith(words.POSSESSED) and norm not in words.GENERIC_KK
            return int(possessed and len(norm) >= SHORTEST_NAME)
        return int(is_adjective(norm) and norm.endswith(("ая", "ой", "ий", "ый", "ом")) and self._capital(index - 1))

    def _english_before(self, index: int) -> int:
        first = index
        while first > 0 and index - first < _NAME_LENGTH:
            norm = self._norm(first - 1)
            if norm in self._stop or first in self._ends or not self._same_clause(first - 1, index):
                break
            first -= 1
        if first in self._ends:
            return first
        # Without a number before it, a longer run of words is a sentence rather than a name.
        return first if index - first < 2 else index - 1

    def _name_behind(self, index: int) -> int:
        """End of the name behind a kind of street; the kind's own end where none is there."""
        end = index + 1
        possessed = self._language == "kk" and self._norm(index).startswith(words.POSSESSED)
        if self._language == "en" or possessed or not self._same_clause(index, end):
            return end
        if (number := self._numbers.get(end)) and self._is(number.end, words.AFTER_ORDINALS):
            return number.end + 1
        name = self._names[end]
        loose = self._language == "ru" and self._plain and not VERB.fullmatch(self._norm(end))
        if name and (name.level > Level.LOOSE or (name.level is Level.LOOSE and loose)):
            following = self._names[name.end] if name.end < len(self._tokens) else None
            double = (
                following
                and following.level >= Level.LIKELY
                and name.level < Level.KNOWN
                and self._same_clause(end, name.end)
            )
            return following.end if following and double else name.end
        norm = self._norm(end)
        if self._language != "ru" or norm in self._stop or end in self._numbers or self._unit(end):
            return index + 1
        called = self._agrees(norm, index) or (is_genitive(norm) and end + 1 in self._numbers)
        return end + 1 if called and len(norm) > SHORTEST_NAME else index + 1

    def _agrees(self, norm: str, index: int) -> bool:
        """Whether an adjective is in the gender of the kind of street before it."""
        feminine = self._is(index, words.FEMININE_STREETS)
        endings = ("ая", "яя", "ой", "ей", "ую") if feminine else ("ый", "ий", "ой", "ом", "ем", "ого", "ое", "ее")
        return is_adjective(norm) and norm.endswith(endings) and not self._is(index, frozenset({"район"}))

    def _named(self, index: int) -> Iterator[Span]:
        """A name without a word for what it is."""
        name = self._names[index]
        if name is None or name.level is Level.NONE or self._is(name.end, self._streets):
            if self._language == "ru" and (span := self._adjective(index)):
                yield span
            return
        if self._is(index - 1, self._streets) and self._same_clause(index - 1, index) and not name.kinds:
            return
        end, own = name.end, name.numbered
        sector = self._house_number(end) if name.is_a(PlaceKind.DISTRICT) and not own else None
        if sector and self._same_clause(end - 1, end) and not self._is_behind(sector):
            end, own = sector.end, True
        street = name.is_a(PlaceKind.STREET) or name.is_a(PlaceKind.DISTRICT) or not name.kinds
        far, house = self._tail(end, bare=True, across=own or self._may_reach(index, name)) if street else (end, False)
        if house and self._is_framed(index, name, end, far):
            sure = name.level > Level.LOOSE or self._has_house(end, far)
            yield Span(self._head(index), far, Rank.EXACT if sure else Rank.NAMED)
        elif street and name.level >= Level.LIKELY and self._has_house(self._head(index), index):
            yield Span(self._head(index), end, Rank.EXACT)
        elif street and name.level is Level.KNOWN and (before := self._english_house(index)):
            yield Span(before.start, end, Rank.EXACT)
        elif own or self._is_placed(index, name):
            yield Span(index, end, Rank.NAMED)

    def _english_house(self, index: int) -> Number | None:
        """The house number before an English street without a word for it: "fifteen Abay"."""
        number = self._ends.get(index) if self._language == "en" and self._same_clause(index - 1, index) else None
        return self._house_number(number.start) if number else None

    def _may_reach(self, index: int, name: Name) -> bool:
        """Whether a number behind a comma may be the house of a street of this name: "Улытау, 12"."""
        if name.level is Level.KNOWN:
            return True
        number = self._house_number(name.end)
        if number is None or name.level < Level.LIKELY or not self._norm(name.end)[0].isdigit():
            return False
        end = self._lettered(number.end)
        last = end == len(self._tokens) or self._tokens[end].sentence != self._tokens[end - 1].sentence
        named = self._reading.text[self._tokens[index].start].isupper()
        return named and (
            last or bool(name.kinds) or self._unit(end) is not None or self._norm(index - 1) in {"на", "по"}
        )

    def _is_framed(self, index: int, name: Name, end: int, far: int) -> bool:
        """Whether a name with a number is an address, however sure the name is."""
        if name.level is Level.KNOWN:
            return True
        if not self._mixed[index - 1].isdisjoint(words.PERSONS) and self._same_clause(index - 1, index):
            return False
        unit = any(self._unit(i) for i in range(end, far))
        closed = unit or self._ends_clause(far)
        if name.level is Level.LIKELY:
            shaped = self._language != "en" and (name.kinds or SURNAME.fullmatch(self._norm(index)))
            one = self._norm(end) == "один"
            return closed or (not one and bool(shaped or self._is(index - 1, words.BEFORE_STREETS)))
        if not closed:
            return False
        if self._language == "ru":
            led = self._starts_clause(index) or self._is(index - 1, words.BEFORE_STREETS | {"адрес"})
            return (led or far == len(self._tokens)) and not VERB.fullmatch(self._norm(index))
        if self._language == "kk":
            written = self._reading.text[self._tokens[index].start].isupper()
            inflected = any(KAZAKH_NO_NAME.fullmatch(self._norm(i)) for i in (index, far - 1))
            return written and self._starts_clause(index) and not inflected
        begins = index == 0 or self._tokens[index - 1].sentence != self._tokens[index].sentence
        return begins or self._is(index - 1, frozenset({"at", "on"}))

    def _adjective(self, index: int) -> Span | None:
        """ "Ташкентская двести", "на Верхней пять": an adjective and a number, and nothing else."""
        norm = self._norm(index)
        if index in self._numbers or norm in self._stop or not norm.endswith(("ая", "ой", "ей")):
            return None
        led = self._is(index - 1, frozenset({"на", "по"}))
        if not is_adjective(norm) or not (led or self._starts_clause(index)):
            return None
        far, house = self._tail(index + 1, bare=True, across=False)
        return Span(index, far, Rank.EXACT) if house and self._ends_clause(far) else None

    def _is_placed(self, index: int, name: Name) -> bool:
        """Whether a name without a number is said as the place where it happens."""
        before, after = self._norm(index - 1), self._norm(name.end)
        left = self._norm(index - 2) in words.LEAVING
        if (before in words.DIRECTIONS and not left) or after in words.DIRECTIONS_AFTER:
            return False
        if not name.kinds:
            return self._language == "ru" and before in {"на", "по"} and self._is_genitive(index)
        if name.kinds <= {PlaceKind.CITY}:
            return False
        if name.level < Level.KNOWN:
            said = self._capital(index) if self._language == "en" else before in words.BEFORE_PLACES
            return said and not name.kinds.isdisjoint({PlaceKind.LANDMARK, PlaceKind.SETTLEMENT})
        if name.is_a(PlaceKind.STREET) and before in words.BEFORE_STREETS:
            return True
        kazakh = self._language == "kk" and self._norm(name.end - 1).endswith(words.KAZAKH_PLACES)
        if name.kinds == {PlaceKind.STREET}:
            return kazakh
        return kazakh or before in words.BEFORE_PLACES or left or name.is_a(PlaceKind.LANDMARK)

    def _corner(self, index: int) -> Iterator[Span]:
        """Two streets that cross."""
        cue = self._norm(index).startswith(words.CORNERS[self._language]) and self._language != "kk"
        first = index + 1 if cue else index
        while cue and first < len(self._tokens) and self._norm(first) in {"of", "улиц", "улицы", "проспекта"}:
            first += 1
        least = Level.LOOSE if cue else Level.KNOWN
        one = self._street_name(first, least if cue else Level.LOOSE)
        if one is None or not self._same_clause(index, first):
            return
        joint = one + (self._is(one, self._streets) and not self._is(one, frozenset({"угол"})))
        joined = self._norm(joint) in words.JOINING
        second = joint + joined
        while second < len(self._tokens) and joined and self._is(second, self._streets | {"с"}):
            second += 1
        other = self._street_name(second, least if cue else Level.LOOSE)
        if other is None or self._tokens[other - 1].sentence != self._tokens[index].sentence:
            return
        end = other + self._is(other, self._streets)
        behind = self._norm(end).startswith(words.CORNERS[self._language]) or self._norm(joint) == "угол"
        both_known = self._known_street(first) and self._known_street(second)
        # Without a word between them, two names that are ordinary words too are no corner.
        both_known = both_known and (joined or self._is_sure(first) or self._is_sure(second))
        if cue or (behind and joined):
            yield Span(index, end + (not cue and self._norm(end).startswith(words.CORNERS[self._language])), Rank.EXACT)
        elif both_known and (joined or (self._house_number(other) is None and self._same_clause(first, second))):
            yield Span(index, end, Rank.EXACT)

    def _street_name(self, index: int, least: Level) -> int | None:
        name = self._names[index] if index < len(self._tokens) else None
        return name.end if name and name.level >= least else None

    def _known_street(self, index: int) -> bool:
        name = self._names[index] if index < len(self._tokens) else None
        return bool(name and name.is_a(PlaceKind.STREET))

    def _is_sure(self, index: int) -> bool:
        name = self._names[index]
        return bool(name and name.level is Level.KNOWN)

    def _landmark(self, index: int) -> Iterator[Span]:
        """A building with a name or a number, or one of which a town has one."""
        if self._norm(index) in self._single or self._is(index, self._single):
            at = index - 1 - (self._norm(index - 1) == "the")
            near = self._norm(at) in words.BEFORE_PLACES - {"в", "за", "с"}
            near = near or (self._norm(at) == "с" and self._norm(at - 1) == "рядом")
            if near or (self._language == "kk" and self._norm(index).endswith(words.KAZAKH_PLACES)):
                yield Span(self._near(index), index + 1, Rank.VAGUE)
        if self._is(index, words.NUMBERED_KINDS):
            yield from self._numbered_building(index)
        if not self._is(index, self._landmarks):
            return
        following = self._names[index + 1] if index + 1 < len(self._tokens) else None
        before = self._names[index - 1] if index else None
        if self._language == "ru" and following and self._same_clause(index, index + 1):
            shop = self._is(index, words.SHOPS)
            called = self._plain and (following.level >= Level.LOOSE or is_first_name(self._norm(index + 1)))
            likely = following.level >= Level.LIKELY and (following.kinds or self._capital(index + 1))
            if (shop and called) or likely:
                yield Span(self._near(index), following.end, Rank.NAMED)
        if before and before.end == index and self._same_clause(index - 1, index):
            if self._language == "en" and before.level >= Level.LIKELY:
                twofold = index > 1 and self._capital(index - 2) and self._same_clause(index - 2, index)
                named = twofold and self._names[index - 2] is not None
                yield Span(index - 1 - named, index + 1, Rank.NAMED)
                return
            owned = self._language == "kk" and self._is_possessed(index) and self._may_own(index - 1, before)
            called = self._language == "ru" and self._capital(index - 1) and is_adjective(self._norm(index - 1))
            if owned or called:
                yield Span(index - 1, index + 1, Rank.NAMED)

    def _near(self, index: int) -> int:
        """Where a landmark begins with the preposition that inflects it: "возле школы", "рядом с вокзалом"."""
        if self._language == "ru" and self._norm(index - 1) == "с" and self._norm(index - 2) == "рядом":
            return index - 2
        led = self._language == "ru" and self._norm(index - 1) in words.NEAR_LANDMARKS
        return index - 1 if led else index

    def _numbered_building(self, index: int) -> Iterator[Span]:
        at = index + 1 + (self._norm(index + 1) in words.NUMBER_WORDS)
        number = self._house_number(at)
        if number and self._same_clause(index, at) and not number.ordinal and not self._unit(number.end):
            yield Span(self._near(index), number.end, Rank.NAMED)
            return
        before = self._ends.get(index) if self._language != "en" else None
        if before and (before.ordinal or self._norm(before.start)[0].isdigit()):
            yield Span(before.start, index + 1, Rank.NAMED)

    def _kilometre(self, index: int) -> Iterator[Span]:
        """ "сорок второй километр трассы Алматы — Капчагай"."""
        if not self._is(index, words.KILOMETRES):
            return
        before, behind = self._ends.get(index), self._numbers.get(index + 1)
        number = before if before and (before.ordinal or self._norm(before.start)[0].isdigit()) else behind
        if number is None:
            return
        start, end = min(index, number.start), max(index + 1, number.end)
        reach = range(max(0, start - 4), min(len(self._tokens), end + 4))
        road = [i for i in reach if self._is(i, words.ROADS)]
        names = [i for i in reach if self._names[i] and self._names[i].kinds]  # type: ignore[union-attr]
        if not road or not names:
            return
        last = max((self._names[i].end for i in names), default=end)  # type: ignore[union-attr]
        yield Span(min([start, *road, *names]), max(end, road[-1] + 1, last), Rank.EXACT)

    def _corrected(self, span: Span) -> Span:
        """Take the last number where the caller takes one back: "двенадцать, ой, четырнадцать"."""
        last = self._ends.get(span.end)
        at = span.end
        while at < min(len(self._tokens), span.end + 3) and self._norm(at) in words.TOLD_OTHERWISE:
            at += 1
        number = self._house_number(at)
        if last is None or at == span.end or number is None or not self._ends_clause(number.end):
            return span
        return Span(span.start, number.end, span.rank, range(last.start, at))
