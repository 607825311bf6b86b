"""Incidents for people's spreadsheets."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from webadmin.calls.csv_export import Columns, csv_response
from webadmin.incidents.models import Incident

INCIDENT_COLUMNS: Columns = {
    "id": lambda incident: incident.id,
    "call_id": lambda incident: incident.call_id,
    "created_at": lambda incident: incident.created_at,
    "urgency": lambda incident: incident.urgency,
    "category": lambda incident: incident.category,
    "address": lambda incident: incident.address,
    "current_danger": lambda incident: incident.current_danger,
    "people_involved": lambda incident: incident.people_involved,
    "weapons": lambda incident: incident.weapons,
    "recommended_department": lambda incident: incident.recommended_department,
    "summary": lambda incident: incident.summary,
    "language": lambda incident: incident.language,
    "status": lambda incident: incident.status,
    "caller_number": lambda incident: incident.call.caller_number,
    "call_status": lambda incident: incident.call.status,
    "source": lambda incident: incident.source,
    "engine": lambda incident: incident.engine,
    "prompt_version": lambda incident: incident.prompt_version,
    "transcript": lambda incident: incident.call.transcript,
}


def incidents_csv(
    request: HttpRequest, incidents: QuerySet[Incident], separator: str = "comma"
) -> StreamingHttpResponse:
    """The given incidents as a file to download."""
    rows = incidents.defer(None).select_related(None).select_related("call")
    return csv_response(request, rows, INCIDENT_COLUMNS, "incidents", separator)
