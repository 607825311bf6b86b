"""What the assistant learns from a call to 102: the model's answer and the rules' outcome have the same shape."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Urgency(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


SEVERITY: dict[Urgency, int] = {Urgency.LOW: 0, Urgency.MEDIUM: 1, Urgency.HIGH: 2, Urgency.CRITICAL: 3}
"""Order of urgencies; a greater number is more urgent."""


class Category(StrEnum):
    THEFT = "theft"
    ROBBERY = "robbery"
    BURGLARY = "burglary"
    ASSAULT = "assault"
    DOMESTIC = "domestic"
    SEXUAL_VIOLENCE = "sexual_violence"
    WEAPONS = "weapons"
    THREAT = "threat"
    MISSING_PERSON = "missing_person"
    SUICIDE = "suicide"
    FRAUD = "fraud"
    DRUGS = "drugs"
    DISORDER = "disorder"
    NOISE = "noise"
    TRAFFIC = "traffic"
    FIRE = "fire"
    MEDICAL = "medical"
    SUSPICIOUS = "suspicious"
    VANDALISM = "vandalism"
    ANIMAL = "animal"
    INFORMATION = "information"
    SILENT = "silent"
    OTHER = "other"


class Department(StrEnum):
    POLICE = "police"
    AMBULANCE = "ambulance"
    RESCUE = "rescue"
    AKIMAT = "akimat"


class WeaponKind(StrEnum):
    FIREARM = "firearm"
    KNIFE = "knife"
    EXPLOSIVE = "explosive"
    BLUNT = "blunt"
    OTHER = "other"


class AddressConfidence(StrEnum):
    """How well an address pins a place: street and number, a street or landmark, or not found in the words."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Language(StrEnum):
    RU = "ru"
    KK = "kk"
    EN = "en"


class IncidentReport(BaseModel):
    """Structured outcome of a call. The first eight fields are always given; null stands for unknown."""

    model_config = ConfigDict(extra="forbid")

    urgency: Urgency | None = Field(description="How fast help is needed; null only where nothing was said")
    category: Category | None = Field(description="Kind of incident; null only where nothing was said")
    address: str | None = Field(description="Where it happens, in the caller's words; null where not said")
    current_danger: bool | None = Field(description="Whether somebody is in danger at this moment")
    people_involved: int | None = Field(description="People involved besides the caller")
    weapons: bool | None = Field(description="Whether a real weapon is present or was used")
    recommended_department: Department | None = Field(description="Who should come")
    summary: str = Field(description="One sentence in the caller's language")
    injuries: bool | None = Field(default=None, description="Whether somebody is hurt or ill")
    weapon_kind: WeaponKind | None = Field(default=None, description="Kind of weapon")
    suspect_present: bool | None = Field(default=None, description="Whether the offender is still there")
    suspect_description: str | None = Field(default=None, description="What the offender looks like")
    in_progress: bool | None = Field(default=None, description="Whether it is going on now")
    caller_safe_to_talk: bool | None = Field(default=None, description="False where the caller cannot speak freely")
    callback_number: str | None = Field(default=None, description="Number the caller asks to be called at")
    address_confidence: AddressConfidence | None = Field(default=None, description="How exact the address is")
    language: Language | None = Field(default=None, description="Language the caller speaks")


def unknown() -> IncidentReport:
    """A report in which nothing is known."""
    return IncidentReport(
        urgency=None,
        category=None,
        address=None,
        current_danger=None,
        people_involved=None,
        weapons=None,
        recommended_department=None,
        summary="",
    )
