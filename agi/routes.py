"""Script names to handlers: what a call brings along is checked here, and nothing else is done."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import structlog

from agi import variables
from agi.line import AgiLine
from agi.server import SessionHandler
from agi.session import AgiSession
from agi.spool import Spool
from dialogue.ports import Line, VoiceActivity
from dialogue.record import Incoming, phone_number, valid_call_id

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AgiCall(Incoming[Line]):
    """A call that came over FastAGI; its scenario is the script's name."""


Handler = Callable[[AgiCall], Awaitable[None]]


def routes(
    handlers: Mapping[str, Handler], spool: Path, pbx_spool: PurePosixPath, voice: VoiceActivity
) -> dict[str, SessionHandler]:
    """Return what the server runs for each script.

    Args:
        handlers: what leads a call of each scenario.
        spool: folder shared with Asterisk, as this process sees it.
        pbx_spool: the same folder as Asterisk sees it.
        voice: finds where the caller begins and stops to speak.

    Raises:
        ConfigurationError: a path cannot be handed to Asterisk.
    """
    shared = Spool(spool, pbx_spool)
    return {scenario: _route(scenario, handler, shared, voice) for scenario, handler in handlers.items()}


def _route(scenario: str, handler: Handler, spool: Spool, voice: VoiceActivity) -> SessionHandler:
    async def run(session: AgiSession) -> None:
        headers = session.headers
        given = headers.get("agi_arg_1", "")
        session.call_id = call_id = valid_call_id(given) or str(uuid.uuid4())
        if call_id != given:
            log.warning("call_id_made", call_id=call_id)
            await session.set_variable(variables.CALL_ID, call_id)
        language = headers.get("agi_arg_2", "")
        await handler(
            AgiCall(
                call_id=call_id,
                language=language if re.fullmatch("[a-z]{2}", language) else "",
                scenario=scenario,
                caller=phone_number(headers.get("agi_callerid", "")),
                dialled=phone_number(headers.get("agi_extension", "")),
                line=AgiLine(session, call_id, spool, voice),
            )
        )

    return run
