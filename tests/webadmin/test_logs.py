"""Telephone numbers do not reach the log, call ids and times do."""

from __future__ import annotations

import pytest

from webadmin.logs import mask


@pytest.mark.parametrize("number", ["+7 701 123-45-67", "87011234567", "8 (701) 123 45 67", "+380501234567"])
def test_a_telephone_number_in_any_field_is_hidden(number: str) -> None:
    shown = mask(None, "info", {"event": f"dialled {number} twice", "detail": number})
    assert "701" not in str(shown)
    assert "501234" not in str(shown)
    assert shown["event"] == "dialled [number] twice"


def test_call_ids_ports_and_counts_stay() -> None:
    event = {
        "event": "call_started",
        "call_id": "12345678-1234-4234-8234-123456789012",
        "port": "4573",
        "n": 1234567890,
    }
    assert mask(None, "info", dict(event)) == event
