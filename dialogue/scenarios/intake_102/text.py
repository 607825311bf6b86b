"""From what was said to tokens: one spelling per word, sentences and clauses told apart."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from dialogue.scenarios.intake_102.words import word_set

LONGEST = 6000
"""Characters of one utterance that are read; a minute of fast speech has about 1,200."""

_WORD = re.compile(r"\d+(?:[/-]\d+)?[^\W\d_]?(?![^\W_])|[^\W_]+(?:[-'’][^\W_]+)*")
_SENTENCE_END = frozenset(".!?…\n")
_CLAUSE_END = frozenset(',;:—()"«»')
_ABBREVIATIONS = frozenset(
    {"ул", "пр", "просп", "пер", "мкр", "д", "кв", "г", "корп", "st", "ave", "rd", "apt", "мк", "көш", "ш"}
)
_NEGATED = re.compile(r"^(\w+?)n['’]t$")
_NEGATED_PLAIN = word_set("contracted", "en")


@dataclass(frozen=True, slots=True)
class Token:
    """One word.

    Args:
        norm: case-folded, without accents that Russian writes as it likes (ё is е).
        start: offset of its first character in the cleaned text.
        end: offset behind its last character.
        sentence: number of the sentence it stands in.
        clause: number of the clause it stands in, counted through the whole text.
    """

    norm: str
    start: int
    end: int
    sentence: int
    clause: int


def clean(text: str, longest: int = LONGEST) -> str:
    """Composed characters, no control characters, single spaces, at most ``longest`` characters."""
    text = unicodedata.normalize("NFKC", text[: 2 * longest])
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(text.split())[:longest].rstrip()


def tokenise(text: str) -> list[Token]:
    """Split cleaned text into tokens; English contractions become two tokens over the same characters."""
    tokens: list[Token] = []
    sentence = clause = position = 0
    for found in _WORD.finditer(text):
        between = text[position : found.start()]
        after_abbreviation = bool(tokens) and tokens[-1].norm in _ABBREVIATIONS and between.strip() == "."
        if not after_abbreviation and any(c in _SENTENCE_END for c in between):
            sentence, clause = sentence + 1, clause + 1
        elif not after_abbreviation and any(c in _CLAUSE_END or c == "-" for c in between):
            clause += 1
        position = found.end()
        for norm in _forms(found.group()):
            tokens.append(Token(norm, found.start(), found.end(), sentence, clause))
    return tokens


def _forms(word: str) -> list[str]:
    norm = word.casefold().replace("ё", "е").replace("’", "'")
    contracted = _NEGATED.match(norm)
    if contracted:
        return [{"ca": "can", "wo": "will"}.get(contracted[1], contracted[1]), "not"]
    if norm in _NEGATED_PLAIN:
        return [norm[:-2].removesuffix("n") or norm, "not"]
    head, mark, tail = norm.partition("'")
    if mark and tail in {"s", "m", "re", "ve", "ll", "d"}:
        return [head, {"m": "am", "re": "are", "ve": "have", "ll": "will"}.get(tail, tail)]
    return [norm]


def shorten(text: str, longest: int) -> str:
    """Cut at a word border to at most ``longest`` characters, with an ellipsis where something is left out."""
    if len(text) <= longest:
        return text
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
