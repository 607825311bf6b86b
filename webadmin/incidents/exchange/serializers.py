"""What may be asked of an incident's forms of exchange."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class NothingToAskSerializer(serializers.Serializer):
    """No parameter is known; one that is given is refused."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(self.initial_data) - set(self.fields) - {"format"}:
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), "No such parameter."))
        return attrs


class CapQuerySerializer(NothingToAskSerializer):
    """Parameters of a CAP alert."""

    summary = serializers.BooleanField(
        default=False, help_text="Tell the summary too. It may hold names; telephone numbers are taken out"
    )
