"""Text without what is no speech: control characters, markup, pictures, invisible and unknown characters."""

from __future__ import annotations

import html
import re
import unicodedata

_KEPT = frozenset("№°²³…")
"""Characters that have a reading of their own here; Unicode would break them down."""

_TAG = re.compile(r"</?[A-Za-z!?][^<>]{0,500}>")
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,500}\)")
_BULLET = re.compile(r"^[ \t]*[-*•‣+][ \t]+", re.MULTILINE)
_MARKDOWN = re.compile(r"[*`~|^\\]+|(?<!\w)_+|_+(?!\w)|#(?!\d)")
_NUMBER_SIGN = re.compile(r"#(?=\d)")
_LAYERS = 4
"""Markup may stand escaped in markup; beyond this many layers its brackets alone are taken out."""

_SAME = str.maketrans(
    {"’": "'", "ʼ": "'", "`": "'", "‘": "'", "⁄": "/", "−": "-", "‐": "-", "‑": "-", "‒": "–", "—": "–", "―": "–"}
)


def plain(text: str) -> str:
    """Return the text as one line of letters, digits, punctuation and currency signs.

    HTML, SSML and Markdown lose their marks and keep their words; a line break after a word becomes a full stop.
    """
    text = unicodedata.normalize("NFC", text)
    for _ in range(_LAYERS):
        without = _TAG.sub(" ", html.unescape(text))
        if without == text:
            break
        text = without
    text = _BULLET.sub("", _LINK.sub(r"\1", text))
    text = "".join(map(_character, text)).translate(_SAME)
    # Of a unit they are a part of its name, of anything else a digit.
    text = re.sub(r"(?<![мm])[²³]", lambda match: f" {unicodedata.digit(match[0])} ", text)
    text = _MARKDOWN.sub(" ", _NUMBER_SIGN.sub("№", text))
    text = text.replace("<", " ").replace(">", " ").replace("_", " ")
    text = re.sub(r"(\w)\s*\n\s*(?=\S)", r"\1. ", text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def _character(char: str) -> str:
    """Return what stands for a character; a space where it is no speech, nothing where it is invisible."""
    if char.isascii():
        return char if char.isprintable() or char == "\n" else " "
    if char in _KEPT:
        return char
    kind = unicodedata.category(char)
    if kind == "No" and "⁄" in (fraction := unicodedata.normalize("NFKC", char)):
        return f" {fraction} "
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if kind[0] in "CM" and kind != "Cc":
        return ""
    # Pictures, modifiers, separators and control characters part words.
    if kind in {"So", "Sk", "Cc"} or kind[0] == "Z":
        return " "
    wide = unicodedata.normalize("NFKC", char)
    if kind in {"No", "Nl"} and not wide.isalnum():
        return " "
    if wide != char:
        return "".join(c if unicodedata.category(c)[0] in "LNPS" and c.isprintable() else " " for c in wide)
    return " " if kind in {"No", "Nl"} else char
