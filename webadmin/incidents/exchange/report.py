"""What the forms of exchange have in common: what is known of an incident, how sure it is, and in which words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from webadmin.calls.models import Language, Turn
from webadmin.incidents import merging, selectors
from webadmin.incidents.models import Category, Incident, IncidentStatus, IncidentVersion
from webadmin.incidents.projection import COLUMNS, fields_set_by_people

WITHHELD = "•••"
"""Stands where a telephone number was."""

TYPE_CODES: dict[str, str] = {
    Category.THEFT: "LARCENY",
    Category.ROBBERY: "ROBBERY",
    Category.BURGLARY: "BURGLARY",
    Category.ASSAULT: "ASSAULT",
    Category.DOMESTIC: "DVA",
    Category.SEXUAL_VIOLENCE: "SEXOFFNS",
    Category.WEAPONS: "WEAPON",
    Category.THREAT: "THREATS",
    Category.MISSING_PERSON: "PERMISS",
    Category.SUICIDE: "SUICTHRT",
    Category.FRAUD: "FRAUD",
    Category.DRUGS: "DRUGS",
    Category.DISORDER: "DISORD",
    Category.NOISE: "NOISE",
    Category.TRAFFIC: "MVAUNK",
    Category.FIRE: "FUNK",
    Category.MEDICAL: "SICK",
    Category.SUSPICIOUS: "SUSP",
    Category.VANDALISM: "VANDAL",
    Category.ANIMAL: "ANIMAL",
    Category.INFORMATION: "INFO",
    Category.SILENT: "911OPN",
    Category.OTHER: "TROUBLE",
}
"""Common incident type codes of APCO ANS 2.103.2-2019, as the registry in NENA-STA-021.1b, table 3-2, lists them.

The general code of each kind: ``FUNK`` is a fire of unknown kind, ``MVAUNK`` an accident of which it is unknown whether
somebody is hurt, ``SUICTHRT`` an attempt or threat, ``911OPN`` an open line on which nobody speaks.
"""

UNKNOWN_TYPE_CODE = "TROUBLE"
"""``Unknown Type Trouble``."""

_NOT_XML = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
_TELEPHONE_NUMBER = re.compile(r"\+?\d(?:[\s().\-]*\d){6,}")
_SHORTEST_PHRASE = 5
_SURE = "high"


@dataclass(frozen=True, kw_only=True)
class Report:
    """An incident as it is sent.

    Attributes:
        incident: with its call.
        turns: the conversation in its order; empty where a form has no use for it.
        address_sure: the address is exact by the assistant's own judgement, or a person set it.
        changed_by_person: a person made the newest change.
        checked: a person has said whether the assistant is right, or set it right.
        event: the call of the incident that this one is a duplicate of.
        duplicates: the calls of its duplicates.
        linked: the calls of incidents that have to do with it.
    """

    incident: Incident
    turns: Sequence[Turn] = ()
    address_sure: bool
    changed_by_person: bool
    checked: bool
    event: UUID | None = None
    duplicates: Sequence[UUID] = ()
    linked: Sequence[UUID] = ()

    @property
    def language(self) -> str:
        """Language of the incident, else of the call, else of the office."""
        known = (self.incident.language, self.incident.call.language)
        return next((code for code in known if code in Language.values), settings.LANGUAGE_CODE)

    @property
    def type_code(self) -> str:
        """Common incident type code."""
        return TYPE_CODES.get(self.incident.category or "", UNKNOWN_TYPE_CODE)


def incidents_to_send() -> QuerySet[Incident]:
    """Incidents with their call, their event and their versions, in two queries."""
    versions = Prefetch("versions", IncidentVersion.objects.order_by("id"))
    return Incident.objects.select_related("call", "merged_into").prefetch_related(versions)


def report(incident: Incident, *, in_full: bool) -> Report:
    """Return what is sent of an incident.

    Args:
        incident: one of `incidents_to_send`.
        in_full: read the conversation, duplicates and linked incidents too, in three queries.
    """
    versions = list(incident.versions.all())
    details = incident.details if isinstance(incident.details, dict) else {}
    set_by_people = fields_set_by_people(versions)
    sure = details.get("address_confidence") == _SURE or "address" in set_by_people
    return Report(
        incident=incident,
        turns=list(incident.call.turns.all()) if in_full else (),
        address_sure=bool(incident.address) and sure,
        # A user's name has no colon: one that has is a machine or a part of the office.
        changed_by_person=bool(versions) and ":" not in versions[-1].author,
        checked=incident.status not in (IncidentStatus.NEW, IncidentStatus.CLAIMED)
        or bool(set_by_people & {*COLUMNS, "language"}),
        event=incident.merged_into.call_id if incident.merged_into else None,
        duplicates=list(incident.duplicates.order_by("id").values_list("call_id", flat=True)) if in_full else (),
        linked=[other.call_id for other in merging.linked(incident)] if in_full else (),
    )


def urn(kind: str, unique: str, domain: str) -> str:
    """Return a name in the form of NENA-STA-010: ``unique`` is of 10 to 32 letters and digits."""
    return f"urn:emergency:uid:{kind}:{unique}:{domain}"


def printable(text: str) -> str:
    """Return ``text`` without the characters that XML 1.0 does not allow or discourages."""
    return _NOT_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def number_masking(report: Report) -> Callable[[str], str]:
    """Return a function that takes telephone numbers out of a text.

    It finds the caller's number, the number to call back and the words that this one rests on, and any seven or more
    digits in a row. A number that is spelled out in words and is none of these stays.
    """
    incident = report.incident
    details = incident.details if isinstance(incident.details, dict) else {}
    rows = selectors.evidence_rows(incident)
    known: Iterable[str] = (
        incident.call.caller_number,
        str(details.get("callback_number") or ""),
        *(row["words"] for row in rows if row["field"] == "callback_number"),
    )
    phrases = sorted({phrase for phrase in known if len(phrase) >= _SHORTEST_PHRASE}, key=len, reverse=True)
    exact = re.compile("|".join(map(re.escape, phrases)), re.IGNORECASE) if phrases else None

    def masked(text: str) -> str:
        text = exact.sub(WITHHELD, text) if exact else text
        return _TELEPHONE_NUMBER.sub(WITHHELD, text)

    return masked
