"""A warm transfer: operators' phones ring, the first to answer hears what it is about and takes the call by a key."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog

from ari_app.client import AriClient, AriError
from ari_app.legs import TAKE_DOWN_SECONDS, MediaLegs, Names, quietly
from ari_app.media.stream import MediaStream
from dialogue.errors import CallError, Stage
from dialogue.ports import Briefing

log = structlog.get_logger(__name__)

ACCEPT_KEY = "1"
TELL_SECONDS = 60.0
"""Longest briefing."""

HAND_OVER_SECONDS = 3.0
"""How long the dialplan may take to bridge an operator who has accepted."""

WORDS = {
    "ru": "Звонок на горячую линию. {summary} Чтобы принять звонок, нажмите один.",
    "kk": "Жедел желіге қоңырау. {summary} Қоңырауды қабылдау үшін бірді басыңыз.",
    "uk": "Дзвінок на гарячу лінію. {summary} Щоб прийняти дзвінок, натисніть один.",
    "en": "A call to the hotline. {summary} To take the call, press one.",
}
_OTHER = "en"

Speak = Callable[[str, str, int], AsyncIterator[bytes]]
"""Turns text in a language (ISO 639-1) into 16-bit mono PCM at a rate in Hz. Raises CallError."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An operator who waits for the caller: the channel's name and the interface it was reached by."""

    channel_name: str
    interface: str


@dataclass(frozen=True, slots=True)
class OperatorPlan:
    """Who is asked to take a call.

    Args:
        endpoints: phones, e.g. ``PJSIP/operator1``; all ring at once.
        ring_seconds: how long operators are looked for before the caller goes to the queue.
        accept_seconds: silence after the briefing that counts as a no.
    """

    endpoints: tuple[str, ...]
    ring_seconds: float = 30.0
    accept_seconds: float = 10.0


@dataclass(slots=True)
class _Phone:
    """An operator's phone while it is asked."""

    channel_id: str
    endpoint: str
    news: asyncio.Event
    channel_name: str = ""
    answered: bool = False
    left: bool = False
    gone: bool = False
    keys: deque[str] = field(default_factory=deque)


