"""What calls are about: classified incidents, the evidence they rest on, and how they came to be so."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from webadmin.calls.models import Call, Language


class Urgency(models.TextChoices):
    CRITICAL = "critical", _("Critical")
    HIGH = "high", _("High")
    MEDIUM = "medium", _("Medium")
    LOW = "low", _("Low")


URGENCY_RANK = {Urgency.CRITICAL: 0, Urgency.HIGH: 1, Urgency.MEDIUM: 2, Urgency.LOW: 3}
"""Order in which dispatchers want them: the most urgent first."""


class Department(models.TextChoices):
    POLICE = "police", _("Police")
    AMBULANCE = "ambulance", _("Ambulance")
    RESCUE = "rescue", _("Rescue service")
    AKIMAT = "akimat", _("Akimat")


class Category(models.TextChoices):
    THEFT = "theft", _("Theft")
    ROBBERY = "robbery", _("Robbery")
    BURGLARY = "burglary", _("Burglary")
    ASSAULT = "assault", _("Assault")
    DOMESTIC = "domestic", _("Domestic violence")
    SEXUAL_VIOLENCE = "sexual_violence", _("Sexual violence")
    WEAPONS = "weapons", _("Weapons")
    THREAT = "threat", _("Threat")
    MISSING_PERSON = "missing_person", _("Missing person")
    SUICIDE = "suicide", _("Suicide")
    FRAUD = "fraud", _("Fraud")
    DRUGS = "drugs", _("Drugs")
    DISORDER = "disorder", _("Disorder")
    NOISE = "noise", _("Noise")
    TRAFFIC = "traffic", _("Traffic")
    FIRE = "fire", _("Fire")
    MEDICAL = "medical", _("Medical")
    SUSPICIOUS = "suspicious", _("Suspicious person or object")
    VANDALISM = "vandalism", _("Vandalism")
    ANIMAL = "animal", _("Animal")
    INFORMATION = "information", _("Information")
    SILENT = "silent", _("Silent call")
    OTHER = "other", _("Other")


class IncidentStatus(models.TextChoices):
    """How far people have got with it. The review workflow builds on these."""

    NEW = "new", _("New")
    REVIEWED = "reviewed", _("Reviewed")
    CLOSED = "closed", _("Closed")


class Incident(models.Model):
    """What one call reports. Fields the caller did not give are null: nothing has a default but its status."""

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="incident", verbose_name=_("call"))
    urgency = models.CharField(_("urgency"), max_length=8, choices=Urgency.choices, null=True, blank=True)
    urgency_rank = models.GeneratedField(
        expression=models.Case(
            *[models.When(urgency=name, then=models.Value(rank)) for name, rank in URGENCY_RANK.items()],
            default=models.Value(4),
        ),
        output_field=models.SmallIntegerField(_("urgency rank")),
        db_persist=True,
    )
    category = models.CharField(_("category"), max_length=16, choices=Category.choices, null=True, blank=True)
    address = models.CharField(_("address"), max_length=500, null=True, blank=True)
    current_danger = models.BooleanField(_("danger now"), null=True, blank=True)
    people_involved = models.PositiveIntegerField(_("people involved"), null=True, blank=True)
    weapons = models.BooleanField(_("weapons"), null=True, blank=True)
    recommended_department = models.CharField(
        _("department"), max_length=9, choices=Department.choices, null=True, blank=True
    )
    summary = models.TextField(_("summary"), blank=True)
    language = models.CharField(_("language"), max_length=2, choices=Language.choices, blank=True)
    status = models.CharField(_("status"), max_length=8, choices=IncidentStatus.choices, default=IncidentStatus.NEW)
    details = models.JSONField(_("further fields"), default=dict, blank=True)
    evidence = models.JSONField(_("evidence"), default=dict, blank=True)
    notes = models.JSONField(_("findings of the checks"), default=list, blank=True)
    source = models.CharField(_("decided by"), max_length=8, blank=True)
    engine = models.CharField(_("engine"), max_length=128, blank=True)
    prompt_version = models.CharField(_("prompt version"), max_length=64, blank=True)
    model_answer = models.TextField(_("model's answer"), blank=True)
    final = models.BooleanField(_("classified with the whole conversation"), default=False)
    created_at = models.DateTimeField(_("created"))
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(urgency__isnull=True) | Q(urgency__in=Urgency.values), name="incident_urgency_known"
            ),
            models.CheckConstraint(
                condition=Q(category__isnull=True) | Q(category__in=Category.values), name="incident_category_known"
            ),
            models.CheckConstraint(
                condition=Q(recommended_department__isnull=True) | Q(recommended_department__in=Department.values),
                name="incident_department_known",
            ),
            models.CheckConstraint(condition=Q(status__in=IncidentStatus.values), name="incident_status_known"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="incident_newest"),
            models.Index(fields=["status", "urgency_rank", "created_at"], name="incident_waiting"),
            models.Index(fields=["urgency", "-created_at"], name="incident_by_urgency"),
            models.Index(fields=["category", "-created_at"], name="incident_by_category"),
            models.Index(fields=["recommended_department", "-created_at"], name="incident_by_department"),
            models.Index(fields=["language", "-created_at"], name="incident_by_language"),
        ]

    def __str__(self) -> str:
        return f"{self.get_urgency_display() or '—'} · {self.get_category_display() or '—'}"


class IncidentVersion(models.Model):
    """What an incident's fields were after each change, by whom: append-only."""

    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="versions", verbose_name=_("incident")
    )
    at = models.DateTimeField(_("time"))
    author = models.CharField(_("author"), max_length=150)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    fields = models.JSONField(_("fields"))

    class Meta:
        verbose_name = _("incident version")
        verbose_name_plural = _("incident versions")
        ordering = ["incident", "at", "id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.author}"
