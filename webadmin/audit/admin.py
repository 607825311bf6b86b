"""The audit log in the admin: to read and to filter, nothing else."""

from __future__ import annotations

import json

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from webadmin.admin_tools import DateRangeFilter
from webadmin.audit import selectors
from webadmin.audit.models import AuditEntry
from webadmin.calls.templatetags.hotline import moment


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    list_display = ("time", "actor", "action", "object_kind", "object_id", "details")
    list_filter = (("at", DateRangeFilter), "action")
    search_fields = ("actor",)
    search_help_text = _("A user name, the id of a call or of an incident")
    ordering = ("-at", "-id")
    actions = None
    show_full_result_count = False
    list_per_page = 100

    class Media:
        css = {"all": ["hotline/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        return selectors.search(queryset, search_term), False

    @admin.display(description=_("time"), ordering="at")
    def time(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @admin.display(description=_("detail"))
    def details(self, entry: AuditEntry) -> str:
        return json.dumps(entry.detail, ensure_ascii=False) if entry.detail else "—"
