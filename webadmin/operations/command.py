"""What our management commands share: clear errors instead of tracebacks, and logs on standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

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
        try:
            return asyncio.run(coroutine)
        except KeyboardInterrupt:
            raise CommandError("interrupted") from None
