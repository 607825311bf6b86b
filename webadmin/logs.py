"""Structured logs: one line a step, with call id and stage, and without personal data."""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_NUMBER = re.compile(r"(?<![\w-])\+?\d(?:[\s().-]{0,3}\d){6,}(?![\w-])")
_EXEMPT = frozenset({"call_id", "timestamp", "exception"})


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what looks like a telephone number in any field, whoever put it there."""
    return {
        key: _NUMBER.sub("[number]", value) if isinstance(value, str) and key not in _EXEMPT else value
        for key, value in event.items()
    }


def configure(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Send structlog and the standard library's log to standard error.

    Args:
        json: one JSON document a line; None: JSON unless standard error is a terminal.
        level: lowest level that is shown.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("httpx", "httpx2", "openai", "asyncio", "pymorphy3"):
        logging.getLogger(name).setLevel(logging.WARNING)
