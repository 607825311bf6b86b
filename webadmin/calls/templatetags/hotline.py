"""Filters of the office's pages."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html

from webadmin.calls.models import Turn

register = template.Library()


@register.filter
def clock(seconds: float) -> str:
    """Minutes and seconds, as ``2:05``."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


@register.filter
def thinking(turn: Turn) -> str:
    """Seconds between the caller's words and the answer's sound, with one decimal."""
    parts = (turn.recognition_seconds, turn.decision_seconds, turn.synthesis_seconds)
    return number_format(sum(part or 0.0 for part in parts), 1)


@register.filter
def moment(at: datetime) -> str:
    """Time of day over the date, in the office's time zone: narrow enough for a list."""
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}"><b>{}</b> {}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%H:%M}",
        date_format(local, "SHORT_DATE_FORMAT"),
    )
