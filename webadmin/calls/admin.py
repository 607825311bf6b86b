"""Calls in the admin: to look at, to listen to, to export."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webadmin.admin_tools import DateRangeFilter, RecordAdmin
from webadmin.calls import pictures, selectors, stats
from webadmin.calls.csv_export import calls_csv
from webadmin.calls.models import Call, Recording, Status
from webadmin.calls.templatetags.hotline import clock, moment


class HasRecordingFilter(admin.SimpleListFilter):
    title = _("recording")
    parameter_name = "has_recording"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Call]) -> QuerySet[Call]:
        match self.value():
            case "yes":
                return queryset.filter(recording__isnull=False)
            case "no":
                return queryset.filter(recording__isnull=True)
        return queryset


class DoorFilter(admin.SimpleListFilter):
    """A fixed list: asking the table which doors there are would read all of it."""

    title = _("door")
    parameter_name = "door"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(door, door) for door in selectors.DOORS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Call]) -> QuerySet[Call]:
        return queryset.filter(door=self.value()) if self.value() else queryset


class CallChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, **options: Any) -> QuerySet[Call]:
        return super().get_queryset(request, **options).defer("transcript", "engines", "hearing__details")


@admin.register(Call)
class CallAdmin(RecordAdmin):
    list_display = ("started", "status_label", "caller", "reason", "about", "heard_answer", "length")
    list_display_links = ("started",)
    list_select_related = ("incident", "recording", "hearing")
    list_filter = (
        "status",
        ("started_at", DateRangeFilter),
        "language",
        HasRecordingFilter,
        DoorFilter,
    )
    search_fields = selectors.SEARCHED
    search_help_text = _("Words of the conversation, caller's or dialled number, operator")
    ordering = ("-started_at", "-id")
    change_form_template = "admin/calls/call/change_form.html"
    change_list_template = "admin/calls/call/change_list.html"
    HEARING_DAYS = timedelta(days=30)
    write_csv = staticmethod(calls_csv)
    fieldsets = (
        (None, {"fields": ("status_label", "reason", "language", "scenario", "door")}),
        (_("Telephony"), {"fields": ("caller_number", "dialled_number", "queue_result", "operator")}),
        (
            _("Times"),
            {"fields": ("started_at", "assistant_ended_at", "ended_at", "lasted", "post_processed_at")},
        ),
        (_("Engines"), {"fields": ("engine_list", "id")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.hearing_view)
        return [path("hearing/", view, name="calls_call_hearing"), *super().get_urls()]

    def hearing_view(self, request: HttpRequest) -> HttpResponse:
        """How long callers waited for answers in the last 30 days, per engines."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        last = timezone.localdate()
        first = last - self.HEARING_DAYS
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Answer delays by day"),
            "charts": pictures.day_charts(stats.hearing_per_day(first, last), first, last),
            "first": first,
            "last": last,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/calls/call/hearing.html", context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CallChangeList

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("status_label", "reason", "lasted", "engine_list", "id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Call], search_term: str
    ) -> tuple[QuerySet[Call], bool]:
        return selectors.search(queryset, selectors.SEARCHED, search_term, number_field="caller_number"), False

    @admin.display(description=_("started"), ordering="started_at")
    def started(self, call: Call) -> str:
        return moment(call.started_at)

    @admin.display(description=_("status"), ordering="status")
    def status_label(self, call: Call) -> str:
        return format_html(
            '<span class="hl-label hl-call-{}">{}</span>',
            call.status if call.status in Status.values else "",
            call.get_status_display(),
        )

    @admin.display(description=_("reason"), ordering="end_reason")
    def reason(self, call: Call) -> str:
        return selectors.reason_label(call.end_reason)

    @admin.display(description=_("lasted"))
    def lasted(self, call: Call) -> str:
        end = call.ended_at or call.assistant_ended_at
        if end is None:
            return "—"
        return clock((end - call.started_at) / timedelta(seconds=1))

    @admin.display(description=_("incident"))
    def about(self, call: Call) -> str:
        incident = getattr(call, "incident", None)
        if incident is None:
            return "—"
        return format_html(
            '<a class="hl-label hl-urgency-{}" href="{}">{}</a>',
            incident.urgency or "unknown",
            reverse("admin:incidents_incident_change", args=[incident.pk]),
            incident,
        )

    @admin.display(description=_("caller"), ordering="caller_number")
    def caller(self, call: Call) -> str:
        return format_html(
            '{} <span class="hl-language" title="{}">{}</span>',
            call.caller_number or "—",
            call.get_language_display(),
            call.language.upper(),
        )

    @admin.display(description=_("answers after"), ordering="hearing__answer_p50")
    def heard_answer(self, call: Call) -> str:
        hearing = getattr(call, "hearing", None)
        if hearing is None or hearing.answer_p50 is None:
            return "—"
        return f"{number_format(hearing.answer_p50, 1)} {gettext('s')}"

    @admin.display(description=_("lasted"))
    def length(self, call: Call) -> str:
        if not hasattr(call, "recording"):
            return self.lasted(call)
        return format_html('{} <span title="{}">♪</span>', self.lasted(call), gettext("recording"))

    @admin.display(description=_("engines"))
    def engine_list(self, call: Call) -> str:
        engines = call.engines if isinstance(call.engines, dict) else {}
        return ", ".join(f"{stage}: {engine}" for stage, engine in engines.items()) or "—"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Call | None = None,
    ) -> HttpResponse:
        assert obj is not None
        context |= {
            "call": obj,
            "incident": getattr(obj, "incident", None),
            "recording": getattr(obj, "recording", None),
            "may_listen": request.user.has_perm("calls.view_recording"),
            "picture": pictures.call_picture(obj),
            "conversation": selectors.conversation(obj),
            "events": [
                {"event": event, "data": json.dumps(event.data, ensure_ascii=False, indent=2)}
                for event in obj.events.all()
            ],
            "subtitle": gettext("Call of %(time)s") % {"time": obj},
        }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def delete_model(self, request: HttpRequest, obj: Call) -> None:
        self.delete_queryset(request, Call.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Call]) -> None:
        files = [recording.file for recording in Recording.objects.filter(call__in=queryset)]
        with transaction.atomic():
            queryset.delete()
            for file in files:
                transaction.on_commit(lambda file=file: file.storage.delete(file.name))

    def save_model(self, request: HttpRequest, obj: Call, form: ModelForm, change: bool) -> None:
        raise AssertionError("a call is never edited")
