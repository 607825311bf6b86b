"""Filters of incidents in the API."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from webadmin.api.filters import TimeFilter
from webadmin.calls import selectors as call_selectors
from webadmin.calls.models import Language, Status
from webadmin.incidents import desk, selectors
from webadmin.incidents.models import Category, Department, Incident, IncidentStatus, Urgency


class IncidentFilter(django_filters.FilterSet):
    """All filters of the admin's list. Choices may be given several times; `null` is unknown."""

    urgency = django_filters.MultipleChoiceFilter(choices=Urgency.choices, null_value="null", null_label="unknown")
    category = django_filters.MultipleChoiceFilter(choices=Category.choices, null_value="null", null_label="unknown")
    recommended_department = django_filters.MultipleChoiceFilter(
        choices=Department.choices, null_value="null", null_label="unknown"
    )
    status = django_filters.MultipleChoiceFilter(choices=IncidentStatus.choices)
    waiting = django_filters.BooleanFilter(
        method="waiting_or_not", label="waits for a dispatcher: open, in nobody's hands, no duplicate"
    )
    claimed_by = django_filters.CharFilter(field_name="claimed_by__username")
    dispatched_to = django_filters.MultipleChoiceFilter(choices=Department.choices)
    merged_into = django_filters.NumberFilter(field_name="merged_into_id", max_value=2**63 - 1)
    language = django_filters.MultipleChoiceFilter(choices=Language.choices)
    call_status = django_filters.MultipleChoiceFilter(field_name="call__status", choices=Status.choices)
    call = django_filters.UUIDFilter(field_name="call_id")
    caller_number = django_filters.CharFilter(field_name="call__caller_number")
    current_danger = django_filters.BooleanFilter()
    weapons = django_filters.BooleanFilter()
    final = django_filters.BooleanFilter()
    created_after = TimeFilter("created_at", "gte")
    created_before = TimeFilter("created_at", "lt")
    updated_after = TimeFilter("updated_at", "gte")
    search = django_filters.CharFilter(method="matching", label="address, summary, conversation, caller's number")

    class Meta:
        model = Incident
        fields: list[str] = []

    def waiting_or_not(self, queryset: QuerySet[Incident], name: str, value: bool) -> QuerySet[Incident]:
        found = desk.waits()
        return queryset.filter(found) if value else queryset.exclude(found)

    def matching(self, queryset: QuerySet[Incident], name: str, value: str) -> QuerySet[Incident]:
        return call_selectors.search(queryset, selectors.SEARCHED, value, number_field="call__caller_number")
