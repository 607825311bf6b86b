"""Calls and turns as integrators see them."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from webadmin.calls.models import Call, Turn


class CallSerializer(serializers.ModelSerializer):
    """A call. Times are ISO 8601 with offset; null where it has not come to that."""

    incident = serializers.SerializerMethodField(help_text="Id of the incident; null where there is none")
    recording = serializers.SerializerMethodField(help_text="Address of the sound; null where there is none")
    recording_seconds = serializers.SerializerMethodField()

    class Meta:
        model = Call
        fields = (
            "id",
            "scenario",
            "door",
            "language",
            "caller_number",
            "dialled_number",
            "engines",
            "status",
            "end_reason",
            "transcript",
            "started_at",
            "assistant_ended_at",
            "ended_at",
            "queue_result",
            "operator",
            "incident",
            "recording",
            "recording_seconds",
        )
        read_only_fields = fields

    def get_incident(self, call: Call) -> int | None:
        return call.incident.pk if hasattr(call, "incident") else None

    @extend_schema_field(OpenApiTypes.URI)
    def get_recording(self, call: Call) -> str | None:
        if not hasattr(call, "recording"):
            return None
        return reverse("api:call-recording", args=[call.pk], request=self.context.get("request"))

    def get_recording_seconds(self, call: Call) -> float | None:
        return call.recording.seconds if hasattr(call, "recording") else None


class TurnSerializer(serializers.ModelSerializer):
    """One exchange of a call; number 0 is the greeting. Confidence is from 0 to 1."""

    class Meta:
        model = Turn
        fields = (
            "id",
            "call",
            "number",
            "started_at",
            "heard",
            "key",
            "caller_text",
            "caller_language",
            "confidence",
            "reply_text",
            "reply_language",
            "reply_purpose",
            "reply_whole",
            "listened_seconds",
            "recognition_seconds",
            "decision_seconds",
            "synthesis_seconds",
            "played_seconds",
        )
        read_only_fields = fields
