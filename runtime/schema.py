"""JSON Schema (draft 7) of every kind: its JSON payload, or the user properties that stand beside raw media."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeAlias

from runtime.messages import KINDS
from runtime.tensors import SAFETENSORS_TYPE
from runtime.wire import ADDRESS, JSON_TYPE, header_model, tensor_ranks

Node: TypeAlias = dict[str, Any]

ADDRESS_FIELDS = ("session", "stream")
PLACE = "#/components/schemas/{model}"  # where AsyncAPI keeps them
SPELLED = {"integer": r"^-?\d+$", "number": r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$", "boolean": "^(true|false)$"}


def content_type(name: str) -> str:
    """Return application/json, that of safetensors, or the media type of a kind with a raw payload."""
    if tensor_ranks(name):
        return SAFETENSORS_TYPE
    return next((one.metadata["raw"] for one in fields(KINDS[name].type) if "raw" in one.metadata), JSON_TYPE)


def payload_schemas() -> Node:
    """Return the schema of every JSON payload and of what is inside them, by class name."""
    schemas: Node = {}
    for name, kind in KINDS.items():
        if content_type(name) in (JSON_TYPE, SAFETENSORS_TYPE):
            schema = fields_schema(name)
            schemas |= schema.pop("$defs", {})
            schemas[kind.type.__name__] = schema
    return {name: schemas[name] for name in sorted(schemas)}


def fields_schema(name: str) -> Node:
    """Return the schema of a kind's fields without raw media: those that services write are all there."""
    schema: Node = _tidy(header_model(name).model_json_schema(ref_template=PLACE))
    if KINDS[name].is_ours:
        schema["required"] = list(schema["properties"])  # services write every field
    else:
        schema["required"] = [one for one in schema.get("required", []) if one not in ADDRESS_FIELDS]
        for one in ADDRESS_FIELDS:
            schema["properties"][one] = {"type": "string", "description": "As in the topic, which fills it in."}
    return schema


def properties_schema(name: str) -> Node:
    """Return the schema of the user properties beside a kind's raw payload."""
    schema = fields_schema(name)
    # what people and robots leave out is given on arrival, and the rest stands in the topic, but not in that of a reply
    known = () if KINDS[name].is_reply else ADDRESS
    required = [one for one in schema["required"] if one not in known] if KINDS[name].is_ours else []
    return {"properties": {key: _as_text(one) for key, one in schema["properties"].items()}, "required": required}


def _tidy(node: Any) -> Any:
    """Drop generated titles, and write fixed-length arrays as draft 7 does."""
    if isinstance(node, list):
        return [_tidy(one) for one in node]
    if not isinstance(node, dict):
        return node
    names = {"prefixItems": "items"}
    return {names.get(key, key): _tidy(one) for key, one in node.items() if key != "title" or not isinstance(one, str)}


def _as_text(schema: Node) -> Node:
    """Return the schema of a field that travels as a user property, which is always text."""
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    spelled = {"pattern": SPELLED[options[0]["type"]]} if options[0]["type"] in SPELLED else {}
    kept = {key: options[0][key] for key in ("const", "enum", "description") if key in options[0]}
    default = {"default": str(schema["default"])} if isinstance(schema.get("default"), int | float) else {}
    return {"type": "string", **spelled, **kept, **default, "x-mqtt-property": "User Property"}
