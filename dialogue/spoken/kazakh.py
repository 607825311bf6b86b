"""Kazakh: ordinals, and suffixes in harmony with the word they are put to."""

from __future__ import annotations

import re

from dialogue.spoken.numerals import cardinal, ordinal
from dialogue.spoken.reader import Reader, Rule

_BACK, _FRONT = "аоұыуёяю", "әеөүіэи"
_VOICELESS = "пфкқтсшщцчхһбвгд"
_NASAL = "мнң"
_LIQUID = "рлйу"
_VOWELS = _BACK + _FRONT

_SUFFIXES = {
    # After a vowel, a nasal, a voiced and a voiceless consonant; back and front vowels.
    "dative": (("ға", "ге"), ("ға", "ге"), ("ға", "ге"), ("қа", "ке")),
    "ablative": (("дан", "ден"), ("нан", "нен"), ("дан", "ден"), ("тан", "тен")),
    "locative": (("да", "де"), ("да", "де"), ("да", "де"), ("та", "те")),
    "accusative": (("ны", "ні"), ("ды", "ді"), ("ды", "ді"), ("ты", "ті")),
    "genitive": (("ның", "нің"), ("ның", "нің"), ("дың", "дің"), ("тың", "тің")),
    "instrumental": (("мен", "мен"), ("мен", "мен"), ("мен", "мен"), ("пен", "пен")),
}


def suffixed(word: str, kind: str) -> str:
    """Put a case suffix to a word as vowel harmony and its last sound ask for.

    Args:
        word: in the nominative.
        kind: dative, ablative, locative, accusative, genitive or instrumental.
    """
    last = word[-1].lower()
    back = next((letter in _BACK for letter in reversed(word.lower()) if letter in _VOWELS), True)
    group = 0 if last in _VOWELS else 1 if last in _NASAL else 3 if last in _VOICELESS else 2
    suffix = _SUFFIXES[kind][group][0 if back else 1]
    return f"{word} {suffix}" if kind == "instrumental" else word + suffix


class Kazakh(Reader):
    """Reads Kazakh."""

    def _dates(self) -> tuple[Rule, ...]:
        months = "|".join(self.words.months)
        return (
            (re.compile(r"(?<![\d.])(?P<day>[0-3]?\d)[./](?P<month>[01]\d)[./](?P<year>[12]\d{3})(?!\d)"), self._date),
            (re.compile(r"(?<![\d-])(?P<year>[12]\d{3})-(?P<month>[01]\d)-(?P<day>[0-3]\d)(?!\d)"), self._date),
            (re.compile(rf"(?<![\d.,])(?P<day>[0-3]?\d) (?P<name>(?:{months})\w*)", re.I), self._date),
            (re.compile(r"(?<![\d.,])(?P<year>[12]\d{3}) ?(?P<word>жыл\w*)", re.I), self._year),
            (
                re.compile(
                    r"(?<![\w])(?P<said>сағат )?(?P<hour>[01]?\d|2[0-4]):00(?!\d)(?:-(?P<end>\w{2,3})\b)?", re.I
                ),
                self._hour,
            ),
        )

    def _date(self, match: re.Match[str]) -> str:
        groups = match.groupdict()
        name = groups.get("name") or ""
        if not name:
            number = int(groups["month"])
            if not 1 <= number <= 12:
                return match[0]
            name = self.words.months[number - 1]
        day = int(groups["day"])
        if not 1 <= day <= 31:
            return match[0]
        year = f"{ordinal(int(groups['year']), 'kk')} жылғы " if groups.get("year") else ""
        return f"{year}{ordinal(day, 'kk')} {name}"

    def _year(self, match: re.Match[str]) -> str:
        return f"{ordinal(int(match['year']), 'kk')} {match['word']}"

    def _hour(self, match: re.Match[str]) -> str:
        said = cardinal(int(match["hour"]), "kk")
        before = (
            ""
            if re.search(r"сағат\w*\W*$|ден |дан |нан |нен |тен |тан ", match.string[: match.start()][-9:])
            else "сағат "
        )
        return (match["said"] or before) + self._with(said, match["end"])

    def _time(self, match: re.Match[str]) -> str:
        said = f"{cardinal(int(match[1]), 'kk')} {self._minutes(int(match[2]))}"
        return self._with(said, match[3])

    def _with(self, words: str, ending: str | None) -> str:
        """Words with a suffix of the kind that was written behind the digits."""
        if not ending:
            return words
        kind = self.words.endings.get(ending.lower())
        if kind is None or kind == "ordinal":
            return f"{words} {ending}"
        *head, last = words.split()
        return " ".join([*head, suffixed(last, kind)])

    def _addresses(self) -> tuple[Rule, ...]:
        names = "|".join(re.escape(n) for n in sorted(self.words.places, key=len, reverse=True))
        return (
            (re.compile(rf"(?<![\w.])(?P<name>{names})\.(?!\w)"), lambda m: self.words.places[m["name"]]),
            # "12-үй", "5-пәтер", "3-ші": behind a hyphen a number is an ordinal, unless a case is put to it.
            (re.compile(r"(?<![\w.,])(?P<number>\d{1,6})-(?P<word>[^\W\d_]{2,})"), self._joined),
        )

    def _joined(self, match: re.Match[str]) -> str:
        number, word = int(match["number"]), match["word"]
        kind = self.words.endings.get(word.lower())
        if kind == "ordinal":
            return ordinal(number, "kk")
        if kind:
            return self._with(cardinal(number, "kk"), word)
        if word in self.words.units:
            return f"{cardinal(number, 'kk')} {self._named(word, number)}"
        return f"{ordinal(number, 'kk')} {word}"

    def _ended(self, match: re.Match[str]) -> str:
        kind = self.words.endings[match[2].lower()]
        if kind == "ordinal":
            return ordinal(int(match[1]), "kk")
        return self._with(cardinal(int(match[1]), "kk"), match[2])

    def _decimal(self, whole: int, rest: str) -> str:
        rest = rest.rstrip("0") or "0"
        if len(rest) > 3:
            return super()._decimal(whole, rest)
        part = {1: "оннан", 2: "жүзден", 3: "мыңнан"}[len(rest)]
        return f"{cardinal(whole, 'kk')} бүтін {part} {cardinal(int(rest), 'kk')}"

    _ordinal_before = frozenset(
        {"ықшамаудан", "ықшамауданы", "мкр", "пәтер", "үй", "қабат", "подъезд", "кіреберіс", "корпус"}
    )

    def _in_place(self, amount: int, match: re.Match[str]) -> str:
        following = re.match(r" ([^\W\d_]\w*)", match.string[match.end() :])
        before = match.string[: match.start()]
        # "12 үй" in an address is a house's number, "екі үй" without digits is how many there are.
        named = re.search(r"[^\W\d_,.]\s*$|[,.]\s*$", before) and not before.rstrip().endswith(
            self.words.words["number"]
        )
        if following and named and following[1].lower() in self._ordinal_before:
            return ordinal(amount, "kk")
        return cardinal(amount, "kk")
