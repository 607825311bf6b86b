"""Whether two addresses, as people say and write them, are one place. Good enough to suggest, never to decide."""

from __future__ import annotations

import re

_TYPE_WORDS = frozenset(
    """
    улица ул улице улицы проспект пр просп пр-т проспекта проспекте переулок пер бульвар бул площадь пл шоссе
    микрорайон мкр мкрн микрорайоне дом д доме квартира кв подъезд город г городе көше көшесі көшесінде
    көшесінің даңғыл даңғылы даңғылында шағын ауданы аудан ауданында үй үйі пәтер қала қаласы вулиця вул
    вулиці проспекту провулок пров площа будинок буд будинку місто м street st avenue ave road rd square lane
    house building apartment apt flat city number no on at the на по в во у
    """.split()  # noqa: SIM905
)
_NUMBER_WORDS = {
    word: str(number)
    for number, words in enumerate(
        [
            "",
            "один первый первая бір one first перша перший",
            "два две второй вторая екі two second друга другий",
            "три третий третья үш three third третя третій",
            "четыре четвёртый четвертый төрт four fourth чотири",
            "пять пятый пятая бес five fifth п'ять",
            "шесть шестой шестая алты six sixth шість",
            "семь седьмой седьмая жеті seven seventh сім",
            "восемь восьмой восьмая сегіз eight eighth вісім",
            "девять девятый девятая тоғыз nine ninth дев'ять",
            "десять десятый десятая он ten tenth десять",
            "одиннадцать eleven одинадцять",
            "двенадцать twelve дванадцять",
            "тринадцать thirteen тринадцять",
            "четырнадцать fourteen чотирнадцять",
            "пятнадцать fifteen п'ятнадцять",
            "шестнадцать sixteen шістнадцять",
            "семнадцать seventeen сімнадцять",
            "восемнадцать eighteen вісімнадцять",
            "девятнадцать nineteen дев'ятнадцять",
            "двадцать жиырма twenty двадцять",
        ]
    )
    for word in words.split()
}
_TENS = {
    word: number * 10
    for number, words in {
        2: "двадцать жиырма twenty двадцять",
        3: "тридцать отыз thirty тридцять",
        4: "сорок қырық forty",
        5: "пятьдесят елу fifty п'ятдесят",
        6: "шестьдесят алпыс sixty шістдесят",
        7: "семьдесят жетпіс seventy сімдесят",
        8: "восемьдесят сексен eighty вісімдесят",
        9: "девяносто тоқсан ninety дев'яносто",
        1: "он",
    }.items()
    for word in words.split()
}
_TOKEN = re.compile(r"\d+(?:\s*[-/]?\s*[а-яa-zә-ө](?![\w]))?|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SHORTEST_STEM = 3
_NUMBERS_OF_A_PLACE = 2


def same_place(one: str, other: str) -> bool:
    """Whether two addresses look like one place.

    The numbers are the same, and each name of the shorter one is in the longer one. Kinds of places, small words,
    capital letters, endings of names and the way numbers are written do not count. An address without a name is a place
    where it has a district's and a house's number.
    """
    (names, numbers), (other_names, other_numbers) = _parts(one), _parts(other)
    if numbers != other_numbers:
        return False
    if not names or not other_names:
        return names == other_names and len(numbers) >= _NUMBERS_OF_A_PLACE
    fewer, more = sorted((names, other_names), key=len)
    return all(any(_same_name(name, each) for each in more) for name in fewer)


def _parts(address: str) -> tuple[list[str], list[str]]:
    names: list[str] = []
    numbers: list[str] = []
    tens = 0
    for token in _TOKEN.findall(address.casefold().replace("ё", "е")):
        if token[0].isdigit():
            numbers.append(re.sub(r"[\s/-]", "", token))
        elif token in _TENS and not tens:
            tens = _TENS[token]
            numbers.append(str(tens))
        elif token in _NUMBER_WORDS:
            unit = int(_NUMBER_WORDS[token])
            if tens and unit < 10:
                numbers[-1] = str(tens + unit)
            else:
                numbers.append(str(unit))
            tens = 0
        elif token not in _TYPE_WORDS:
            names.append(token)
            tens = 0
    return names, sorted(numbers)


def _same_name(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    stem = max(_SHORTEST_STEM, len(shorter) - 2)
    return shorter[:stem] == longer[:stem] and len(longer) - len(shorter) <= _SHORTEST_STEM