class WarmTransfer:
    """Offers calls to operators. Learns from the application what their phones do.

    Args:
        client: ARI.
        app: application the phones are brought into.
        names: ids of what is made.
        legs: sound beside an operator's channel.
        plan: who is asked, and for how long.
        speak: the voice.
    """

    def __init__(
        self, client: AriClient, app: str, names: Names, legs: MediaLegs, plan: OperatorPlan, speak: Speak
    ) -> None:
        self._client = client
        self._app = app
        self._names = names
        self._legs = legs
        self._plan = plan
        self._speak = speak
        self._phones: dict[str, _Phone] = {}

    @property
    def channels(self) -> set[str]:
        """Ids of the operators' channels in use."""
        return set(self._phones)

    def answered(self, channel_id: str, name: str) -> None:
        """An operator's phone was answered and is in the application. ``name``: the channel's."""
        if phone := self._phones.get(channel_id):
            phone.channel_name, phone.answered = name, True
            phone.news.set()

    def left(self, channel_id: str) -> None:
        """An operator's channel is no longer in the application: the dialplan has bridged it, or it is gone."""
        if phone := self._phones.get(channel_id):
            phone.left = True
            phone.news.set()

    def gone(self, channel_id: str) -> None:
        """An operator's phone was hung up, or never answered."""
        if phone := self._phones.get(channel_id):
            phone.gone = True
            phone.news.set()

    def pressed(self, channel_id: str, digit: str) -> None:
        """An operator pressed a key."""
        if phone := self._phones.get(channel_id):
            phone.keys.append(digit)
            phone.news.set()

    @asynccontextmanager
    async def offer(self, briefing: Briefing, caller: str = "") -> AsyncIterator[Accepted | None]:
        """Enter with who accepted, or None where nobody did.

        However the block is left, no phone goes on ringing; where it raises, the operator who accepted is let go too.

        Args:
            briefing: what an operator is told.
            caller: number their phones show.
        """
        phones: dict[str, _Phone] = {}
        news = asyncio.Event()
        kept = ""
        try:
            phone = await self._find(briefing, caller, phones, news)
            if phone is None:
                log.info("nobody_accepted", stage=Stage.LINE.value)
                yield None
            else:
                yield Accepted(phone.channel_name, phone.endpoint)
                if await self._handed_over(phone):
                    kept = phone.channel_id
        finally:
            left = [phone for phone in phones.values() if phone.channel_id != kept]
            try:
                await self._let_go(left)
            finally:
                for channel_id in phones:
                    self._phones.pop(channel_id, None)

    async def _find(
        self, briefing: Briefing, caller: str, phones: dict[str, _Phone], news: asyncio.Event
    ) -> _Phone | None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._plan.ring_seconds
        asked = list(self._plan.endpoints)
        while asked and loop.time() < end:
            ringing = await self._ring(asked, caller, phones, news)
            phone = await self._first_answer(ringing, news, end - loop.time())
            await self._let_go(other for other in ringing if other is not phone)
            if phone is None:
                return None
            if await self._accepts(phone, briefing):
                return phone
            await self._let_go([phone])
            asked.remove(phone.endpoint)
        return None

    async def _handed_over(self, phone: _Phone) -> bool:
        """Whether the dialplan takes the operator over: one who is left alone must not wait on a dead line."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_SECONDS):
                while not phone.left and not phone.gone:
                    phone.news.clear()
                    await phone.news.wait()
        return phone.left

    async def _ring(
        self, endpoints: list[str], caller: str, phones: dict[str, _Phone], news: asyncio.Event
    ) -> list[_Phone]:
        """Let phones ring; return those that do."""
        ringing = [_Phone(self._names.operator + uuid.uuid4().hex, endpoint, news) for endpoint in endpoints]
        for phone in ringing:
            phones[phone.channel_id] = self._phones[phone.channel_id] = phone
        await asyncio.gather(*(self._originate(phone, caller) for phone in ringing))
        return [phone for phone in ringing if not phone.gone]

    async def _originate(self, phone: _Phone, caller: str) -> None:
        try:
            await self._client.originate(
                phone.endpoint,
                app=self._app,
                app_args="operator",
                channel_id=phone.channel_id,
                caller_id=caller or None,
                timeout=max(1, round(self._plan.ring_seconds)),
            )
        except AriError as error:
            phone.gone = True
            log.info("operator_unreachable", endpoint=phone.endpoint, error=type(error).__name__)

    async def _first_answer(self, ringing: list[_Phone], news: asyncio.Event, seconds: float) -> _Phone | None:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    news.clear()
                    for phone in ringing:
                        if phone.answered and not phone.gone:
                            return phone
                    if all(phone.gone for phone in ringing):
                        return None
                    await news.wait()
        except TimeoutError:
            return None

    async def _accepts(self, phone: _Phone, briefing: Briefing) -> bool:
        """Tell an operator what it is about and wait for the key."""
        try:
            async with self._legs.beside(phone.channel_id) as media:
                deciding = asyncio.create_task(_decision(phone))
                telling = asyncio.create_task(self._tell(media, briefing))
                reading = asyncio.create_task(_discard(media))
                try:
                    both = {deciding, telling}
                    await asyncio.wait(both, timeout=TELL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                    if telling.done() and telling.exception() is None:
                        await asyncio.wait({deciding}, timeout=self._plan.accept_seconds)
                    accepted = deciding.done() and deciding.result()
                finally:
                    for task in (deciding, telling, reading):
                        task.cancel()
                    await asyncio.gather(deciding, telling, reading, return_exceptions=True)
        except (AriError, CallError) as error:
            log.warning("briefing_failed", stage=Stage.LINE.value, error=type(error).__name__)
            return False
        log.info("operator_decided", endpoint=phone.endpoint, accepted=accepted)
        return accepted and not phone.gone

    async def _tell(self, media: MediaStream, briefing: Briefing) -> None:
        language = briefing.language if briefing.language in WORDS else _OTHER
        text = WORDS[language].format(summary=briefing.summary)
        async for pcm in self._speak(text, language, media.rate):
            await media.play(pcm)
        await media.drained()

    async def _let_go(self, phones: Iterable[_Phone]) -> None:
        left = [phone for phone in phones if not phone.gone]
        for phone in left:
            phone.gone = True
        if left:
            requests = (quietly(self._client.hangup(phone.channel_id)) for phone in left)
            await asyncio.wait_for(asyncio.gather(*requests), TAKE_DOWN_SECONDS)


async def _decision(phone: _Phone) -> bool:
    """Wait for the operator's key; True where it is the one that accepts."""
    while not phone.keys and not phone.gone:
        phone.news.clear()
        await phone.news.wait()
    return not phone.gone and phone.keys[0] == ACCEPT_KEY


async def _discard(media: MediaStream) -> None:
    """Read what nobody listens to, so that it does not pile up."""
    async for _ in media.hear():
        pass
