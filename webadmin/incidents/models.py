"""What calls are about: classified incidents, the evidence they rest on, and how they came to be so."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
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
    """How far people have got with it."""

    NEW = "new", _("New")
    CLAIMED = "claimed", _("In work")
    CONFIRMED = "confirmed", _("Confirmed")
    CORRECTED = "corrected", _("Corrected")
    DISPATCHED = "dispatched", _("Dispatched")
    CLOSED = "closed", _("Closed")
    FALSE_CALL = "false_call", _("False call")


OPEN_STATUSES = (
    IncidentStatus.NEW,
    IncidentStatus.CLAIMED,
    IncidentStatus.CONFIRMED,
    IncidentStatus.CORRECTED,
)
"""Nobody has been sent yet, and nobody has said that nobody need be."""

HELD_STATUSES = OPEN_STATUSES[1:]
"""In these an incident may be in somebody's hands."""

ENDED_STATUSES = (IncidentStatus.CLOSED, IncidentStatus.FALSE_CALL)

SETTLED_STATUSES = (IncidentStatus.CONFIRMED, IncidentStatus.DISPATCHED, *ENDED_STATUSES)
"""A person has said that all of it is right, or acted on it: a machine fills what is unknown and changes nothing else.

In `IncidentStatus.CORRECTED` the fields that the person set stay; the call may still go on and tell of the others.
"""


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
    status = models.CharField(_("status"), max_length=10, choices=IncidentStatus.choices, default=IncidentStatus.NEW)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("in work with"),
        null=True,
        blank=True,
    )
    claimed_at = models.DateTimeField(_("in work since"), null=True, blank=True)
    dispatched_to = models.CharField(
        _("dispatched to"), max_length=9, choices=Department.choices, null=True, blank=True
    )
    dispatched_at = models.DateTimeField(_("dispatched at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    # Where the other one is deleted, this one stands for itself again: an open one is waiting once more.
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        related_name="duplicates",
        verbose_name=_("duplicate of"),
        null=True,
        blank=True,
    )
    details = models.JSONField(_("further fields"), default=dict, blank=True)
    evidence = models.JSONField(_("evidence"), default=dict, blank=True)
    suggestions = models.JSONField(_("what the assistant would change"), default=dict, blank=True)
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
        permissions = [("review_incident", "Can review incidents")]
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
            models.CheckConstraint(
                condition=Q(claimed_at__isnull=False) | Q(claimed_by__isnull=True), name="incident_claim_has_its_time"
            ),
            models.CheckConstraint(
                condition=Q(claimed_at__isnull=True) | Q(status__in=HELD_STATUSES, merged_into__isnull=True),
                name="incident_claim_while_in_work",
            ),
            models.CheckConstraint(
                condition=~Q(status=IncidentStatus.CLAIMED) | Q(claimed_at__isnull=False), name="incident_in_work_since"
            ),
            models.CheckConstraint(
                condition=Q(dispatched_to__isnull=True, dispatched_at__isnull=True)
                | Q(dispatched_to__isnull=False, dispatched_to__in=Department.values, dispatched_at__isnull=False),
                name="incident_dispatch_has_both",
            ),
            models.CheckConstraint(
                condition=Q(status=IncidentStatus.DISPATCHED, dispatched_at__isnull=False)
                | Q(status__in=OPEN_STATUSES, dispatched_at__isnull=True)
                | Q(status__in=ENDED_STATUSES),
                name="incident_dispatched_with_department",
            ),
            models.CheckConstraint(
                condition=Q(status__in=ENDED_STATUSES, closed_at__isnull=False)
                | (~Q(status__in=ENDED_STATUSES) & Q(closed_at__isnull=True)),
                name="incident_ended_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")), name="incident_no_duplicate_of_itself"
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="incident_newest"),
            models.Index(fields=["status", "-created_at"], name="incident_by_status"),
            models.Index(
                fields=["urgency_rank", "created_at", "id"],
                name="incident_open",
                condition=Q(status__in=OPEN_STATUSES, merged_into__isnull=True),
            ),
            models.Index(fields=["claimed_at"], name="incident_claims", condition=Q(claimed_at__isnull=False)),
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


class IncidentLink(models.Model):
    """Two incidents that have to do with each other and are not the same event. The older one's id comes first."""

    one = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="+", verbose_name=_("incident"))
    other = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="+", verbose_name=_("linked incident"))
    at = models.DateTimeField(_("time"))
    author = models.CharField(_("author"), max_length=150)

    class Meta:
        verbose_name = _("link of incidents")
        verbose_name_plural = _("links of incidents")
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="incident_link_once"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="incident_link_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.one_id} – {self.other_id}"
