"""Filters of calls and turns in the API."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from webadmin.api.filters import TimeFilter
from webadmin.calls import selectors
from webadmin.calls.models import Call, Language, Status, Turn


class CallFilter(django_filters.FilterSet):
    """Everything that the admin's list of calls filters by."""

    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    language = django_filters.MultipleChoiceFilter(choices=Language.choices)
    scenario = django_filters.CharFilter()
    door = django_filters.CharFilter()
    end_reason = django_filters.CharFilter()
    caller_number = django_filters.CharFilter()
    dialled_number = django_filters.CharFilter()
    has_recording = django_filters.BooleanFilter(field_name="recording", lookup_expr="isnull", exclude=True)
    started_after = TimeFilter("started_at", "gte")
    started_before = TimeFilter("started_at", "lt")
    search = django_filters.CharFilter(method="matching", label="words of the conversation, numbers, operator")

    class Meta:
        model = Call
        fields: list[str] = []

    def matching(self, queryset: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return selectors.search(queryset, selectors.SEARCHED, value, number_field="caller_number")


class TurnFilter(django_filters.FilterSet):
    """Turns of one call, or of a time."""

    call = django_filters.UUIDFilter(field_name="call_id")
    heard = django_filters.CharFilter()
    started_after = TimeFilter("started_at", "gte")
    started_before = TimeFilter("started_at", "lt")

    class Meta:
        model = Turn
        fields: list[str] = []
