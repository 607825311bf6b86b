"""Incidents as integrators see and correct them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from webadmin.incidents import services
from webadmin.incidents.models import Department, Incident


class IncidentSerializer(serializers.ModelSerializer):
    """An incident: the scenario's fields (null where unknown), and how they were come by."""

    call_id = serializers.UUIDField(read_only=True)
    caller_number = serializers.CharField(source="call.caller_number", read_only=True)
    call_status = serializers.CharField(source="call.status", read_only=True)
    transcript = serializers.CharField(source="call.transcript", read_only=True)
    engines = serializers.JSONField(source="call.engines", read_only=True)
    claimed_by = serializers.SlugRelatedField(
        slug_field="username", read_only=True, help_text="User who has or had it in work; the claim lapses"
    )
    suggestions = serializers.JSONField(
        read_only=True, help_text="What the assistant would have instead of what a person set or confirmed, by field"
    )

    class Meta:
        model = Incident
        fields = (
            "id",
            "call_id",
            "urgency",
            "urgency_rank",
            "category",
            "address",
            "current_danger",
            "people_involved",
            "weapons",
            "recommended_department",
            "summary",
            "language",
            "status",
            "claimed_by",
            "claimed_at",
            "dispatched_to",
            "dispatched_at",
            "closed_at",
            "merged_into",
            "details",
            "evidence",
            "suggestions",
            "notes",
            "source",
            "engine",
            "engines",
            "prompt_version",
            "model_answer",
            "final",
            "caller_number",
            "call_status",
            "transcript",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class IncidentEditSerializer(serializers.ModelSerializer):
    """Corrections to an incident. Lowering the urgency needs a reason."""

    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, write_only=True, default="")

    class Meta:
        model = Incident
        fields = (*services.EDITABLE, "reason")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(self.initial_data) - set(self.fields):
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), "This cannot be changed."))
        return attrs


class ReasonSerializer(serializers.Serializer):
    """Why the step is taken."""

    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class FalseCallSerializer(serializers.Serializer):
    """Why it is a false call."""

    reason = serializers.CharField(max_length=200)


class DispatchSerializer(serializers.Serializer):
    """Who was sent."""

    department = serializers.ChoiceField(choices=Department.choices)


class OtherIncidentSerializer(serializers.Serializer):
    """Another incident."""

    incident = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="Id of the other incident")
