"""English: dates, years, clock times and digits as they are said in Britain."""

from __future__ import annotations

import re

from dialogue.spoken.numerals import cardinal, digits, ordinal, year
from dialogue.spoken.reader import Reader, Rule

_EMERGENCY = frozenset({"101", "102", "103", "104", "110", "112", "911", "999", "111", "108"})
_AFTER = r"(?:in|since|until|of|year|from|by|before|after|during)"


class English(Reader):
    """Reads English."""

    _points = "."
    _hyphen = ""

    def read(self, text: str) -> str:
        """Return a plain text without digits and abbreviations."""
        # Thousands are parted by commas.
        return super().read(re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text))

    def _abbreviations(self) -> tuple[Rule, ...]:
        return (
            (re.compile(r"\bSt\.? (?=[A-Z][a-z])(?<!\w)"), lambda _: "Saint "),
            (re.compile(r"(?<=[a-z] )St\b\.?"), lambda _: "Street"),
            *super()._abbreviations(),
        )

    def _dates(self) -> tuple[Rule, ...]:
        month = "(?P<name>" + "|".join([*self.words.months, *(m[:3] + r"\.?" for m in self.words.months)]) + ")"
        day, of = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?", r"(?:,? (?P<year>[12]\d{3})(?!\d))?"
        year_after = r"(?P<year>1[1-9]\d\d|20\d\d)(?![\d,.]\d| ?[a-z%/])"
        half_day = r"(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d))? ?(?P<half>[ap])\.?m\b\.?"
        return (
            (re.compile(r"(?<![\d.])(?P<day>[0-3]?\d)[./](?P<month>[01]?\d)[./](?P<year>[12]\d{3})(?!\d)"), self._date),
            (re.compile(r"(?<![\d-])(?P<year>[12]\d{3})-(?P<month>[01]\d)-(?P<day>[0-3]\d)(?!\d)"), self._date),
            (re.compile(rf"(?<![\w.,]){day} (?:of )?{month}(?!\w){of}"), self._date),
            (re.compile(rf"\b{month} {day}(?![\d:]){of}"), self._date),
            (re.compile(r"\b(?P<year>1[1-9][1-9]0|20[1-9]0)s\b"), self._decade),
            (re.compile(rf"\b(?P<before>{_AFTER}) {year_after}", re.I), self._year),
            (re.compile(rf"(?<!\d){half_day}", re.I), self._half_day),
        )

    def _date(self, match: re.Match[str]) -> str:
        groups = match.groupdict()
        day, name = int(groups["day"]), groups.get("name") or ""
        if name:
            name = next(month for month in self.words.months if month.startswith(name[:3].capitalize()))
        elif 1 <= int(groups["month"]) <= 12:
            name = self.words.months[int(groups["month"]) - 1]
        if not name or not 1 <= day <= 31:
            return match[0]
        said = f"{ordinal(day, 'en')} of {name}"
        if not re.search(r"\bthe\s*$", match.string[: match.start()], re.I):
            said = f"the {said}"
        return f"{said} {year(int(groups['year']))}" if groups.get("year") else said

    def _year(self, match: re.Match[str]) -> str:
        return f"{match['before']} {year(int(match['year']))}"

    def _decade(self, match: re.Match[str]) -> str:
        said = year(int(match["year"]))
        return said.removesuffix("y") + "ies" if said.endswith("y") else said + "s"

    def _half_day(self, match: re.Match[str]) -> str:
        minute = int(match["minute"] or 0)
        clock = cardinal(int(match["hour"]), "en") + (f" {self._minutes(minute)}" if minute else "")
        return f"{clock} {match['half'].lower()} m"

    def _time(self, match: re.Match[str]) -> str:
        hour, minute = int(match[1]), int(match[2])
        if not minute:
            return f"{cardinal(hour, 'en')} {'hundred hours' if hour > 12 or not hour else 'o' + chr(39) + 'clock'}"
        return f"{cardinal(hour, 'en')} {self._minutes(minute)}"

    def _minutes(self, minute: int) -> str:
        return f"oh {cardinal(minute, 'en')}" if minute < 10 else cardinal(minute, "en")

    def _addresses(self) -> tuple[Rule, ...]:
        names = "|".join(re.escape(n) for n in sorted(self.words.places, key=len, reverse=True))
        return (
            (
                re.compile(rf"(?<!\w)(?P<name>{names})\b\.?(?= ?[A-Z\d,.]|$| [a-z])"),
                lambda m: self.words.places[m["name"]],
            ),
        )

    def _group(self, group: str) -> str:
        return digits(group, "en").replace(",", "")

    def _in_place(self, amount: int, match: re.Match[str]) -> str:
        return (
            digits(str(amount), "en")
            if str(amount) in _EMERGENCY and match["number"] in _EMERGENCY
            else cardinal(amount, "en")
        )
