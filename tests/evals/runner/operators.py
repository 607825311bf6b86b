"""The operators' phones: they answer by themselves, and each call is handed to the scenario whose caller it is."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack
from types import TracebackType

from webadmin.operations.sip_call import SipCall
from webadmin.operations.sip_phone import SipPhone

ACCOUNTS = ("operator1", "operator2")


class Operators:
    """Use as an asynchronous context manager.

    Args:
        registrar: e.g. ``sip:127.0.0.1:5060``.
        password: of the accounts.
        accounts: user parts; each takes one call at a time from the queue.
    """

    def __init__(self, registrar: str, password: str, accounts: tuple[str, ...] = ACCOUNTS) -> None:
        self._registrar, self._password, self._accounts = registrar, password, accounts
        self._taken: list[SipCall] = []
        self._arrived = asyncio.Condition()
        self._free = asyncio.Semaphore(len(accounts))
        self._tasks: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Operators:
        for account in self._accounts:
            phone = SipPhone(user=account, password=self._password, auto_answer=True)
            await self._stack.enter_async_context(phone)
            await phone.register(self._registrar)
            self._tasks.append(asyncio.create_task(self._collect(phone)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    @property
    def one(self) -> asyncio.Semaphore:
        """Held by whoever will need an operator: more at once would wait in the queue for one another."""
        return self._free

    async def call_from(self, number: str, seconds: float, besides: Collection[SipCall] = ()) -> SipCall:
        """Return the call of a caller, other than those given, once a phone has answered it. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._arrived:
            while True:
                for call in self._taken:
                    if number in call.remote and not call.ended.is_set() and call not in besides:
                        return call
                await self._arrived.wait()

    async def _collect(self, phone: SipPhone) -> None:
        while True:
            call = await phone.incoming.get()
            async with self._arrived:
                self._taken.append(call)
                self._arrived.notify_all()
