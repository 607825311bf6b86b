"""What the admin's lists of calls and incidents have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webadmin.audit.models import Action
from webadmin.audit.services import record


class ChoicesOrUnknownFilter(admin.ChoicesFieldListFilter):
    """Choices of a field, and "unknown" where the field may be null."""

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield from super().choices(changelist)
        if self.field.null:
            yield {
                "selected": bool(self.lookup_val_isnull),
                "query_string": changelist.get_query_string({self.lookup_kwarg_isnull: "True"}, [self.lookup_kwarg]),
                "display": gettext("Unknown"),
            }


class ChoicesMenuFilter(ChoicesOrUnknownFilter):
    """The same as a menu, for fields with many choices."""

    template = "hotline/menu_filter.html"


class DateRangeFilter(admin.FieldListFilter):
    """From and to, as dates in the office's time zone, both included; with shortcuts for the last days."""

    template = "hotline/date_range_filter.html"

    def __init__(self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: str) -> None:
        self.from_name, self.to_name = f"{field_path}_from", f"{field_path}_to"
        super().__init__(field, request, params, model, model_admin, field_path)
        self.start = self._date(self.from_name)
        self.end = self._date(self.to_name)

    def expected_parameters(self) -> list[str]:
        return [self.from_name, self.to_name]

    def _date(self, name: str) -> date | None:
        text = (self.used_parameters.get(name) or [""])[-1]
        try:
            return date.fromisoformat(text) if text else None
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            if self.start:
                queryset = queryset.filter(**{f"{self.field_path}__gte": _midnight(self.start)})
            if self.end:
                queryset = queryset.filter(**{f"{self.field_path}__lt": _midnight(self.end + timedelta(days=1))})
        except OverflowError as error:
            raise IncorrectLookupParameters(error) from error
        return queryset

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        today = timezone.localdate()
        names = [self.from_name, self.to_name]
        shortcuts = [
            (_("Any date"), None),
            (_("Today"), today),
            (_("Last 7 days"), today - timedelta(days=6)),
            (_("Last 30 days"), today - timedelta(days=29)),
        ]
        kept = {name: values for name, values in changelist.filter_params.items() if name not in names}
        if changelist.query:
            kept["q"] = [changelist.query]
        if "o" in changelist.params:
            kept["o"] = [changelist.params["o"]]
        yield {
            "from_name": self.from_name,
            "to_name": self.to_name,
            "start": self.start,
            "end": self.end,
            "kept": [(name, value) for name, values in kept.items() for value in values],
            "shortcuts": [
                {
                    "display": label,
                    "selected": self.start == start and self.end is None,
                    "query_string": changelist.get_query_string(
                        {self.from_name: start.isoformat()} if start else {}, names
                    ),
                }
                for label, start in shortcuts
            ],
        }


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class RecordAdmin(admin.ModelAdmin):
    """A record of what happened: nobody adds one, only a superuser deletes one, and what is listed can be exported."""

    show_full_result_count = False
    list_per_page = 50
    actions = ["export_selected"]
    change_list_template = "hotline/change_list.html"
    write_csv: Callable[..., HttpResponseBase]

    class Media:
        css = {"all": ["hotline/admin.css"]}
        js = ["hotline/office.js"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    @admin.action(description=_("Export selected as CSV"), permissions=["view"])
    def export_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase:
        return self._export(request, queryset)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Also to the audit log, which outlives what is deleted."""
        for each in queryset:
            call_id = getattr(each, "call_id", None) or getattr(each, "pk", None)
            record(
                Action.DELETE,
                actor=request.user.get_username(),
                kind=self.opts.model_name,
                object_id=each.pk,
                call_id=call_id,
            )
        return super().log_deletions(request, queryset)

    def _export(self, request: HttpRequest, rows: QuerySet[Any], separator: str = "comma") -> HttpResponseBase:
        filters = sorted(set(request.GET) - {"separator"})
        record(Action.EXPORT, actor=request.user.get_username(), kind=self.opts.model_name, detail={"filters": filters})
        return self.write_csv(request, rows, separator)

    def get_urls(self) -> list[Any]:
        options = self.opts
        name = f"{options.app_label}_{options.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export_view), name=name), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """All rows that the list's filters and search leave, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        # The change list takes every parameter it does not know for a filter.
        wanted = request.GET.copy()
        separator = wanted.pop("separator", [""])[-1]
        request.GET = wanted
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
            return HttpResponseRedirect(f"{reverse(name)}?e=1")
        return self._export(request, rows, separator)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_export"
        context = {"export_url": reverse(name), "export_query": request.GET.urlencode(), **(extra_context or {})}
        return super().changelist_view(request, context)
