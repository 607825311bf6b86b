"""An operator who is not at their desk."""

from __future__ import annotations

import asyncio
from typing import Any

from webadmin.operations.sip_message import SipMessage
from webadmin.operations.sip_phone import SipPhone


class RingingPhone(SipPhone):
    """An operator's phone that rings and is never answered."""

    def __init__(self, **options: Any) -> None:
        super().__init__(auto_answer=True, **options)
        self.rings = asyncio.Event()

    async def _answer(self, invite: SipMessage, addr: tuple[str, int]) -> None:
        self.rings.set()
        self._respond(invite, addr, 180, "Ringing", "tag")
