"""JSON Schema as strict structured answers take it, made from a pydantic model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from dialogue.errors import ConfigurationError

_KEPT = {"type", "description", "enum", "const", "properties", "items", "anyOf", "$ref"}
"""Keywords every server that holds a model to a schema knows. Limits of numbers and lengths are left to pydantic."""


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema with every property required and no other allowed; optional ones stay nullable.

    References are resolved in place, for some servers refuse a reference with a description beside it.

    Raises:
        ConfigurationError: the model has free keys (``dict``), tuples or recursion, which strict answers cannot have.
    """
    full = model.model_json_schema(mode="validation")
    schema = _strict(full, full.get("$defs", {}), (model.__name__,))
    if schema.get("type") != "object":
        raise ConfigurationError(f"{model.__name__} cannot be a strict answer: it is not an object.")
    return schema


def schema_name(model: type[BaseModel]) -> str:
    """Name of a schema as servers take it: letters, digits, ``_`` and ``-``, 64 at most."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", model.__name__)[:64]


def _strict(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    if "$ref" in node:
        name = str(node["$ref"]).rsplit("/", 1)[-1]
        if name in path:
            raise ConfigurationError(f"{path[0]} cannot be a strict answer: {name} contains itself.")
        resolved = _strict(definitions[name], definitions, (*path, name))
        return resolved | ({"description": node["description"]} if "description" in node else {})
    if len(node.get("allOf", ())) == 1:
        return _strict({**node["allOf"][0], **{k: v for k, v in node.items() if k != "allOf"}}, definitions, path)
    if "oneOf" in node:
        node = {**node, "anyOf": node["oneOf"]}
    out = {key: value for key, value in node.items() if key in _KEPT}
    if "anyOf" in out:
        out["anyOf"] = [_strict(branch, definitions, path) for branch in out["anyOf"]]
    if out.get("type") == "array":
        if "items" not in out:
            raise ConfigurationError(f"{path[0]} cannot be a strict answer: a list needs one type of item.")
        out["items"] = _strict(out["items"], definitions, path)
    if out.get("type") == "object":
        if "properties" not in out or node.get("additionalProperties") not in (None, False):
            raise ConfigurationError(f"{path[0]} cannot be a strict answer: it has keys that are not named.")
        out["properties"] = {name: _strict(value, definitions, path) for name, value in out["properties"].items()}
        out["required"] = list(out["properties"])
        out["additionalProperties"] = False
    return out
