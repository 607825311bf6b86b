"""The published schemas of EIDO and CAP, which are not ours to hand on: found in a folder, or said to be missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from lxml import etree
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[5] / "shared" / "data"
EIDO, NIEM, CAP = Path("eido/openapi.yaml"), Path("eido/NIEMComponents/apco.yaml"), Path("cap/CAP-v1.2.xsd")


class SchemasMissing(Exception):
    """Its text says which files are missing, where they were looked for, and where they come from."""


def schema_folder(environ: Mapping[str, str], beside: Path = BESIDE_THE_REPOSITORY) -> Path:
    """Return the folder of the published schemas: `HOTLINE_SCHEMAS`, else `shared/data` beside the repository.

    Raises:
        SchemasMissing: it has not all of them.
    """
    folder = Path(environ.get("HOTLINE_SCHEMAS") or beside)
    if missing := [str(path) for path in (EIDO, NIEM, CAP) if not (folder / path).is_file()]:
        raise SchemasMissing(
            f"{folder} has no {', '.join(missing)}. Set HOTLINE_SCHEMAS to a folder with eido/ (Schema/ of "
            "github.com/NENA911/EIDO-JSON) and cap/ (CAP-v1.2.xsd of docs.oasis-open.org/emergency/cap/v1.2)."
        )
    return folder


def eido_validator(folder: Path) -> Draft202012Validator:
    """A validator of an EIDO: as published, and stricter, for a name that the schema does not know is refused too."""

    def retrieve(uri: str) -> Resource[Any]:
        loaded = yaml.load((folder / "eido" / uri).read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return Resource.from_contents(_strict(loaded), default_specification=DRAFT202012)

    return Draft202012Validator(
        {"$ref": f"{EIDO.name}#/components/schemas/EmergencyIncidentDataObjectType"},
        registry=Registry(retrieve=retrieve),
        format_checker=_formats(),
    )


def type_codes(folder: Path) -> set[str]:
    """APCO's common incident type codes as NIEM has them."""
    schemas = yaml.safe_load((folder / NIEM).read_text("utf-8"))["components"]["schemas"]
    return set(schemas["apcoIncidentCategoryCodeSimpleType"]["enum"])


def cap_schema(folder: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(folder / CAP)))


def _strict(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        if "allOf" in schema:
            schema["unevaluatedProperties"] = False
        elif name == "ReferenceType":
            schema["additionalProperties"] = False
    if agent := schemas.get("AgentType"):
        # Published as the text "1,".
        agent["allOf"][1]["properties"]["agentRoleRegistryText"]["minItems"] = 1
    return document


def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())

    @checker.checks("date-time", raises=ValueError)
    def is_time(value: object) -> bool:
        text = str(value)
        datetime.fromisoformat(text)
        return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text, re.ASCII) is not None

    @checker.checks("uri", raises=ValueError)
    def is_uri(value: object) -> bool:
        return bool(urlsplit(str(value)).scheme) and re.search(r"[^!-~]", str(value)) is None

    return checker
