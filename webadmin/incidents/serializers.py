"""Incidents as integrators see and correct them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from webadmin.incidents import services
from webadmin.incidents.models import Incident


class IncidentSerializer(serializers.ModelSerializer):
    """An incident: the scenario's fields (null where unknown), and how they were come by."""

    call_id = serializers.UUIDField(read_only=True)
    caller_number = serializers.CharField(source="call.caller_number", read_only=True)
    call_status = serializers.CharField(source="call.status", read_only=True)
    transcript = serializers.CharField(source="call.transcript", read_only=True)
    engines = serializers.JSONField(source="call.engines", read_only=True)

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
            "details",
            "evidence",
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
