"""Sentences as a bad line or a hurried recogniser gives them, so that the classifier leans on no single word."""

from __future__ import annotations

import random
from dataclasses import replace

from dialogue.scenarios.intake_102.training.sentences import Sentence

_HIT = 0.15
"""Share of the words that something happens to."""

_WHOLE = 4
"""Letters that a word keeps when its end is lost."""


def misheard(sentence: Sentence) -> Sentence:
    """The same sentence with words lost, cut short, run together or with two letters changed about.

    The same sentence always gives the same words. The errors are others than those of ``manage.py evaluate
    --degraded``, which the model is judged by.
    """
    dice = random.Random(sentence.text)  # noqa: S311  # repeatable, not secret
    words: list[str] = []
    joined = False
    for word in sentence.text.lower().split():
        heard, joins = _hear(word, dice) if dice.random() < _HIT else (word, False)
        if joined and words:
            words[-1] += heard
        elif heard:
            words.append(heard)
        joined = joins
    return replace(sentence, text=" ".join(words)) if words else sentence


def _hear(word: str, dice: random.Random) -> tuple[str, bool]:
    """What is left of a word, and whether the next one is heard as its end."""
    kind = dice.randrange(4)
    if kind == 0:
        return "", False
    if kind == 1 and len(word) > _WHOLE:
        return word[: max(_WHOLE, len(word) - dice.choice((1, 2)))], False
    if kind == 2 and len(word) > _WHOLE:
        at = dice.randrange(1, len(word) - 2)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :], False
    return word, True
