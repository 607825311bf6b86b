"""Where the live door sends a call in the dialplan. What it has to tell travels in the extension.

Once ARI has set a variable of a channel in `Stasis()`, Asterisk keeps `FILE()` and `STAT()` from the rest of its
call, so none is set (dialplan/README.md). One request is all there is: a call is never half handed over.
"""

from __future__ import annotations

Place = tuple[str, str]
"""Context and extension; the priority is 1."""

_NOT_PASSED = str.maketrans("", "", "*,")


def outcome(outcome: str, reason: str = "", language: str = "") -> Place:
    """The door is done.

    Args:
        outcome: ``completed`` or ``transfer``, the marker ``CALL_OUTCOME``.
        reason: `dialogue.turns.TransferReason`.
        language: ISO 639-1 code for the announcements; empty: the one the call began in.
    """
    return "hotline-outcome", _extension(outcome, reason, language)


def accepted(reason: str, language: str, channel_name: str) -> Place:
    """An operator has accepted and waits in the channel ``channel_name``."""
    return "hotline-accepted", _extension(reason, language, channel_name)


def socket(uuid: str, server: str) -> Place:
    """AudioSocket() is to connect to ``server`` (host:port) as ``uuid``."""
    return "hotline-socket", _extension(uuid, server)


def _extension(*words: str) -> str:
    return "*".join(("1", *(word.translate(_NOT_PASSED) for word in words)))
