"""An incident as an Emergency Incident Data Object: NENA-STA-021.1b-2022, in JSON.

Values come from the registries of that standard and of NENA-STA-010.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid5
from xml.sax.saxutils import escape as xml_escape

from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext

from webadmin.calls.models import Status
from webadmin.incidents import selectors
from webadmin.incidents.exchange.report import Report, number_masking, printable, urn
from webadmin.incidents.models import IncidentStatus, Urgency

PRIORITIES: dict[str, int] = {Urgency.CRITICAL: 10, Urgency.HIGH: 7, Urgency.MEDIUM: 4, Urgency.LOW: 1}
"""Common priority: 10 is the highest, 0 the lowest. An unknown urgency has none."""

_STATUSES: dict[str, str] = {IncidentStatus.CLOSED: "Closed", IncidentStatus.FALSE_CALL: "Cancelled"}
_CALL_STATES = {
    Status.ACTIVE: "callAnswered",
    Status.TRANSFERRED: "callQueued",
    Status.FAILED: "callQueued",
}
_CONTEXT = {"@vocab": "./JSON-LD_Contexts/EmergencyIncidentDataObjectType.jsonld"}
_FACTS = ("language", "current_danger", "people_involved", "weapons", "recommended_department", "dispatched_to")
_CALLBACK = "callback_number"

# RFC 4119 and 5139. The address is not taken apart: LOC is the element for a location in words.
_PIDF_LO = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" '
    'xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" entity="pres:incident@{domain}">'
    '<tuple id="incident"><status><gp:geopriv><gp:location-info><ca:civicAddress xml:lang="{language}">'
    "<ca:LOC>{address}</ca:LOC></ca:civicAddress></gp:location-info><gp:usage-rules/><gp:method>Manual</gp:method>"
    "</gp:geopriv></status></tuple></presence>"
)


def eido_document(report: Report, *, domain: str, with_numbers: bool = False) -> dict[str, Any]:
    """Return an incident and its call as an EIDO.

    The address is a location where it is sure, else a note in the caller's words. Notes hold the summary, the facts,
    the words each rests on, and the conversation, in the incident's language.

    Args:
        report: what is sent.
        domain: of the agency; part of every id.
        with_numbers: the caller's number, and the number to call back, may be told. Else numbers are taken out of the
            texts too.
    """
    with translation.override(report.language):
        return _Document(report, domain, with_numbers).built()


class _Document:
    def __init__(self, report: Report, domain: str, with_numbers: bool) -> None:
        self.report = report
        self.incident = report.incident
        self.call = report.incident.call
        self.details = self.incident.details if isinstance(self.incident.details, dict) else {}
        self.domain = domain
        self.with_numbers = with_numbers
        self.call_id = urn("callid", self.call.pk.hex, domain)
        self.assistant = f"assistant@{domain}"
        self.dispatcher = f"dispatcher@{domain}"
        self.call_changed = self.call.ended_at or self.call.assistant_ended_at or self.call.started_at
        masked = number_masking(report)
        self.say: Callable[[str], str] = printable if with_numbers else lambda text: masked(printable(text))
        self.notes: list[dict[str, Any]] = []

    def built(self) -> dict[str, Any]:
        location = self._location()
        caller = self._callback()
        return {
            "$id": urn("incidentid", self.call.pk.hex, self.domain),
            **self._changed(self.incident.updated_at, by_person=self.report.changed_by_person),
            "eidoVersion": "1.0",
            "issuingElementIdentification": self.domain,
            **self._others(),
            "incidentComponent": self._incident(location),
            "callComponent": [self._call(caller)],
            "personComponent": [self._person(caller)],
            **({"callbackComponent": [caller]} if caller else {}),
            **({"locationComponent": [location]} if location else {}),
            "agencyComponent": [
                {
                    "$id": self.domain,
                    **self._changed(self.call.started_at),
                    "agencyRoleDescriptionRegistryText": ["CallReceiving"],
                    "agencyType": ["psap"],
                }
            ],
            "agentComponent": self._agents(),
            **({"notesComponent": self.notes} if self.notes else {}),
            "@context": _CONTEXT,
        }

    def _id(self, name: str) -> str:
        return urn("eidodatacomponent", uuid5(self.call.pk, name).hex, self.domain)

    def _changed(self, at: datetime, *, by_person: bool = False) -> dict[str, Any]:
        return {
            "lastUpdateTimeStamp": _time(at),
            "updatedByAgencyReference": {"$ref": self.domain},
            "updatedByAgentReference": {"$ref": self.dispatcher if by_person else self.assistant},
        }

    def _others(self) -> dict[str, list[dict[str, Any]]]:
        """The incidents that this one was merged with or is linked with."""
        merged = [(self.report.event, "REPLACING")] if self.report.event else []
        merged += [(call, "REPLACED") for call in self.report.duplicates]
        links = [(call, "RELATED") for call in self.report.linked]
        kinds = {"merge": (merged, "incidentMergeDirectionCode"), "link": (links, "linkDirectionCode")}
        return {
            f"{kind}Component": [
                {
                    "$id": self._id(f"{kind} {call}"),
                    **self._changed(self.incident.updated_at, by_person=True),
                    "incidentTrackingIdentifier": urn("incidentid", call.hex, self.domain),
                    direction_name: direction,
                }
                for call, direction in others
            ]
            for kind, (others, direction_name) in kinds.items()
            if others
        }

    def _agents(self) -> list[dict[str, Any]]:
        roles = {self.assistant: "Call Taking"}
        if self.report.changed_by_person or self.report.event or self.report.duplicates or self.report.linked:
            roles[self.dispatcher] = "Dispatching"
        return [
            {
                "$id": agent,
                **self._changed(self.call.started_at),
                "agentRoleRegistryText": [role],
                "agencyReference": {"$ref": self.domain},
            }
            for agent, role in roles.items()
        ]

    def _incident(self, location: dict[str, Any] | None) -> dict[str, Any]:
        incident = self.incident
        known: dict[str, Any] = {
            "$id": self._id("incident"),
            **self._changed(incident.updated_at, by_person=self.report.changed_by_person),
            "incidentTypeCommonRegistryText": self.report.type_code,
            "incidentStatusCommonRegistryText": [_STATUSES.get(incident.status, "Active")],
            "incidentStatusInternalText": [incident.status],
            "internalIncidentId": str(incident.pk),
            "agentReference": [{"$ref": self.assistant}],
            "personReference": [{"$ref": self._id("caller")}],
        }
        if incident.category:
            known["incidentTypeInternalCode"] = incident.category
            known["incidentTypeInternalText"] = incident.get_category_display()
        if incident.urgency:
            known["incidentPriorityInternalText"] = incident.urgency
            known["incidentCommonPriorityNumber"] = PRIORITIES[incident.urgency]
        if location:
            known["locationReference"] = [{"$ref": location["$id"]}]
        if notes := self._incident_notes():
            known["notesReference"] = notes
        return known

    def _incident_notes(self) -> list[dict[str, Any]]:
        incident = self.incident
        if not self.report.checked:
            self._note("unchecked", [gettext("Taken down by an automatic assistant. No person has checked it yet.")])
        self._note("summary", [incident.summary])
        if incident.address and not self.report.address_sure:
            unsure = gettext("Address in the caller's words, not certain:")
            self._note("address", [f"{unsure} {incident.address}"])
        self._note("facts", [f"{label}: {value}" for label, value in self._facts()])
        self._note("evidence", self._evidence())
        return [{"$ref": note["$id"]} for note in self.notes]

    def _facts(self) -> Iterable[tuple[str, str]]:
        for name in _FACTS:
            if (value := getattr(self.incident, name)) not in (None, ""):
                yield selectors.field_label(name), selectors.value_label(name, value)
        untold = {_CALLBACK} if not self.with_numbers else set()
        if self.report.address_sure:
            untold.add("address_confidence")
        for name, value in self.details.items():
            if value is not None and name not in untold:
                yield selectors.field_label(name), selectors.value_label(name, value)

    def _evidence(self) -> list[str]:
        return [
            f"{row['label']}: {row['value']} — «{row['words']}»"
            for row in selectors.evidence_rows(self.incident)
            if row["words"] and (self.with_numbers or row["field"] != _CALLBACK)
        ]

    def _note(self, name: str, lines: list[str]) -> str | None:
        """Add a note, as a piece of HTML; return its id, or None where there is nothing to say."""
        paragraphs = [f"<p>{escape(said)}</p>" for line in lines if (said := self.say(line).strip())]
        if not paragraphs:
            return None
        note = {
            "$id": self._id(f"note {name}"),
            **self._changed(self.incident.updated_at),
            "notesActionComments": f'<div lang="{self.report.language}">{"".join(paragraphs)}</div>',
            "agentReference": {"$ref": self.assistant},
        }
        self.notes.append(note)
        return note["$id"]

    def _call(self, callback: dict[str, Any] | None) -> dict[str, Any]:
        ended = self.call.ended_at is not None
        known: dict[str, Any] = {
            "$id": self.call_id,
            **self._changed(self.call_changed),
            "standardPrimaryCallType": "emergency",
            "direction": "incoming",
            "callStartTimestamp": _time(self.call.started_at),
            "callStateRegistryText": "callEnd" if ended else _CALL_STATES.get(self.call.status, "callEnd"),
            "agentReference": [{"$ref": self.assistant}],
            "personReference": [{"$ref": self._id("caller")}],
        }
        if callback:
            known["callBackReference"] = {"$ref": callback["$id"]}
        speakers = (gettext("Caller"), gettext("Assistant"))
        said = (zip(speakers, (turn.caller_text, turn.reply_text), strict=True) for turn in self.report.turns)
        conversation = [f"{who}: {words}" for turn in said for who, words in turn if words]
        if note := self._note("conversation", conversation):
            known["notesReference"] = [{"$ref": note}]
        return known

    def _person(self, callback: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "$id": self._id("caller"),
            **self._changed(self.call.started_at),
            "personIncidentRoleRegistryText": ["Caller"],
            "callIdentifier": [self.call_id],
            **({"callBackReference": {"$ref": callback["$id"]}} if callback else {}),
        }

    def _callback(self) -> dict[str, Any] | None:
        if not self.with_numbers:
            return None
        known: dict[str, Any] = {"$id": self._id("callback"), **self._changed(self.call_changed)}
        if number := _tel(self.call.caller_number, self.domain):
            known["callBackInformationUri"] = [number]
        if number := _tel(str(self.details.get(_CALLBACK) or ""), self.domain):
            known["updatedCbn"] = {
                "$id": self._id("number to call back"),
                **self._changed(self.incident.updated_at),
                "updatedCbnIdentifierUri": number,
                "updatedCbnCallerDescription": str(selectors.field_label(_CALLBACK)),
            }
        return known if "callBackInformationUri" in known or "updatedCbn" in known else None

    def _location(self) -> dict[str, Any] | None:
        address = self.say(self.incident.address or "").strip()
        if not address or not self.report.address_sure:
            return None
        by_value = _PIDF_LO.format(domain=self.domain, language=self.report.language, address=xml_escape(address))
        return {
            "$id": self._id("location"),
            **self._changed(self.incident.updated_at, by_person=self.report.changed_by_person),
            "locationTypeDescriptionRegistryText": "CurrentIncident",
            "locationByValue": by_value,
            "locationDescriptionText": address,
        }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _tel(number: str, domain: str) -> str | None:
    """A number as a ``tel`` URI (RFC 3966); None where it is none, as with callers who withhold theirs."""
    digits = re.sub(r"[\s().\-]", "", number)
    if re.fullmatch(r"\+[0-9]+", digits):
        return f"tel:{digits}"
    return f"tel:{digits};phone-context={domain}" if re.fullmatch(r"[0-9]+", digits) else None
