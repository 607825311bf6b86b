"""Whether recognised words look invented: Whisper and its like give fluent words for noise and silence too.

The limits of the probabilities are those that openai-whisper itself uses for a failed decoding; the others follow from
how fast people speak. A short answer has little evidence for or against it and is doubted only for two reasons at once.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import yaml

from dialogue.sentences import Sentences

NO_SPEECH = 0.6
"""Probability of no speech above which unlikely words are doubted."""

UNLIKELY = -1.0
"""Mean natural logarithm of the tokens' probabilities below which words are doubted."""

VERY_UNLIKELY = -2.0
"""The same for a short answer, whose first and last token weigh much."""

SHORT = 2
"""Words of a short answer."""

COMPRESSED = 2.4
"""Bytes of text to bytes of its compressed form, above which it repeats itself."""

SAME_AGAIN = 6
"""Times the same words may follow each other; who is afraid calls for help several times."""

WORDS_PER_SECOND = 7.0
LETTERS_PER_SECOND = 35.0
"""Half as fast again as the fastest speakers of these languages."""

LEAST_VOICED = 0.3
"""Seconds of voice that words are compared with at least: voice detection hears the loud part of a word only."""

HINTS_IN_ORDER = 3
"""Expected words in the order in which they were given, from which on the recogniser repeats them."""

_SOUND = re.compile(r"\s*(?:[\[(*♪][^\])*♪]*[\])*♪]\s*)+")
"""Nothing but sounds described as in subtitles: ``[Music]``, ``(laughs)``, ``*sighs*``."""

_READ = frozenset({"CYRILLIC", "LATIN"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of recognised speech with what its engine says for it.

    Args:
        text: the words.
        seconds: of voice in it.
        no_speech: probability that nobody spoke, 0 to 1; None where the engine gives none.
        log_probability: mean natural logarithm of the tokens' probabilities, 0 or less; None likewise.
    """

    text: str
    seconds: float
    no_speech: float | None = None
    log_probability: float | None = None


def judge(pieces: Sequence[Piece], hints: Sequence[str] = ()) -> tuple[str, str, tuple[str, ...]]:
    """Tell what was said from what looks invented.

    Args:
        pieces: what the engine gave, in order.
        hints: words the engine was told to expect.

    Returns:
        The text; what was left out of it as invented; and why the text itself is doubtful, where all of it is.
    """
    said: list[str] = []
    invented: list[str] = []
    reasons: dict[str, None] = {}
    for piece in pieces:
        true, phantom = _split(piece.text)
        found = doubts(replace(piece, text=true), hints)
        if _words(true) and not found:
            said.append(true)
            invented += [phantom] if phantom else []
        elif _words(piece.text):
            invented.append(" ".join(piece.text.split()))
            reasons.update(dict.fromkeys(doubts(piece, hints) or ("known_phrase",)))
    if said:
        return " ".join(said), " ".join(invented), ()
    return " ".join(invented), "", tuple(reasons)


def doubts(piece: Piece, hints: Sequence[str] = ()) -> tuple[str, ...]:
    """Return why words look invented, as codes; none where they do not, or where there are no words.

    Args:
        piece: the words.
        hints: words the engine was told to expect.
    """
    words = _words(piece.text)
    if not words:
        return ()
    found = [
        code
        for code, holds in (
            ("known_phrase", _known(words, piece)),
            ("no_speech", _over(piece.no_speech, NO_SPEECH) and _under(piece.log_probability, UNLIKELY)),
            (
                "low_probability",
                _under(piece.log_probability, VERY_UNLIKELY if len(words) <= SHORT else UNLIKELY),
            ),
            ("repetition", _repeats(words, piece.text)),
            ("too_fast", _too_fast(words, piece.seconds)),
            ("other_script", _other_script(piece.text)),
            ("hints_repeated", _only_hints(words, hints)),
        )
        if holds
    ]
    return tuple(found)


def _split(text: str) -> tuple[str, str]:
    """Part a text into its sentences and those that are lines of videos: one may follow true words."""
    splitter = Sentences()
    sentences = [*splitter.feed(text), *filter(None, [splitter.rest()])]
    never, _ = _phrases()
    phantom = [sentence for sentence in sentences if never.fullmatch(" ".join(_words(sentence)))]
    true = [sentence for sentence in sentences if sentence not in phantom]
    return " ".join(true), " ".join(phantom)


def _known(words: list[str], piece: Piece) -> bool:
    text = " ".join(words)
    never, sometimes = _phrases()
    if never.fullmatch(text) or _SOUND.fullmatch(piece.text):
        return True
    weak = _over(piece.no_speech, NO_SPEECH / 2) or _under(piece.log_probability, UNLIKELY) or piece.seconds < 0.1
    return weak and sometimes.fullmatch(text) is not None


@cache
def _phrases() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The phrases of every language: Whisper invents them in whatever language it takes the sound for."""
    table = yaml.safe_load((files(__package__) / "phantoms.yaml").read_text("utf-8"))
    never, sometimes = (
        "|".join(_pattern(phrase) for phrases in table[kind].values() for phrase in phrases)
        for kind in ("never", "sometimes")
    )
    return re.compile(f"(?:(?:{never}) ?)+"), re.compile(f"(?:(?:{sometimes}) ?)+")


def _pattern(phrase: str) -> str:
    return re.escape(" ".join(_words(phrase))) + ("(?: .*)?" if phrase.endswith("*") else "")


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFC", text).casefold().replace("ё", "е").replace("’", "'")
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", plain)


def _repeats(words: list[str], text: str) -> bool:
    raw = text.encode("utf-8", "replace")
    if len(words) > 2 * SAME_AGAIN and len(raw) / len(zlib.compress(raw)) > COMPRESSED:
        return True
    for size in range(1, len(words) // SAME_AGAIN + 1):
        run = 0
        for number in range(size, len(words)):
            run = run + 1 if words[number] == words[number - size] else 0
            if run >= size * SAME_AGAIN:
                return True
    return False


def _too_fast(words: list[str], seconds: float) -> bool:
    voiced = max(seconds, LEAST_VOICED)
    letters = sum(map(len, words))
    return len(words) > SHORT and (len(words) / voiced > WORDS_PER_SECOND or letters / voiced > LETTERS_PER_SECOND)


def _other_script(text: str) -> bool:
    letters = [unicodedata.name(char, "").split(" ")[0] for char in text if char.isalpha()]
    return sum(script not in _READ for script in letters) * 2 > len(letters)


def _only_hints(words: list[str], hints: Sequence[str]) -> bool:
    """Whether the words are nothing but several hints in their order."""
    told = [_words(hint) for hint in hints]
    for first in range(len(told)):
        rest, number = words, first
        while number < len(told) and told[number] and rest[: len(told[number])] == told[number]:
            rest = rest[len(told[number]) :]
            number += 1
        if not rest and number - first >= HINTS_IN_ORDER:
            return True
    return False


def _over(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _under(value: float | None, limit: float) -> bool:
    return value is not None and value < limit
