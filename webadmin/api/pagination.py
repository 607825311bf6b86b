"""Paging by cursor: stable while rows are added, and no COUNT."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class NewestFirst(CursorPagination):
    """50 rows a page, up to 200 by ``page_size``; a cursor that makes no sense is answered with 400."""

    ordering = ("-id",)
    page_size_query_param = "page_size"
    max_page_size = 200
    # Many rows share one urgency: a cursor counts past all of them.
    offset_cutoff = None

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        if not (text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= self.max_page_size):
            raise ValidationError({self.page_size_query_param: f"A number from 1 to {self.max_page_size}."})
        return int(text)

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: APIView | None = None) -> list[Any]:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, DjangoValidationError, ValueError, OverflowError, DataError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            raise ValidationError({self.cursor_query_param: "This cursor is not valid."}) from error
