"""The published schemas, and incidents of every kind to send."""

from __future__ import annotations

import os
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st

from tests.webadmin.incidents.exchange.schemas import SchemasMissing, schema_folder
from webadmin.calls.models import Call, Language, Status, Turn
from webadmin.incidents.exchange.report import Report
from webadmin.incidents.models import Category, Department, Incident, IncidentStatus, Urgency

NOW = datetime(2026, 3, 8, 12, 30, 15, 250_000, tzinfo=UTC)
DOMAIN = "102.example.kz"

_texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=st.characters(), max_size=60),
    st.sampled_from(["", "\0\x01\x0b\x1f\x7f\ufffe", "<b>&amp;]]></b>", "я" * 10_000, "🔥👩‍🚒", "\ud800", "a\r\nb"]),
)
_names = st.one_of(
    st.sampled_from(["address", "weapons", "callback_number", "people_involved", "urgency"]),
    st.text(alphabet=string.ascii_uppercase, min_size=1, max_size=8),
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=4,
)
# Of two centuries.
_times = st.integers(min_value=-3_200_000_000, max_value=3_200_000_000).map(lambda s: NOW + timedelta(seconds=s))
_numbers = st.sampled_from(["", "anonymous", "+77012345678", "8 (701) 234-56-78", "102", "sip:x@y", "<&>"])


def _unknown_or(values: Any) -> Any:
    return st.none() | st.sampled_from(values)


_calls = st.builds(
    Call,
    id=st.uuids(version=4),
    language=st.sampled_from(["", *Language.values]),
    caller_number=_numbers,
    status=st.sampled_from(Status.values),
    started_at=_times,
    assistant_ended_at=st.none() | _times,
    ended_at=st.none() | _times,
)
_incidents = st.builds(
    Incident,
    id=st.integers(min_value=1, max_value=2**63 - 1),
    call=_calls,
    urgency=_unknown_or(Urgency.values),
    category=_unknown_or(Category.values),
    address=st.none() | _texts,
    current_danger=_unknown_or([True, False]),
    people_involved=st.none() | st.integers(min_value=0, max_value=100_000),
    weapons=_unknown_or([True, False]),
    recommended_department=_unknown_or(Department.values),
    summary=_texts,
    language=st.sampled_from(["", *Language.values]),
    status=st.sampled_from(IncidentStatus.values),
    details=st.dictionaries(_names, _values, max_size=5) | st.just([]),
    evidence=st.dictionaries(_names, _values, max_size=5) | st.just([]),
    updated_at=_times,
)
reports = st.builds(
    Report,
    incident=_incidents,
    turns=st.lists(st.builds(Turn, caller_text=_texts, reply_text=_texts), max_size=3),
    address_sure=st.booleans(),
    changed_by_person=st.booleans(),
    checked=st.booleans(),
    event=st.none() | st.uuids(),
    duplicates=st.lists(st.uuids(), max_size=2, unique=True),
    linked=st.lists(st.uuids(), max_size=2, unique=True),
)
"""Incidents as no call makes them: anything at all in each field."""


@pytest.fixture(scope="session")
def schemas() -> Path:
    try:
        return schema_folder(os.environ)
    except SchemasMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def told() -> Report:
    """A fight, with all that can be known, none of it in the database."""
    call = Call(
        id=UUID("0b7c3a52-9d1e-4f6b-8a77-5f1d2c3b4a59"),
        language="ru",
        caller_number="+7 (701) 234-56-78",
        status=Status.TRANSFERRED,
        started_at=NOW,
    )
    incident = Incident(
        id=41,
        call=call,
        urgency="high",
        category="assault",
        address="улица Абая, 15",
        current_danger=False,
        people_involved=2,
        weapons=True,
        recommended_department="police",
        summary="Драка у магазина «Свет & Ко» <двое>",
        language="ru",
        details={
            "address_confidence": "high",
            "injuries": None,
            "caller_safe_to_talk": False,
            "callback_number": "+77273334455",
        },
        evidence={
            "weapons": {"turn": 1, "words": "с ножом"},
            "callback_number": {"turn": 2, "words": "семь семьсот двадцать семь"},
        },
        updated_at=NOW,
    )
    turns = [
        Turn(number=0, reply_text="Что случилось?"),
        Turn(number=1, caller_text="у магазина драка, двое с ножом", reply_text="Назовите адрес."),
        Turn(number=2, caller_text="Абая 15, звоните на семь семьсот двадцать семь, это 333-44-55"),
    ]
    return Report(incident=incident, turns=turns, address_sure=True, changed_by_person=False, checked=False)
