"""An incident as one JSON document, for programs and the demo."""

from __future__ import annotations

from typing import Any

from webadmin.calls.models import Call
from webadmin.incidents.models import Incident
from webadmin.incidents.projection import COLUMNS


def incident_document(call_id: str) -> dict[str, Any]:
    """Return what a call became: the scenario's fields, null where unknown, with call id, transcript and engines.

    Raises:
        Call.DoesNotExist: there is no such call.
    """
    call = Call.objects.get(pk=call_id)
    incident = Incident.objects.filter(call=call).first()
    fields = {name: getattr(incident, name, None) for name in COLUMNS}
    return {**fields, "call_id": str(call.pk), "transcript": call.transcript, "engines": call.engines}
