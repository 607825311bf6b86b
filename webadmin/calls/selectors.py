"""Which calls people look for, and what a page about one shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Model, Q, QuerySet
from django.utils.functional import Promise
from django.utils.text import smart_split, unescape_string_literal
from django.utils.translation import gettext_lazy as _

from dialogue.turns import TransferReason
from webadmin.calls.models import Call

M = TypeVar("M", bound=Model)

SEARCHED = ("transcript", "caller_number", "dialled_number", "operator")
DOORS = ("agi", "ari", "simulate", "chat", "demo")
"""Ways by which calls come."""

REASONS: dict[str, Promise] = {
    TransferReason.CRITICAL: _("life in danger"),
    TransferReason.DANGER: _("danger or a weapon"),
    TransferReason.CALLER_ASKED: _("the caller asked for a person"),
    TransferReason.NOT_UNDERSTOOD: _("the caller was not understood"),
    TransferReason.SILENCE: _("silence"),
    TransferReason.NO_ADDRESS: _("no address"),
    TransferReason.INVALID_ANSWER: _("the model's answer was invalid"),
    TransferReason.TURN_LIMIT: _("too many turns"),
    TransferReason.FAILURE: _("the assistant failed"),
}
DOUBTS: dict[str, Promise] = {
    "known_phrase": _("a phrase that recognisers invent"),
    "no_speech": _("no speech was heard"),
    "low_probability": _("the recogniser was very unsure"),
    "repetition": _("the same words over and over"),
    "too_fast": _("more words than can be said in the time"),
    "other_script": _("letters of another script"),
    "other_language": _("another language than expected"),
    "hints_repeated": _("the expected words in their order"),
}
"""Why recognised words look invented: `dialogue.turns.Transcript.doubtful`."""

_TELEPHONE_NUMBER = re.compile(r"\+?[\d\s()\-]{5,24}")
_SUBSCRIBER_DIGITS = 10
"""Digits of a number in its country: `8 (701) …` and `+7701…` are the same subscriber."""


def calls_in_full() -> QuerySet[Call]:
    """Calls with all their own fields, the incident, the recording and what was heard on it, in one query."""
    return Call.objects.select_related("incident", "recording", "hearing").defer("hearing__details")


def reason_label(reason: str) -> str:
    """Why a call ended as it did, in words; an error's code as it is."""
    return str(REASONS.get(reason, reason)) or "—"


def search(queryset: QuerySet[M], fields: Sequence[str], text: str, *, number_field: str) -> QuerySet[M]:
    """Keep rows in which every word of ``text`` occurs in one of ``fields``.

    Words in quotes are one phrase. A telephone number is found however it is written.

    Args:
        queryset: rows to choose from.
        fields: text fields, related ones with ``__``.
        text: what a person typed.
        number_field: the field that holds the caller's number.
    """
    if _TELEPHONE_NUMBER.fullmatch(text.strip()):
        digits = re.sub(r"\D", "", text)
        wanted = Q(**{f"{number_field}__contains": digits[-_SUBSCRIBER_DIGITS:]})
        return queryset.filter(wanted | _all_words([text.strip()], fields, queryset.db))
    words = [_unquoted(word) for word in smart_split(text)]
    return queryset.filter(_all_words(words, fields, queryset.db)) if words else queryset


def _unquoted(word: str) -> str:
    return unescape_string_literal(word) if len(word) > 1 and word[0] in "\"'" and word[-1] == word[0] else word


def _all_words(words: Sequence[str], fields: Sequence[str], database: str) -> Q:
    return reduce(and_, (_one_of(fields, word, database) for word in words))


def _one_of(fields: Sequence[str], word: str, database: str) -> Q:
    # SQLite folds the case of ASCII letters only, so Cyrillic words are looked for in the ways they are written.
    spellings = {word}
    if connections[database].vendor == "sqlite":
        spellings |= {word.lower(), word.capitalize(), word.upper()}
    return reduce(or_, (Q(**{f"{field}__icontains": spelling}) for field in fields for spelling in spellings))


def conversation(call: Call, marks: dict[int, list[str]] | None = None) -> list[dict[str, Any]]:
    """The call turn by turn, as a page shows it.

    Args:
        call: whose turns to read (one query).
        marks: per turn number the caller's words to point out.

    Returns:
        One dict a turn: ``turn``, ``second`` (since the start of the call, s), ``percent`` (confidence, 0–100 or
        None), ``doubts`` (why the words look invented, in words) and ``pieces`` (the caller's words as pairs of text
        and whether it is pointed out).
    """
    return [
        {
            "turn": turn,
            "second": max(0.0, (turn.started_at - call.started_at).total_seconds()),
            "percent": None if turn.confidence is None else round(100 * turn.confidence),
            "doubts": [str(DOUBTS.get(code, code)) for code in turn.doubtful],
            "pieces": marked(turn.caller_text, (marks or {}).get(turn.number, [])),
        }
        for turn in call.turns.all()
    ]


def marked(text: str, phrases: Sequence[str]) -> list[tuple[str, bool]]:
    """Cut ``text`` into pieces of (words, whether they are one of ``phrases``); case does not matter."""
    wanted = sorted({phrase.strip() for phrase in phrases if phrase.strip()}, key=len, reverse=True)
    if not wanted:
        return [(text, False)]
    cut = re.split("(" + "|".join(re.escape(phrase) for phrase in wanted) + ")", text, flags=re.IGNORECASE)
    return [(piece, number % 2 == 1) for number, piece in enumerate(cut) if piece]
