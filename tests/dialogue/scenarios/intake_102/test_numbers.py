"""Numbers as they are spoken and written in three languages."""

import pytest

from dialogue.scenarios.intake_102.numbers import find_numbers
from dialogue.scenarios.intake_102.reading import read
from dialogue.scenarios.intake_102.slots import people
from dialogue.scenarios.intake_102.text import clean, tokenise


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("kk", "үшінші", [(3, True)]),
        ("kk", "алпыс үште", [(63, False)]),
        ("kk", "он екінші пәтер", [(12, True)]),
        ("kk", "жиырма бірдің алды", [(21, False)]),
        ("kk", "екі жүз сегіз", [(208, False)]),
        ("kk", "кырык бес", [(45, False)]),
        ("kk", "11-ші ықшамаудан", [(11, True)]),
        ("kk", "біреу бірақ онда алтын бірге", []),
        ("ru", "двадцать третьей", [(23, True)]),
        ("ru", "сорок второй километр", [(42, True)]),
        ("ru", "пятидесятая", [(50, True)]),
        ("ru", "двадцать пять три", [(25, False), (3, False)]),
        ("ru", "дом один второй подъезд", [(1, False), (2, True)]),
        ("ru", "5-й 12/3 12а", [(5, True), (12, False), (12, False)]),
        ("en", "twenty-five", [(25, False)]),
        ("en", "one eighty seven", [(187, False)]),
        ("en", "one two three", [(123, False)]),
        ("en", "one hundred and five", [(105, False)]),
        ("en", "12th", [(12, True)]),
    ],
)
def test_numbers_are_read(language, text, found):
    assert [(n.value, n.ordinal) for n in find_numbers(tokenise(clean(text)), language)] == found


@pytest.mark.parametrize(
    ("language", "text", "count"),
    [
        ("en", "there's two guys kicking a man on the ground", 3),
        ("en", "somebody's letting off rounds from a balcony", 1),
        ("en", "he collapsed on the treadmill, no pulse", 1),
        ("en", "the third man I called does not answer", 1),
        ("ru", "сына побили трое", 4),
        ("ru", "кто-то стреляет с балкона", 1),
        ("ru", "третий мужчина за день стучит", 1),
        ("kk", "Біреу мені көшеде ұрып кетті", 1),
        ("kk", "Үш бұзақы інімді ұрып кетті", 4),
        ("ru", "в подъезде пахнет газом", None),
    ],
)
def test_people_are_counted(language, text, count):
    found = people([read(text, 1, language)])
    assert (found.value if found else None) == count
