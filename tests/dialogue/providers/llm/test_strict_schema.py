"""Schemas as servers with strict answers take them."""

from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from dialogue.errors import ConfigurationError
from dialogue.providers.llm.strict_schema import schema_name, strict_schema


class Kind(StrEnum):
    KNIFE = "knife"
    GUN = "gun"


class Person(BaseModel):
    name: Annotated[str, Field(max_length=50)]
    age: int | None = Field(default=None, ge=0, description="in years")


class Outer(BaseModel):
    kind: Kind | None = Field(default=None, description="weapon")
    people: list[Person] = []


def test_every_property_is_required_and_no_other_allowed_at_every_depth():
    schema = strict_schema(Outer)
    assert schema["required"] == ["kind", "people"]
    person = schema["properties"]["people"]["items"]
    assert person["required"] == ["name", "age"]
    assert person["additionalProperties"] is False
    assert schema["additionalProperties"] is False


def test_choices_descriptions_and_null_stay_references_and_limits_go():
    schema = strict_schema(Outer)
    kind = schema["properties"]["kind"]
    assert kind["description"] == "weapon"
    assert {"type": "null"} in kind["anyOf"]
    assert any(branch.get("enum") == ["knife", "gun"] for branch in kind["anyOf"])
    text = str(schema)
    for word in ("$ref", "$defs", "maxLength", "minimum", "default", "title"):
        assert word not in text


class Free(BaseModel):
    anything: dict[str, int]


class Loop(BaseModel):
    inner: "Loop | None" = None


@pytest.mark.parametrize("model", [Free, Loop])
def test_what_cannot_be_strict_is_said_at_once(model):
    with pytest.raises(ConfigurationError, match=model.__name__):
        strict_schema(model)


def test_a_name_has_only_what_servers_take():
    class Odd(BaseModel):
        pass

    Odd.__name__ = "Отчёт[int]" + "x" * 90
    assert len(schema_name(Odd)) == 64
    assert schema_name(Odd).isascii()
