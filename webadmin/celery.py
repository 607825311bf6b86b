"""The Celery application: what can wait until after the call."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

from webadmin import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webadmin.settings")

app = Celery("hotline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _set_up_logs(**_: Any) -> None:
    """Workers log as every other process of ours does; Celery's own set-up would show less of it."""
    logs.configure()
