"""Calls and turns as integrators see them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from webadmin.calls.models import Call, CallHearing, Turn


class HearingSerializer(serializers.ModelSerializer):
    """What the caller heard of the assistant, measured on the recording. Times are seconds."""

    class Meta:
        model = CallHearing
        fields = (
            "answers",
            "answer_p50",
            "answer_p95",
            "answer_longest",
            "barge_ins",
            "barge_in_p50",
            "barge_in_longest",
            "silences",
            "silence_longest",
            "talk_over_seconds",
            "agent_gap_longest",
            "computed_at",
        )
        read_only_fields = fields


class CallSerializer(serializers.ModelSerializer):
    """A call. Times are ISO 8601 with offset; null where it has not come to that."""

    incident = serializers.SerializerMethodField(help_text="Id of the incident; null where there is none")
    recording = serializers.SerializerMethodField(help_text="Address of the sound; null where there is none")
    recording_seconds = serializers.SerializerMethodField()
    hearing = serializers.SerializerMethodField(help_text="What the caller heard; null where it was not measured")

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
            "hearing",
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

    @extend_schema_field(HearingSerializer(allow_null=True))
    def get_hearing(self, call: Call) -> dict[str, Any] | None:
        return HearingSerializer(call.hearing).data if hasattr(call, "hearing") else None


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
            "doubtful",
            "invented_text",
            "recognised_by",
            "decided_by",
            "spoken_by",
            "reply_text",
            "reply_language",
            "reply_purpose",
            "reply_whole",
            "listened_seconds",
            "recognition_seconds",
            "decision_seconds",
            "synthesis_seconds",
            "played_seconds",
            "filler_text",
            "heard_text",
            "end_silence",
            "delay_seconds",
            "answer_heard_seconds",
            "stop_heard_seconds",
            "interruptions_resumed",
            "interruptions_dropped",
        )
        read_only_fields = fields


class HearingDaySerializer(serializers.Serializer):
    """What callers heard on one day with one set of engines. Times are seconds; null where there was none."""

    day = serializers.DateField()
    stt = serializers.CharField(help_text="Speech recognition; empty where unknown")
    llm = serializers.CharField(help_text="Language model")
    tts = serializers.CharField(help_text="Voice")
    calls = serializers.IntegerField()
    answers = serializers.IntegerField()
    answer_p50 = serializers.FloatField(allow_null=True, help_text="End of the caller's speech to the real answer")
    answer_p95 = serializers.FloatField(allow_null=True)
    stops = serializers.IntegerField(help_text="How often the assistant fell silent for a caller who cut in")
    stop_p50 = serializers.FloatField(allow_null=True, help_text="The caller's first sound to silence")
    stop_p95 = serializers.FloatField(allow_null=True)


class HearingStatsSerializer(serializers.Serializer):
    """Percentiles of what callers heard, the oldest day first."""

    results = HearingDaySerializer(many=True)


_QUERY_FIELDS = {
    "from": serializers.DateField(required=False, help_text="First day; 30 days before the last one where missing"),
    "to": serializers.DateField(required=False, help_text="Last day, included; today where missing"),
    "door": serializers.CharField(required=False, max_length=16, help_text="Only calls of this door"),
    "scenario": serializers.CharField(required=False, max_length=64, help_text="Only calls of this scenario"),
}
# ``from`` is a word of Python, so that the class is made of a dict.
HearingQuerySerializer = type("HearingQuerySerializer", (serializers.Serializer,), _QUERY_FIELDS)
