"""An incident as an alert of the Common Alerting Protocol 1.2 (OASIS), in XML.

It is for the services that handle the incident and holds no personal data unless asked for: neither the caller's number
nor any of the caller's words but an address that is sure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree import ElementTree

from django.utils import translation
from django.utils.translation import gettext

from webadmin.incidents import selectors
from webadmin.incidents.exchange.report import Report, number_masking, printable, urn
from webadmin.incidents.models import ENDED_STATUSES, Category, IncidentStatus, Urgency

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
TYPE_CODES_NAME = "APCO ANS 2.103.2"

_CATEGORIES: dict[str, str] = {
    Category.FIRE: "Fire",
    Category.MEDICAL: "Health",
    Category.SUICIDE: "Health",
    Category.MISSING_PERSON: "Rescue",
    Category.TRAFFIC: "Transport",
    Category.ANIMAL: "Safety",
    Category.SILENT: "Safety",
    Category.INFORMATION: "Other",
    Category.OTHER: "Other",
}
"""Every other kind is the police's: ``Security``."""

_SEVERITIES: dict[str, str] = {
    Urgency.CRITICAL: "Extreme",
    Urgency.HIGH: "Severe",
    Urgency.MEDIUM: "Moderate",
    Urgency.LOW: "Minor",
}
_URGENCIES: dict[str, str] = {
    Urgency.CRITICAL: "Immediate",
    Urgency.HIGH: "Expected",
    Urgency.MEDIUM: "Expected",
    Urgency.LOW: "Future",
}
_PARAMETERS = ("urgency", "recommended_department", "current_danger", "weapons", "people_involved")
_DETAILS = ("injuries", "suspect_present", "in_progress", "caller_safe_to_talk")
"""Further fields that are yes or no, never words."""


def cap_alert(report: Report, *, domain: str, status: str, with_summary: bool = False) -> bytes:
    """Return an incident as a CAP alert, in UTF-8.

    Each state of an incident is an alert of its own identifier; ``incidents`` holds what they have in common, and the
    incident that this one is a duplicate of.

    Args:
        report: what is sent.
        domain: of the agency, which is the sender.
        status: ``Actual``, ``Exercise`` or ``Test``.
        with_summary: the summary is told too. It may hold names; telephone numbers are taken out.
    """
    incident = report.incident
    unique = incident.call.pk.hex
    alert = ElementTree.Element(_name("alert"))
    with translation.override(report.language):
        _fill(
            alert,
            ("identifier", f"{domain}.{unique}.{int(incident.updated_at.timestamp() * 1000)}"),
            ("sender", domain),
            ("sent", _time(incident.updated_at)),
            ("status", status),
            ("msgType", "Alert"),
            ("scope", "Restricted"),
            ("restriction", gettext("Only for the services that handle this incident.")),
            (
                "incidents",
                " ".join(urn("incidentid", call.hex, domain) for call in (incident.call.pk, report.event) if call),
            ),
        )
        _add_info(ElementTree.SubElement(alert, _name("info")), report, with_summary)
    return ElementTree.tostring(alert, encoding="utf-8", xml_declaration=True, default_namespace=NAMESPACE)


def _add_info(info: ElementTree.Element, report: Report, with_summary: bool) -> None:
    incident = report.incident
    event = str(incident.get_category_display()) if incident.category else gettext("Kind of incident unknown")
    facts = list(_facts(report))
    description = ". ".join(
        f"{selectors.field_label(name)}: {selectors.value_label(name, value)}" for name, value in facts
    )
    masked = number_masking(report)
    if with_summary:
        description = "\n".join(part for part in (masked(incident.summary), description) if part)
    _fill(
        info,
        ("language", report.language),
        ("category", _CATEGORIES.get(incident.category, "Security") if incident.category else "Other"),
        ("event", event),
        ("responseType", "None" if incident.status in ENDED_STATUSES else "Assess"),
        ("urgency", _urgency(report)),
        ("severity", _severity(report)),
        ("certainty", _certainty(report)),
    )
    _add_pair(info, "eventCode", TYPE_CODES_NAME, report.type_code)
    _fill(info, ("description", description))
    for name, value in facts:
        _add_pair(info, "parameter", name, str(value).lower() if isinstance(value, bool) else str(value))
    place = masked(printable(incident.address or "")).strip() if report.address_sure else ""
    area = ElementTree.SubElement(info, _name("area"))
    _fill(area, ("areaDesc", place or gettext("The place is not certain yet.")))


def _facts(report: Report) -> Iterable[tuple[str, str | int | bool]]:
    incident = report.incident
    details = incident.details if isinstance(incident.details, dict) else {}
    yield from ((name, value) for name in _PARAMETERS if (value := getattr(incident, name)) is not None)
    yield from ((name, value) for name in _DETAILS if isinstance(value := details.get(name), bool))


def _urgency(report: Report) -> str:
    incident = report.incident
    if incident.status in ENDED_STATUSES:
        return "Past"
    return "Immediate" if incident.current_danger else _URGENCIES.get(incident.urgency or "", "Unknown")


def _severity(report: Report) -> str:
    """As grave as it is urgent; with danger at this moment at least ``Severe``."""
    found = _SEVERITIES.get(report.incident.urgency or "", "Unknown")
    return "Severe" if report.incident.current_danger and found != "Extreme" else found


def _certainty(report: Report) -> str:
    """What a caller tells is possible; likely once a person has looked at it."""
    incident = report.incident
    if incident.status == IncidentStatus.FALSE_CALL:
        return "Unlikely"
    if not incident.category and not incident.urgency:
        return "Unknown"
    return "Likely" if report.checked else "Possible"


def _name(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


def _fill(parent: ElementTree.Element, *children: tuple[str, str]) -> None:
    for tag, text in children:
        if text := printable(text).strip():
            ElementTree.SubElement(parent, _name(tag)).text = text


def _add_pair(parent: ElementTree.Element, tag: str, name: str, value: str) -> None:
    _fill(ElementTree.SubElement(parent, _name(tag)), ("valueName", name), ("value", value))


def _time(at: datetime) -> str:
    """CAP wants whole seconds and writes UTC as ``-00:00``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")
