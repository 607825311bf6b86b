"""``manage.py serve_web``: the office behind uvicorn."""

from __future__ import annotations

from typing import Any

import uvicorn
from django.core.management import call_command
from django.core.management.base import CommandParser

from webadmin.operations.command import HotlineCommand


class Command(HotlineCommand):
    help = "Serve the admin and the API."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", help="host:port")

    def handle(self, *args: Any, **options: Any) -> None:
        host, _, port = options["bind"].rpartition(":")
        call_command("collectstatic", interactive=False, verbosity=0)
        uvicorn.run(
            "webadmin.asgi:application", host=host, port=int(port), log_config=None, lifespan="off", access_log=False
        )
