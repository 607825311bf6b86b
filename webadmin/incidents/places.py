"""Whether two addresses, as people say and write them, are one place. Good enough to suggest, never to decide."""

from __future__ import annotations

from dataclasses import dataclass

from webadmin.evaluation.addresses import alike, parts

_NUMBERS_OF_A_PLACE = 2


@dataclass(frozen=True, slots=True)
class Told:
    """An address and the language it was told in, as an ISO 639-1 code: number words are read in it."""

    address: str
    language: str


def same_place(one: Told, other: Told) -> bool:
    """Whether two addresses look like one place.

    The numbers are the same, and each name of the shorter one is in the longer one. Kinds of places, small words,
    capital letters, endings of names and the way numbers are written do not count. An address without a name is a place
    where it has a district's and a house's number.
    """
    numbers, names = parts(one.address, one.language)
    other_numbers, other_names = parts(other.address, other.language)
    if numbers != other_numbers:
        return False
    if not names or not other_names:
        return names == other_names and len(numbers) >= _NUMBERS_OF_A_PLACE
    fewer, more = sorted((names, other_names), key=len)
    return all(any(alike(name, each) for each in more) for name in fewer)
