"""Incidents in the admin: found by urgency, read with the conversation they come from, corrected with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webadmin.admin_tools import ChoicesMenuFilter, ChoicesOrUnknownFilter, DateRangeFilter, RecordAdmin
from webadmin.calls import selectors as call_selectors
from webadmin.calls.templatetags.hotline import moment
from webadmin.incidents import selectors, services
from webadmin.incidents.csv_export import incidents_csv
from webadmin.incidents.models import Incident

_SUMMARY_CHARACTERS = 110


class IncidentForm(forms.ModelForm):
    """A person's corrections, the reason for them, and which version of the incident the person saw."""

    reason = forms.CharField(
        label=_("reason for the change"),
        max_length=200,
        required=False,
        help_text=_("Needed where the urgency is lowered. Stays in the history."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Incident
        fields = services.EDITABLE
        widgets = {
            "address": forms.TextInput(attrs={"class": "vLargeTextField"}),
            "summary": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen_version"] = services.latest_version(self.instance.pk)
        if "address" in self.fields:
            self.fields["address"].empty_value = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # The admin's view is one transaction: what is checked here still holds when it is saved.
        stored = Incident.objects.select_for_update().get(pk=self.instance.pk)
        changes = {name: cleaned[name] for name in services.EDITABLE if name in cleaned}
        services.check_edit(stored, changes, reason=cleaned.get("reason", ""), seen_version=cleaned.get("seen_version"))
        return cleaned

    @property
    def corrections(self) -> Mapping[str, Any]:
        """New values of the fields that the person changed."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name in services.EDITABLE}


class IncidentChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, **options: Any) -> QuerySet[Incident]:
        return super().get_queryset(request, **options).defer(*selectors.LONG_FIELDS)


@admin.register(Incident)
class IncidentAdmin(RecordAdmin):
    form = IncidentForm
    list_display = (
        "urgency_label",
        "created",
        "category",
        "place_and_summary",
        "signs",
        "recommended_department",
        "status_label",
        "call_link",
    )
    list_display_links = ("urgency_label", "place_and_summary")
    list_select_related = ("call",)
    list_filter = (
        ("urgency", ChoicesOrUnknownFilter),
        ("status", ChoicesOrUnknownFilter),
        ("category", ChoicesMenuFilter),
        ("recommended_department", ChoicesOrUnknownFilter),
        ("created_at", DateRangeFilter),
        ("language", ChoicesOrUnknownFilter),
        "current_danger",
        "weapons",
        ("call__status", ChoicesOrUnknownFilter),
    )
    search_fields = selectors.SEARCHED
    search_help_text = _("Address, summary, words of the conversation, caller's number")
    ordering = ("-created_at", "-id")
    change_list_template = "admin/incidents/incident/change_list.html"
    change_form_template = "admin/incidents/incident/change_form.html"
    write_csv = staticmethod(incidents_csv)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return IncidentChangeList

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[tuple[Any, dict[str, Any]]]:
        why = ("reason", "seen_version") if self.has_change_permission(request, obj) else ()
        return [
            (
                None,
                {
                    "fields": (
                        ("urgency", "status"),
                        ("category", "recommended_department"),
                        "address",
                        ("current_danger", "weapons"),
                        ("people_involved", "language"),
                        "summary",
                        *why,
                    )
                },
            ),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Incident], search_term: str
    ) -> tuple[QuerySet[Incident], bool]:
        found = call_selectors.search(queryset, selectors.SEARCHED, search_term, number_field="call__caller_number")
        return found, False

    @admin.display(description=_("urgency"), ordering="urgency_rank")
    def urgency_label(self, incident: Incident) -> str:
        return format_html(
            '<span class="hl-label hl-urgency-{}">{}</span>',
            incident.urgency or "unknown",
            incident.get_urgency_display() or gettext("Unknown"),
        )

    @admin.display(description=_("time"), ordering="created_at")
    def created(self, incident: Incident) -> str:
        return moment(incident.created_at)

    @admin.display(description=_("address and summary"), ordering="address")
    def place_and_summary(self, incident: Incident) -> str:
        return format_html(
            '<span class="hl-place">{}</span> <span class="hl-summary">{}</span>',
            incident.address or gettext("No address"),
            Truncator(incident.summary).chars(_SUMMARY_CHARACTERS),
        )

    @admin.display(description=_("signs"))
    def signs(self, incident: Incident) -> str:
        danger = format_html('<span class="hl-sign">{}</span> ', gettext("danger")) if incident.current_danger else ""
        weapons = format_html('<span class="hl-sign">{}</span>', gettext("weapons")) if incident.weapons else ""
        return format_html("{}{}", danger, weapons) or "—"

    @admin.display(description=_("status"), ordering="status")
    def status_label(self, incident: Incident) -> str:
        return format_html(
            '<span class="hl-label hl-status-{}">{}</span>', incident.status, incident.get_status_display()
        )

    @admin.display(description=_("call"))
    def call_link(self, incident: Incident) -> str:
        return format_html(
            '<a href="{}" title="{}">{}</a> <span class="hl-language">{}</span>',
            reverse("admin:calls_call_change", args=[incident.call_id]),
            incident.get_language_display(),
            incident.call.get_status_display(),
            incident.language.upper(),
        )

    def save_model(self, request: HttpRequest, obj: Incident, form: IncidentForm, change: bool) -> None:
        services.edit_incident(
            obj.pk,
            form.corrections,
            author=request.user.get_username(),
            reason=form.cleaned_data.get("reason", ""),
        )

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Incident | None = None,
    ) -> HttpResponse:
        assert obj is not None
        # The form has put a person's unsaved values on the object: what is shown beside it is what is stored.
        stored = selectors.incidents_in_full().get(pk=obj.pk)
        evidence = selectors.evidence_rows(stored)
        context |= {
            "incident": stored,
            "call": stored.call,
            "recording": getattr(stored.call, "recording", None),
            "may_listen": request.user.has_perm("calls.view_recording"),
            "conversation": call_selectors.conversation(stored.call, selectors.evidence_marks(evidence)),
            "evidence": evidence,
            "details": selectors.detail_rows(stored),
            "model_answer": selectors.readable_json(stored.model_answer),
            "history": selectors.history(stored),
        }
        return super().render_change_form(request, context, add, change, form_url, obj)
