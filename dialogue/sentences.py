"""Streamed text cut into sentences, so that the first is spoken while the model still writes the next."""

from __future__ import annotations

import re

LONGEST = 300
"""Characters after which a text without an end is cut between two words: a voice must begin some time."""

_CLOSING = "\"'»”’“)]}"
_END = re.compile(rf"(?P<mark>[.!?…؟]+)(?P<closing>[{re.escape(_CLOSING)}]*)(?P<space>\s+)(?=\S)|(?P<line>\n)\s*(?=\S)")
_CLAUSE = re.compile(r"[,;:](?=\s)|\s[—–-](?=\s)")
_WORD_BEFORE = re.compile(r"[\w.\-/’']*$")
_SPACE = re.compile(r"\s+")


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_ABBREVIATIONS = _words(
    "ул пр-т пр-кт просп пер пл бул б-р ш наб г гор обл р-н п пос с мкр мкрн т.е т.к т.н напр см ср тел моб гр им св",
    "вул бульв пров м смт т.зв",
    "көш даң қ ауд мек",
    "mr mrs ms dr prof sgt lt capt st ave rd blvd bldg dept approx e.g i.e vs",
)
"""Words whose full stop never ends a sentence, for what they belong to comes after them. Russian, Ukrainian, Kazakh,
English."""

_BEFORE_NUMBER = _words(
    "д дом кв корп к стр под подъезд эт доб буд під пов үй пәт қаб",
    "no nr apt fl ext rm",
)
"""Words whose full stop ends no sentence where a number follows."""

_MAY_END = _words(
    "т.д т.п др пр тыс млн млрд руб коп тг мин сек ч ст стк",
    "ін грн хв",
    "т.б ж",
    "etc inc ltd co a.m p.m jr sr",
)
"""Words whose full stop ends a sentence where a capital letter follows."""


class Sentences:
    """Cuts text that comes in any pieces. No character but white space is lost, and none changes its place.

    An end is known only from what follows it, so a sentence comes out with the first letter of the next, or as the
    `rest`.

    Args:
        first_clause_chars: length in characters from which the first clause is given before its sentence is whole;
            None waits for the sentence.
    """

    def __init__(self, first_clause_chars: int | None = None) -> None:
        self._clause = first_clause_chars
        self._buffer = ""

    def feed(self, text: str) -> list[str]:
        """Take more text and return the sentences that are complete with it."""
        self._buffer += text
        done: list[str] = []
        while (end := self._end()) is not None:
            sentence, self._buffer = self._buffer[:end].strip(), self._buffer[end:].lstrip()
            if sentence:
                done.append(sentence)
                self._clause = None
        return done

    def rest(self) -> str | None:
        """Return what is left when the text is over; None where nothing is."""
        left, self._buffer = self._buffer.strip(), ""
        return left or None

    def _end(self) -> int | None:
        """Where the buffer's first sentence ends; None where that is not known yet."""
        for found in _END.finditer(self._buffer):
            if self._ends_here(found):
                return found.start("space") if found["space"] else found.start("line")
        if self._clause is not None:
            for comma in _CLAUSE.finditer(self._buffer, self._clause):
                return comma.end()
        if len(self._buffer) > LONGEST:
            return self._cut()
        return None

    def _ends_here(self, found: re.Match[str]) -> bool:
        before = self._buffer[: found.start()]
        if not before.strip():
            # Dots at the very beginning belong to what follows.
            return False
        if found["line"]:
            return True
        mark, following = found["mark"], self._buffer[found.end()]
        if found["space"].count("\n") > 1:
            return True
        if "!" in mark or "?" in mark or "؟" in mark:
            # «"Куда?" спросил он» is one sentence, «Куда? туда?» is two.
            return not (found["closing"] and (following.islower() or following in "—–-,"))
        if following.islower():
            return False
        if mark == "." and not found["closing"]:
            return not _abbreviated(before, following)
        return True

    def _cut(self) -> int | None:
        """Where a text that is too long is cut: after a clause, else between two words, else at the next space."""
        clauses = [found.end() for found in _CLAUSE.finditer(self._buffer, LONGEST // 3, LONGEST)]
        if clauses:
            return clauses[-1]
        spaces = [found.start() for found in _SPACE.finditer(self._buffer, 1)]
        within = [start for start in spaces if start <= LONGEST]
        return within[-1] if within else next(iter(spaces), None)


def _abbreviated(before: str, following: str) -> bool:
    """Whether the full stop after ``before`` belongs to its last word alone."""
    found = _WORD_BEFORE.search(before)
    word = found[0] if found else ""
    if not word:
        return False
    if len(word) == 1 and word.isalpha() and word.isupper():
        return True  # an initial
    if word.isdigit() and not before[: -len(word)].strip():
        return True  # the number of an item in a list
    plain = word.lower().lstrip(".")
    if plain in _MAY_END:
        return not following.isupper()
    return plain in _ABBREVIATIONS or (plain in _BEFORE_NUMBER and following.isdigit())
