"""What happened in calls: the call, its turns, every journalled step, the recordings and what was heard on them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dialogue.events import CallStatus


class Language(models.TextChoices):
    RUSSIAN = "ru", _("Russian")
    KAZAKH = "kk", _("Kazakh")
    UKRAINIAN = "uk", _("Ukrainian")
    ENGLISH = "en", _("English")


class Status(models.TextChoices):
    """`dialogue.events.CallStatus` with labels."""

    ACTIVE = CallStatus.ACTIVE.value, _("With the assistant")
    COMPLETED = CallStatus.COMPLETED.value, _("Completed")
    TRANSFERRED = CallStatus.TRANSFERRED.value, _("Transferred to a person")
    HUNG_UP = CallStatus.HUNG_UP.value, _("Caller hung up")
    FAILED = CallStatus.FAILED.value, _("Assistant failed, sent to the queue")


class Call(models.Model):
    """One call. Written by the journal's projection and by the PBX's end report, never by a door directly."""

    id = models.UUIDField(_("call id"), primary_key=True, default=uuid.uuid4, editable=False)
    scenario = models.CharField(_("scenario"), max_length=64, blank=True)
    door = models.CharField(_("door"), max_length=16, blank=True)
    language = models.CharField(_("language"), max_length=2, blank=True, choices=Language.choices)
    caller_number = models.CharField(_("caller"), max_length=64, blank=True)
    dialled_number = models.CharField(_("dialled"), max_length=64, blank=True)
    engines = models.JSONField(_("engines"), default=dict, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.ACTIVE)
    end_reason = models.CharField(_("reason"), max_length=64, blank=True)
    transcript = models.TextField(_("transcript"), blank=True)
    started_at = models.DateTimeField(_("started"))
    assistant_ended_at = models.DateTimeField(_("assistant left"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    queue_result = models.CharField(_("queue result"), max_length=32, blank=True)
    operator = models.CharField(_("operator"), max_length=64, blank=True)
    post_processed_at = models.DateTimeField(_("post-call work done"), null=True, blank=True)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        permissions = [("view_caller_number", "Can see telephone numbers")]
        ordering = ["-started_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="call_status_known"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("started_at")),
                name="call_ends_after_start",
            ),
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="call_newest"),
            models.Index(fields=["status", "-started_at"], name="call_by_status"),
            models.Index(fields=["scenario", "-started_at"], name="call_by_scenario"),
            models.Index(fields=["language", "-started_at"], name="call_by_language"),
            models.Index(fields=["caller_number"], name="call_by_caller"),
            models.Index(fields=["started_at"], name="call_awaiting_post", condition=Q(post_processed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M:%S} · {self.get_status_display()}"


class CallEvent(models.Model):
    """One journalled step, as it was written. The unique number makes replaying harmless."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="events", verbose_name=_("call"))
    number = models.PositiveIntegerField(_("number"))
    at = models.DateTimeField(_("time"))
    kind = models.CharField(_("kind"), max_length=32)
    data = models.JSONField(_("data"), default=dict)

    class Meta:
        verbose_name = _("call event")
        verbose_name_plural = _("call events")
        ordering = ["call", "number"]
        constraints = [models.UniqueConstraint(fields=["call", "number"], name="call_event_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class Turn(models.Model):
    """One exchange: what the caller said and what was answered. Number 0 is the greeting."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="turns", verbose_name=_("call"))
    number = models.PositiveIntegerField(_("number"))
    started_at = models.DateTimeField(_("started"))
    heard = models.CharField(_("heard"), max_length=16, blank=True)
    key = models.CharField(_("key"), max_length=1, blank=True)
    caller_text = models.TextField(_("caller"), blank=True)
    caller_language = models.CharField(_("language"), max_length=2, blank=True)
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    doubtful = models.JSONField(_("why the words are doubtful"), default=list, blank=True)
    invented_text = models.TextField(_("words left out as invented"), blank=True)
    recognised_by = models.CharField(_("recognised by"), max_length=64, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=64, blank=True)
    spoken_by = models.CharField(_("spoken by"), max_length=64, blank=True)
    audio = models.CharField(_("audio file"), max_length=255, blank=True)
    reply_text = models.TextField(_("assistant"), blank=True)
    reply_language = models.CharField(_("reply language"), max_length=2, blank=True)
    reply_purpose = models.CharField(_("purpose"), max_length=16, blank=True)
    reply_whole = models.BooleanField(_("heard to its end"), default=True)
    listened_seconds = models.FloatField(_("listened, s"), null=True, blank=True)
    recognition_seconds = models.FloatField(_("recognition, s"), null=True, blank=True)
    decision_seconds = models.FloatField(_("decision, s"), null=True, blank=True)
    synthesis_seconds = models.FloatField(_("synthesis, s"), null=True, blank=True)
    played_seconds = models.FloatField(_("played, s"), null=True, blank=True)
    filler_text = models.TextField(_("said while the caller waited"), blank=True)
    heard_text = models.TextField(_("words that were heard"), blank=True)
    end_silence = models.FloatField(_("silence that ended the turn, s"), null=True, blank=True)
    delay_seconds = models.FloatField(_("answer delay by the door's clock, s"), null=True, blank=True)
    answer_heard_seconds = models.FloatField(_("answer delay on the recording, s"), null=True, blank=True)
    stop_heard_seconds = models.FloatField(_("time to fall silent on the recording, s"), null=True, blank=True)
    interruptions_resumed = models.PositiveSmallIntegerField(_("interruptions, went on speaking"), default=0)
    interruptions_dropped = models.PositiveSmallIntegerField(_("interruptions, gave way"), default=0)

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        ordering = ["call", "number"]
        constraints = [
            models.UniqueConstraint(fields=["call", "number"], name="turn_once"),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
                name="turn_confidence_in_range",
            ),
            models.CheckConstraint(
                condition=Q(answer_heard_seconds__isnull=True) | Q(answer_heard_seconds__gte=0),
                name="turn_answer_heard_positive",
            ),
            models.CheckConstraint(
                condition=Q(stop_heard_seconds__isnull=True) | Q(stop_heard_seconds__gte=0),
                name="turn_stop_heard_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}"


class Recording(models.Model):
    """The sound of a whole call: the caller left, the other side right; one channel where only the mix was kept.

    ``file`` is a name in the default storage.
    """

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="recording", verbose_name=_("call"))
    file = models.FileField(_("file"), upload_to="recordings/%Y/%m/%d", max_length=255)
    seconds = models.FloatField(_("duration, s"))
    rate = models.PositiveIntegerField(_("sample rate, Hz"))
    channels = models.PositiveSmallIntegerField(_("channels"), default=1)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("kept until"), null=True, blank=True, db_index=True)

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")
        constraints = [
            models.CheckConstraint(condition=Q(seconds__gte=0), name="recording_duration_positive"),
            models.CheckConstraint(condition=Q(channels__in=(1, 2)), name="recording_mono_or_stereo"),
        ]

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s"


class CallHearing(models.Model):
    """What the caller heard of the assistant, measured on the call's stereo recording. All times are seconds.

    The engines stand here beside the times, so that percentiles per engine need no look into JSON. ``details`` is
    `webadmin.calls.heard.Hearing` as JSON.
    """

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="hearing", verbose_name=_("call"))
    answers = models.PositiveIntegerField(_("answers"), default=0)
    answer_p50 = models.FloatField(_("answer delay, median"), null=True, blank=True)
    answer_p95 = models.FloatField(_("answer delay, 95th percentile"), null=True, blank=True)
    answer_longest = models.FloatField(_("answer delay, longest"), null=True, blank=True)
    barge_ins = models.PositiveIntegerField(_("interruptions by the caller"), default=0)
    barge_in_p50 = models.FloatField(_("time to fall silent, median"), null=True, blank=True)
    barge_in_longest = models.FloatField(_("time to fall silent, longest"), null=True, blank=True)
    silences = models.PositiveIntegerField(_("silences over 2 s"), default=0)
    silence_longest = models.FloatField(_("longest silence"), default=0.0)
    talk_over_seconds = models.FloatField(_("both spoke at once"), default=0.0)
    agent_gap_longest = models.FloatField(_("longest gap within an answer"), default=0.0)
    stt = models.CharField(_("speech recognition"), max_length=64, blank=True)
    llm = models.CharField(_("language model"), max_length=64, blank=True)
    tts = models.CharField(_("voice"), max_length=64, blank=True)
    computed_at = models.DateTimeField(_("measured"))
    details = models.JSONField(_("per turn"), default=dict, blank=True)

    class Meta:
        verbose_name = _("what the caller heard")
        verbose_name_plural = _("what callers heard")
        constraints = [
            models.CheckConstraint(
                condition=Q(answers=0, answer_p50__isnull=True) | Q(answers__gt=0, answer_p50__gte=0),
                name="hearing_answers_have_a_median",
            ),
            models.CheckConstraint(
                condition=Q(silence_longest__gte=0) & Q(talk_over_seconds__gte=0) & Q(agent_gap_longest__gte=0),
                name="hearing_times_positive",
            ),
        ]
        indexes = [models.Index(fields=["answer_p50"], name="hearing_by_answer")]

    def __str__(self) -> str:
        return "—" if self.answer_p50 is None else f"{self.answer_p50:.1f} s"
