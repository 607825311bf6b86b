"""Filters that refuse what they do not understand: a misspelt filter must not answer with every row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import django_filters
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.views import APIView

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_OTHER_PARAMETERS = {"cursor", "page_size", "ordering", "format"}


class TimeFilter(django_filters.IsoDateTimeFilter):
    """A point in time as ISO 8601, between the years 1970 and 2200."""

    def __init__(self, field_name: str, lookup_expr: str) -> None:
        validators = [MinValueValidator(_EARLIEST), MaxValueValidator(_LATEST)]
        super().__init__(field_name=field_name, lookup_expr=lookup_expr, validators=validators)


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, with 400 for a parameter that is no filter."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters) if filterset_class else set()
        if unknown := set(request.query_params) - known - _OTHER_PARAMETERS:
            raise ValidationError(dict.fromkeys(sorted(unknown), f"No such filter. Known: {', '.join(sorted(known))}."))
        return super().filter_queryset(request, queryset, view)


class StrictOrderingFilter(OrderingFilter):
    """Ordering by the view's ``ordering_fields`` with 400 for others; newest first among equals.

    A view's ``ordering_ties`` are appended, so that the order is total and paging neither skips nor repeats.
    """

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> Sequence[str]:
        text = request.query_params.get(self.ordering_param, "")
        asked = [name.strip() for name in text.split(",") if name.strip()]
        if unknown := [name for name in asked if name.removeprefix("-") not in view.ordering_fields]:
            message = f"Cannot order by {unknown[0]!r}. Known: {', '.join(view.ordering_fields)}."
            raise ValidationError({self.ordering_param: message})
        given = {name.removeprefix("-") for name in asked}
        return (*asked, *(name for name in view.ordering_ties if name.removeprefix("-") not in given))

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        known = [sign + name for name in view.ordering_fields for sign in ("", "-")]
        return [
            {
                "name": self.ordering_param,
                "required": False,
                "in": OpenApiParameter.QUERY,
                "description": f"Comma-separated: {', '.join(known)}",
                "schema": {"type": "string"},
            }
        ]
