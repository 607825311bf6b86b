"""Incidents in the admin: found by urgency, read with the conversation they come from, corrected with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from webadmin.admin_tools import ChoicesMenuFilter, ChoicesOrUnknownFilter, DateRangeFilter, RecordAdmin
from webadmin.audit.models import Action
from webadmin.calls import selectors as call_selectors
from webadmin.calls.templatetags.hotline import moment
from webadmin.incidents import claims, desk, merging, review, selectors, services
from webadmin.incidents.csv_export import incidents_csv
from webadmin.incidents.models import ENDED_STATUSES, Department, Incident

_SUMMARY_CHARACTERS = 110
_LONGEST_NUMBER = 19


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
    person: User

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
        changed = {name: value for name, value in changes.items() if getattr(stored, name) != value}
        if changed:
            services.check_edit(
                stored,
                changed,
                person=self.person,
                reason=cleaned.get("reason", ""),
                seen_version=cleaned.get("seen_version"),
            )
        return cleaned

    @property
    def corrections(self) -> Mapping[str, Any]:
        """New values of the fields that the person changed."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name in services.EDITABLE}


class IncidentChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, **options: Any) -> QuerySet[Incident]:
        return super().get_queryset(request, **options).defer(*selectors.LONG_FIELDS)


def _number(data: QueryDict, name: str) -> int:
    text = data.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _LONGEST_NUMBER else -1


def _plain(step: Callable[..., Incident]) -> Callable[[int, QueryDict, User], Incident]:
    return lambda pk, data, person: step(pk, person=person, seen_version=_number(data, "seen_version"))


def _reasoned(step: Callable[..., Incident]) -> Callable[[int, QueryDict, User], Incident]:
    return lambda pk, data, person: step(
        pk, person=person, seen_version=_number(data, "seen_version"), reason=data.get("reason", "")
    )


def _with_other(step: Callable[..., Incident]) -> Callable[[int, QueryDict, User], Incident]:
    return lambda pk, data, person: step(
        pk, _number(data, "other"), person=person, seen_version=_number(data, "seen_version")
    )


def _dispatch(pk: int, data: QueryDict, person: User) -> Incident:
    return review.dispatch(pk, data.get("department", ""), person=person, seen_version=_number(data, "seen_version"))


_STEPS: dict[Action, Callable[[int, QueryDict, User], Incident]] = {
    Action.CLAIM: _plain(review.claim),
    Action.RELEASE: _plain(review.release),
    Action.CONFIRM: _plain(review.confirm),
    Action.DISPATCH: _dispatch,
    Action.CLOSE: _reasoned(review.close),
    Action.FALSE_CALL: _reasoned(review.mark_false),
    Action.REOPEN: _reasoned(review.reopen),
    Action.MERGE: _with_other(merging.merge),
    Action.SPLIT: _plain(merging.split),
    Action.LINK: _with_other(merging.link),
    Action.UNLINK: _with_other(merging.unlink),
}


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

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.person = request.user
        return form

    def get_urls(self) -> list[Any]:
        steps = [
            path(
                f"<int:incident_id>/{action.value}/",
                self.admin_site.admin_view(require_POST(partial(self.step_view, action=action))),
                name=f"incidents_incident_{action.value}",
            )
            for action in _STEPS
        ]
        return [*steps, *super().get_urls()]

    def step_view(self, request: HttpRequest, incident_id: int, action: Action) -> HttpResponse:
        """Take a step of the review from the incident's page, whose form is sent with it."""
        if not (self.has_change_permission(request) and request.user.has_perm("incidents.review_incident")):
            raise PermissionDenied
        incident = get_object_or_404(Incident, pk=incident_id)
        form = self.get_form(request, incident, change=True)(request.POST, instance=incident)
        if set(form.changed_data) & set(services.EDITABLE):
            self.message_user(request, gettext("Save your corrections first."), messages.ERROR)
        else:
            try:
                _STEPS[action](incident_id, request.POST, request.user)
            except Incident.DoesNotExist:
                self.message_user(request, gettext("There is no such incident."), messages.ERROR)
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:incidents_incident_change", args=[incident_id]))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return IncidentChangeList

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[tuple[Any, dict[str, Any]]]:
        why = ("reason", "seen_version") if self.has_change_permission(request, obj) else ()
        return [
            (
                None,
                {
                    "fields": (
                        ("urgency", "category"),
                        "recommended_department",
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
            person=request.user,
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
        may_review = bool(
            self.has_change_permission(request, obj) and request.user.has_perm("incidents.review_incident")
        )
        context |= {
            "incident": stored,
            "call": stored.call,
            "recording": getattr(stored.call, "recording", None),
            "may_listen": request.user.has_perm("calls.view_recording"),
            "conversation": call_selectors.conversation(stored.call, selectors.evidence_marks(evidence)),
            "field_rows": desk.field_rows(stored),
            "may_review": may_review,
            "may_merge": may_review and stored.status not in ENDED_STATUSES,
            "steps": review.possible_steps(stored, request.user) if may_review else [],
            "departments": Department.choices,
            "holder": claims.holder(stored),
            "possible_duplicates": desk.possible_duplicates(stored),
            "duplicates": stored.duplicates.order_by("id"),
            "linked": merging.linked(stored),
            "model_answer": selectors.readable_json(stored.model_answer),
            "history": selectors.history(stored),
        }
        return super().render_change_form(request, context, add, change, form_url, obj)
