"""A call as the dialplan hands it over: what `Stasis()` brought along, checked."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from ari_app.client import Channel
from dialogue.live.line import LiveLine
from dialogue.record import Incoming, phone_number, valid_call_id

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveIncoming(Incoming[LiveLine]):
    """A call that came over ARI."""


Handler = Callable[[LiveIncoming], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What `Stasis()` brought along, checked: the fields of `LiveIncoming` and the caller's channel."""

    channel: str
    answered: bool
    call_id: str
    scenario: str
    language: str
    caller: str
    dialled: str


def read_entry(channel: Channel, arguments: Sequence[str]) -> Entry:
    """Read the arguments ``call id, scenario, language, extension``; a call without a valid id gets a new one."""
    given = [*arguments, "", "", "", ""]
    call_id = valid_call_id(given[0])
    if call_id is None:
        call_id = str(uuid.uuid4())
        log.warning("call_id_made", call_id=call_id)
    return Entry(
        channel=channel.id,
        answered=channel.state == "Up",
        call_id=call_id,
        scenario=given[1] if re.fullmatch("[a-z0-9_]{1,64}", given[1]) else "",
        language=given[2] if re.fullmatch("[a-z]{2}", given[2]) else "",
        caller=phone_number(channel.caller.number),
        dialled=phone_number(given[3]),
    )
