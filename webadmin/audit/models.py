"""The audit log: one row for each thing that a person, or the office by itself, did."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Action(models.TextChoices):
    CLAIM = "claim", _("claimed")
    RELEASE = "release", _("released")
    LAPSE = "lapse", _("claim lapsed")
    CONFIRM = "confirm", _("confirmed")
    CORRECT = "correct", _("corrected")
    DISPATCH = "dispatch", _("dispatched")
    CLOSE = "close", _("closed")
    FALSE_CALL = "false_call", _("marked as a false call")
    REOPEN = "reopen", _("last step undone")
    MERGE = "merge", _("merged")
    SPLIT = "split", _("split")
    LINK = "link", _("linked")
    UNLINK = "unlink", _("unlinked")
    PLAYBACK = "playback", _("played a recording")
    EXPORT = "export", _("exported")
    DELETE = "delete", _("deleted")


class AuditEntry(models.Model):
    """One thing that was done. Triggers of the database refuse to change or delete a row.

    Names objects by kind and id and has no foreign key: it outlives what it is about. ``detail`` holds ids, codes and
    names of fields, never words or numbers of callers, so that an entry can stay when a call is erased.
    """

    at = models.DateTimeField(_("time"))
    actor = models.CharField(_("who"), max_length=150)
    action = models.CharField(_("what"), max_length=16, choices=Action.choices)
    object_kind = models.CharField(_("kind of object"), max_length=32)
    object_id = models.CharField(_("id of the object"), max_length=64, blank=True)
    call_id = models.UUIDField(_("call id"), null=True, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-at", "-id"]
        constraints = [models.CheckConstraint(condition=~models.Q(actor=""), name="audit_somebody_did_it")]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["actor", "-at"], name="audit_by_actor"),
            models.Index(fields=["action", "-at"], name="audit_by_action"),
            models.Index(fields=["object_kind", "object_id", "-at"], name="audit_by_object"),
            models.Index(fields=["call_id"], name="audit_by_call", condition=models.Q(call_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor}: {self.get_action_display()}"
