"""The order in which a text is read: what is more particular comes before what is less."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property

from dialogue.spoken.numerals import GREATEST, NOMINATIVE, cardinal, digits, ordinal
from dialogue.spoken.tables import Table, table

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_NUMBER = r"\d{1,3}(?:[ \u00a0]\d{3})+(?!\d)|\d+"
"""Digits, thousands parted by spaces or not."""
_LONG = 7
"""Digits from which on a number without separators is no amount but an identifier, read digit by digit."""


class Reader:
    """Reads what is written in digits and abbreviations in one language.

    Args:
        language: one of `dialogue.spoken.tables.LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        self.language = language

    @cached_property
    def words(self) -> Table:
        """The language's words."""
        return table(self.language)

    def read(self, text: str) -> str:
        """Return a plain text without digits and abbreviations."""
        for pattern, handler in self._rules:
            text = pattern.sub(handler, text)
        return text

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        words, point = self.words, f"[{re.escape(self._points)}]"
        minus = r"(?P<minus>(?<![\w)])-)?"
        number = rf"(?P<number>{_NUMBER})(?:{point}(?P<rest>\d{{1,6}})(?!\d))?"
        few = r"(?P<number>\d{1,9}) ?[–-] ?(?P<to>\d{1,9})"
        # The full stop of an abbreviation, unless a sentence ends with it.
        behind = r"(?!\w)(?:\.(?= [^\WA-ZА-ЯЁІЇЄҐӘҒҚҢӨҰҮҺ]|,))?"
        unit, sign = rf"(?P<unit>{any_of(words.units)})", rf"(?P<sign>{any_of(words.signs)})"
        money = {sign: words.units[name].forms[-1] for sign, name in words.signs.items() if not sign.isalpha()}
        money |= {
            name: words.units[name].forms[-1] for name in words.signs.values() if name not in words.units[name].forms
        }
        return (
            *self._abbreviations(),
            (re.compile(r"(?:https?://|www\.)\S+", re.I), lambda _: f" {words.words['link']} "),
            (re.compile(r"(?<![\w+])(?:\+|00)?\d(?:[ .()–-]{0,2}\d){9,14}(?!\w)"), self._phone),
            (re.compile(r"(?<=\d:\d\d) ?[-–] ?(?=\d{1,2}:\d\d)"), lambda _: f" {words.words.get('to', '–')} "),
            *self._dates(),
            (re.compile(r"(?<!\d)([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?(?!\d)(?:-([^\W\d_]{2,3})\b)?"), self._time),
            (re.compile(rf"(?P<sign>[$€£₽₸₴]) ?{few}(?![\d.,])"), self._range),
            (
                re.compile(rf"(?P<sign>[$€£₽₸₴]) ?{number}(?: ?(?P<much>{any_of(words.magnitudes)}){behind})?"),
                self._money,
            ),
            (re.compile(rf"(?<![\w,.]){number} ?{sign}{behind}"), self._money),
            *self._addresses(),
            (re.compile(r"№ ?"), lambda _: f" {words.words['number']} "),
            (re.compile(rf"(?<![\w,.])(\d{{1,9}}){self._hyphen}({any_of(words.endings)})(?!\w)", re.I), self._ended),
            (re.compile(rf"(?<![\d,.]){few} ?{unit}{behind}"), self._range),
            (re.compile(rf"(?<![\d,.]){minus}{number} ?{unit}{behind}"), self._unit),
            (re.compile(rf"(?<!\w)({any_of(money)}){behind}"), lambda match: money[match[1]]),
            (re.compile(r"(?<![\d/])(\d{1,6})/(\d{1,6})(?![\d/])"), self._slash),
            (re.compile(r"(?<![\w.,])(\d{1,6})-(\d{1,6})(?![\w-])"), self._from_to),
            (re.compile(rf"(?<![\d,.]){minus}(?P<number>\d+){point}(?P<rest>\d{{1,6}})(?![\d,.]\d)"), self._fraction),
            (re.compile(rf"{minus}(?P<number>{_NUMBER})"), self._number),
            (re.compile(r"(?<![\w'-])[^\W\d_]{2,5}(?![\w'-])"), self._capitals),
            (re.compile(r" ?([&+=@%°]) ?"), self._sign),
        )

    _points = ",."
    _hyphen = "-"

    def _abbreviations(self) -> tuple[Rule, ...]:
        known = self.words.abbreviations
        # A full stop may have a space behind it: "т. е.".
        listed = "|".join(
            re.escape(name).replace(r"\.", r"\.\ ?").removesuffix(r"\ ?").replace(r"\ ", " ")
            for name in sorted(known, key=len, reverse=True)
        )
        folded = {name.lower().replace(" ", ""): words for name, words in known.items()}

        def handle(match: re.Match[str]) -> str:
            words = folded[match[0].lower().replace(" ", "")]
            ends = match[0].endswith(".") and not match.string[match.end() :].strip()
            return words + ("." if ends else "")

        return ((re.compile(rf"(?<![\w.])(?:{listed})(?!\w)", re.IGNORECASE), handle),)

    def _dates(self) -> tuple[Rule, ...]:
        return ()

    def _addresses(self) -> tuple[Rule, ...]:
        return ()

    def _phone(self, match: re.Match[str]) -> str:
        """Read a telephone number in the groups in which people say it, else its digits."""
        written = match[0]
        found = re.sub(r"\D", "", written)
        plus = written.startswith(("+", "00"))
        if written.startswith("00"):
            found = found[2:]
        parted = re.search(r"[^\d+]", written) is not None
        if (
            not plus
            and not parted
            and not (len(found) == 11 and found[0] in "78")
            and not (len(found) == 10 and found[0] == "0")
        ):
            return digits(found, self.language)
        said = ", ".join(self._group(group) for group in _grouped(found, written))
        return f"{self.words.words['plus']} {said}" if plus else said

    def _group(self, group: str) -> str:
        """Read one group of a telephone number."""
        zeros = len(group) - len(group.lstrip("0"))
        rest = [cardinal(int(group), self.language)] if group[zeros:] else []
        return " ".join([self.words.zero] * zeros + rest)

    def _time(self, match: re.Match[str]) -> str:
        hour, minute = int(match[1]), int(match[2])
        said = f"{cardinal(hour, self.language)} {self._minutes(minute)}"
        return said + (f" {match[3]}" if match[3] else "")

    def _minutes(self, minute: int) -> str:
        zero = f"{self.words.zero} " if minute < 10 else ""
        return zero + cardinal(minute, self.language)

    def _money(self, match: re.Match[str]) -> str:
        name, much = self.words.signs[match["sign"]], match.groupdict().get("much")
        if much:
            return f"{self._amount(match, much)} {self.words.units[name].forms[-1]}"
        return self._amount(match, name)

    def _unit(self, match: re.Match[str]) -> str:
        return self._amount(match, match["unit"])

    def _amount(self, match: re.Match[str], name: str) -> str:
        """A number, whole or not, with what is counted behind it."""
        rest, hundredth = match["rest"], self.words.units[name].hundredth
        minus = f"{self.words.words['minus']} " if match.groupdict().get("minus") else ""
        amount, case = _whole(match["number"]), self._case(match)
        if amount >= GREATEST:
            return minus + _with_unit(digits(match["number"].replace(" ", ""), self.language), self._named(name, 5))
        if not rest or (hundredth and len(rest) == 2):
            hundredths = self._counted(int(rest), hundredth, case) if rest and int(rest) else ""
            whole = self._counted(amount, name, case) if amount or not hundredths else ""
            return minus + f"{whole} {hundredths}".strip()
        return minus + _with_unit(self._decimal(amount, rest), self._part(name))

    def _range(self, match: re.Match[str]) -> str:
        first, last, case = _whole(match["number"]), int(match["to"]), self._case(match)
        groups = match.groupdict()
        unit, to = groups.get("unit") or self.words.signs[groups["sign"]], self.words.words.get("to", "–")
        said = [cardinal(n, self.language, case, self.words.units[unit].gender) for n in (first, last)]
        return _with_unit(f" {to} ".join(said), self._named(unit, last, case))

    def _counted(self, amount: int, name: str, case: str) -> str:
        kind = self.words.units[name]
        return _with_unit(cardinal(amount, self.language, case, kind.gender), self._named(name, amount, case))

    def _named(self, name: str, amount: int, case: str = NOMINATIVE) -> str:
        """Name of what is counted, as it stands behind a number."""
        forms = self.words.units[name].forms
        return forms[0] if amount == 1 else forms[-1]

    def _part(self, name: str) -> str:
        """Name of what is counted, as it stands behind a number that is not whole."""
        return self._named(name, 2)

    def _case(self, match: re.Match[str]) -> str:
        """The case a number stands in."""
        return NOMINATIVE

    def _ended(self, match: re.Match[str]) -> str:
        """A number with an ending behind it."""
        return ordinal(int(match[1]), self.language)

    def _slash(self, match: re.Match[str]) -> str:
        return f"{self._plainly(match[1])} {self.words.words['slash']} {self._plainly(match[2])}"

    def _from_to(self, match: re.Match[str]) -> str:
        return f"{self._plainly(match[1])} {self.words.words.get('to', '–')} {self._plainly(match[2])}"

    def _fraction(self, match: re.Match[str]) -> str:
        minus = f"{self.words.words['minus']} " if match["minus"] else ""
        whole = int(match["number"])
        if whole >= GREATEST:
            return f"{digits(match['number'], self.language)}, {digits(match['rest'], self.language)}"
        return minus + self._decimal(whole, match["rest"])

    def _decimal(self, whole: int, rest: str) -> str:
        point = self.words.words["point"]
        return f"{cardinal(whole, self.language)} {point} {digits(rest, self.language)}"

    def _number(self, match: re.Match[str]) -> str:
        minus = f"{self.words.words['minus']} " if match["minus"] else ""
        written = match["number"]
        before = " " if match.start() and match.string[match.start() - 1].isalpha() else ""
        after = " " if match.end() < len(match.string) and match.string[match.end()].isalpha() else ""
        if " " not in written and (len(written) >= _LONG or (len(written) > 1 and written[0] == "0")):
            return f"{before}{minus}{digits(written, self.language)}{after}"
        amount = _whole(written)
        if amount >= GREATEST:
            return f"{before}{minus}{digits(re.sub(r'[^0-9]', '', written), self.language)}{after}"
        return f"{before}{minus}{self._in_place(amount, match)}{after}"

    def _in_place(self, amount: int, match: re.Match[str]) -> str:
        """A bare number as the words around it ask for it."""
        return cardinal(amount, self.language)

    def _plainly(self, written: str) -> str:
        """A number of few digits as it is, without regard to what stands around it."""
        if len(written) > 1 and written[0] == "0":
            return digits(written, self.language)
        return cardinal(int(written), self.language)

    def _capitals(self, match: re.Match[str]) -> str:
        """Capitals that nobody can pronounce are read letter by letter."""
        word = match[0]
        if not word.isupper():
            return word
        known = self.words
        if word in known.capitals:
            return known.capitals[word]
        readable = any(letter in known.vowels or letter in "aeiouy" for letter in word.lower())
        if readable and word not in known.spelled:
            return word
        if not known.letters:
            return " ".join(word)
        if any(letter not in known.letters for letter in word.lower()):
            return word
        return " ".join(known.letters[letter] for letter in word.lower())

    def _sign(self, match: re.Match[str]) -> str:
        names = {"&": "and", "+": "plus", "=": "equals", "@": "at"}
        word = self.words.words.get(names.get(match[1], ""), "")
        if match[1] == "%":
            word = self._named("%", 5)
        return f" {word} " if word else " "


def _with_unit(number: str, unit: str) -> str:
    """A number in words with its unit behind it, or where the unit's name has ``{}``."""
    return unit.replace("{}", number) if "{}" in unit else f"{number} {unit}"


def _whole(written: str) -> int:
    return int(re.sub(r"\D", "", written))


def any_of(names: Iterable[str]) -> str:
    """A pattern for any of these, longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def _grouped(found: str, written: str) -> list[str]:
    """Digits of a telephone number in the groups of its plan: country, area, then three and two and two.

    A number of another plan is read in the groups it is written in, else in threes.
    """
    country = next(
        (c for c in ("380", "996", "998", "992", "993", "375") if found.startswith(c) and len(found) == 12), ""
    )
    if country:
        return [country, found[3:5], found[5:8], found[8:10], found[10:]]
    if len(found) == 11:
        return [found[0], found[1:4], found[4:7], found[7:9], found[9:]]
    if len(found) == 10:
        return [found[:3], found[3:6], found[6:8], found[8:]]
    groups = re.findall(r"\d+", written)
    return groups if len(groups) > 1 else [found[i : i + 3] for i in range(0, len(found), 3)]
