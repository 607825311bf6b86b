"""Russian and Ukrainian: numbers and parts of addresses in the case that their place asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from dialogue.spoken.grammar import case_of, gender_of, governed, inflected, is_adjective
from dialogue.spoken.numerals import cardinal, ordinal
from dialogue.spoken.reader import Reader, Rule, any_of

_LAST_YEAR = 2200


class Slavic(Reader):
    """Reads Russian (``ru``) or Ukrainian (``uk``)."""

    _year_words = {
        "ru": {"год": "n", "года": "g", "году": "p", "годом": "i", "годах": "p", "годы": "n", "годов": "g"},
        "uk": {"рік": "n", "року": "g", "році": "p", "роком": "i", "роки": "n", "років": "g"},
    }
    _year_plurals = frozenset({"годы", "годов", "годах", "роки", "років"})
    _year_short = {"ru": "г", "uk": "р"}

    def _dates(self) -> tuple[Rule, ...]:
        months, counted = "|".join(self.words.months), any_of([*self.words.units, *self.words.signs])
        years = "|".join(self._year_words[self.language])
        short = self._year_short[self.language]
        year = rf"(?:(?:,? )(?P<year>[12]\d{{3}})(?: ?(?P<word>{years})(?!\w)| ?{short}\.(?!\w))?)?"
        return (
            (re.compile(r"(?<![\d.])(?P<day>[0-3]?\d)[./](?P<month>[01]\d)[./](?P<year>[12]\d{3})(?!\d)"), self._date),
            (re.compile(r"(?<![\d-])(?P<year>[12]\d{3})-(?P<month>[01]\d)-(?P<day>[0-3]\d)(?!\d)"), self._date),
            (
                re.compile(
                    rf"(?<![\d.,])(?P<day>[0-3]\d)\.(?P<month>0[1-9]|1[0-2])(?!\d|\.\d)(?! ?(?:{counted})(?!\w))"
                ),
                self._date,
            ),
            (
                re.compile(rf"(?<![\d.,])(?P<day>[0-3]?\d)(?:-?(?:го|е))? (?P<name>{months})(?!\w){year}", re.I),
                self._date,
            ),
            (re.compile(rf"(?<![\d.,])(?P<year>[12]\d{{3}}) (?P<word>{years})(?!\w)", re.I), self._year),
            (re.compile(rf"(?<![\d.,])(?P<year>[12]\d{{3}}) ?{short}\.(?!\w)"), self._year),
        )

    def _date(self, match: re.Match[str]) -> str:
        groups = match.groupdict()
        day = int(groups["day"])
        month = groups.get("name") or ""
        if not month:
            number = int(groups["month"])
            if not 1 <= number <= 12:
                return match[0]
            month = self.words.months[number - 1]
        if not 1 <= day <= 31:
            return match[0]
        case = governed(match.string[: match.start()], self.language)
        # "Приедем 21 ноября": without a preposition it says when, in the genitive.
        case = {"n": "g", "p": "a"}.get(case, case)
        if re.search(r"\b(?:сегодня|завтра|вчера|это|на|сьогодні|по|учора)\W*$", match.string[: match.start()], re.I):
            case = "n"
        said = f"{ordinal(day, self.language, case, 'n')} {month}"
        if groups.get("year"):
            of = "года" if self.language == "ru" else "року"
            said += f" {ordinal(int(groups['year']), self.language, 'g', 'm')} {of}"
        return said

    def _year(self, match: re.Match[str]) -> str:
        number, word = int(match["year"]), match.groupdict().get("word") or ""
        forms = self._year_words[self.language]
        if number > _LAST_YEAR:
            return match[0]
        if not word:
            case = governed(match.string[: match.start()], self.language)
            case = case if case in "ngpi" else "n"
            word = next(form for form, stands in forms.items() if stands == case)
        case = forms[word.lower()]
        # After a preposition of another case the year is the year that a date is of.
        if word.lower() == "году" and governed(match.string[: match.start()], self.language) == "d":
            case = "d"
        said = ordinal(number, self.language, case, "p" if word.lower() in self._year_plurals else "m")
        return f"{said} {word}"

    def _time(self, match: re.Match[str]) -> str:
        hour, minute = int(match[1]), int(match[2])
        before = match.string[: match.start()]
        case = governed(before, self.language)
        if self.language == "ru":
            case = {"p": "n", "a": "n"}.get(case, case)
            said = cardinal(hour, "ru", case)
            if not minute:
                return f"{said} {self._of_units('ч', hour, case)}"
            if case != "n" and minute >= 10:
                return f"{said} {cardinal(minute, 'ru', case)}"
            return f"{said} {self._minutes(minute)}"
        case = {"a": "n"}.get(case, case)
        # "нульова" is right in timetables, "нуль годин" is what people say.
        said = ordinal(hour, "uk", case, "f") if hour else f"{self.words.zero} годин"
        if not minute:
            return f"{said} {inflected('година', case, 'uk')}" if hour else said
        return f"{said} {self._minutes(minute)}"

    def _addresses(self) -> tuple[Rule, ...]:
        known = self.words
        always = [n for n in known.places if n not in known.numbered and n not in known.named]
        capital = "[А-ЯЁІЇЄҐ]"
        return (
            (re.compile(r"(?<![\w.,])(\d{1,3})(?:-?[йме]\w?)? (?:мкрн?|м-н)(?![\w-])\.?", re.I), self._quarter),
            (self._place_pattern(always, rf"(?=[\w«\"]|$)(?P<next>{capital}[а-яёіїєґ'-]+)?"), self._place),
            (self._place_pattern(known.named, rf"(?=[«\"]?{capital})(?P<next>{capital}[а-яёіїєґ'-]+)?"), self._place),
            (self._place_pattern(known.numbered, r"(?=№? ?\d)(?P<next>)"), self._place),
        )

    @staticmethod
    def _place_pattern(names: Iterable[str], then: str) -> re.Pattern[str]:
        # "пр-т" and "р-н" have no full stop.
        return re.compile(rf"(?<![\w.-])(?P<name>(?i:{any_of(names)}))(?:\. ?|(?<=-\w) |(?<=-\w\w) ){then}")

    def _quarter(self, match: re.Match[str]) -> str:
        noun = self.words.places["мкр"]
        case = governed(match.string[: match.start()], self.language)
        return f"{ordinal(int(match[1]), self.language, case)} {inflected(noun, case, self.language)}"

    def _place(self, match: re.Match[str]) -> str:
        noun = self.words.places[match["name"].lower()]
        case = governed(match.string[: match.start()], self.language)
        said = inflected(noun, case, self.language)
        if match["name"][:1].isupper():
            said = said.capitalize()
        following = match["next"] or ""
        if following and case != "n" and is_adjective(following, gender_of(noun, self.language), self.language):
            following = inflected(following, case, self.language)
        return f"{said} {following}"

    def _case(self, match: re.Match[str]) -> str:
        case = governed(match.string[: match.start()], self.language)
        return case if case in "gad" else "n"

    def _named(self, name: str, amount: int, case: str = "n") -> str:
        return self._of_units(name, amount, case)

    def _of_units(self, name: str, amount: int, case: str) -> str:
        """Name of a unit behind a number in a case."""
        forms = self.words.units[name].forms
        if len(forms) == 1:
            return forms[0]
        single = amount % 10 == 1 and amount % 100 != 11
        if case not in "na" or (case == "a" and single):
            return self._inflected(forms[0], case, "sing" if single else "plur")
        if single:
            return forms[0]
        return forms[1] if 2 <= amount % 10 <= 4 and not 12 <= amount % 100 <= 14 else forms[2]

    def _part(self, name: str) -> str:
        forms = self.words.units[name].forms
        return forms[0] if len(forms) == 1 else self._inflected(forms[0], "g", "sing")

    def _inflected(self, words: str, case: str, number: str) -> str:
        """A name of one or more words in a case, as far as its first preposition."""
        head, *rest = re.split(r" (?=(?:в|на) )", words, maxsplit=1)
        return " ".join([*(inflected(word, case, self.language, number) for word in head.split()), *rest])

    def _decimal(self, whole: int, rest: str) -> str:
        rest = rest.rstrip("0") or "0"
        if len(rest) > 3:
            return super()._decimal(whole, rest)
        ru = self.language == "ru"
        one, more = ("целая", "целых") if ru else ("ціла", "цілих")
        parts = {
            1: ("десятая", "десятых") if ru else ("десята", "десятих"),
            2: ("сотая", "сотых") if ru else ("сота", "сотих"),
            3: ("тысячная", "тысячных") if ru else ("тисячна", "тисячних"),
        }[len(rest)]
        first = one if whole % 10 == 1 and whole % 100 != 11 else more
        second = parts[0] if int(rest) % 10 == 1 and int(rest) % 100 != 11 else parts[1]
        return (
            f"{cardinal(whole, self.language, gender='f')} {first} "
            f"{cardinal(int(rest), self.language, gender='f')} {second}"
        )

    def _ended(self, match: re.Match[str]) -> str:
        gender, case = self.words.endings[match[2].lower()].split()
        number = int(match[1])
        before = governed(match.string[: match.start()], self.language)
        # "в 5-й квартире": one ending serves several cases of the feminine.
        following = re.match(r" ([\w-]+)", match.string[match.end() :])
        if match[2].lower() in {"й", "ій", "ой"}:
            if before in "gdpi":
                gender, case = "f", before
        elif before == "p" and match[2].lower() in {"му", "м", "ым", "им"}:
            case = "p"
        if following and following[1].lower() in self._year_plurals:
            return ordinal(number, self.language, self._year_words[self.language][following[1].lower()], "p")
        if following and gender == "m" and case in "gdip" and gender_of(following[1], self.language) == "n":
            gender = "n"
        return ordinal(number, self.language, case, gender)

    def _in_place(self, amount: int, match: re.Match[str]) -> str:
        before, after = match.string[: match.start()], match.string[match.end() :]
        following = re.match(r" ([^\W\d_][\w'-]*)", after)
        word = following[1].lower() if following else ""
        if self._names_a_place(before):
            return cardinal(amount, self.language)
        if word in self._ordinal_before:
            return ordinal(amount, self.language, "n", gender_of(word, self.language))
        case = case_of(word, self.language) if word else ""
        if not case or (case == "a" and amount % 10 > 2):
            asked = governed(before, self.language)
            case = asked if asked in "gd" else "n"
            # "по 5 человек" is how many each time.
            if re.search(r"\bпо\s*$", before):
                case = "n"
        gender = gender_of(word, self.language) if word and amount % 10 in (1, 2) else "m"
        return cardinal(amount, self.language, case, gender)

    _ordinal_before = frozenset({"микрорайон", "мікрорайон", "мкр", "этаж", "подъезд", "поверх", "під'їзд"})

    def _names_a_place(self, before: str) -> bool:
        """Whether the number belongs to the part of an address before it: "дом 2", not "дом два подъезда"."""
        words = re.findall(r"[\w'-]+", before[-30:].lower())
        return bool(words) and words[-1] in self._place_forms and re.search(r"[\w'-]\s*$", before) is not None

    @cached_property
    def _place_forms(self) -> frozenset[str]:
        return frozenset(
            inflected(noun, case, self.language) for noun in self.words.places.values() for case in "ngdaip"
        ) | {"номер"}
