"""What our management commands share: clear errors instead of tracebacks, and logs on standard error."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop
from django.core.management.base import BaseCommand, CommandError

from dialogue.errors import HotlineError
from webadmin import logs

T = TypeVar("T")


class HotlineCommand(BaseCommand):
    """A command whose errors are one sentence each."""

    requires_system_checks: list[str] = []

    def execute(self, *args: Any, **options: Any) -> str | None:
        logs.configure()
        try:
            return super().execute(*args, **options)
        except HotlineError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}") from error

    @staticmethod
    def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; Ctrl-C ends it cleanly."""
        # What is loaded by now stays. To look through it again for garbage would hold up every call for 80 ms.
        gc.collect()
        gc.freeze()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(coroutine)
        except KeyboardInterrupt:
            raise CommandError("interrupted") from None
