"""The bus as an AsyncAPI 3.0 document, and its kinds as a table; both are generated from the message types.

`python -m runtime.asyncapi > docs/asyncapi.yaml` writes the document, `python -m runtime.asyncapi table` prints the table
that stands in docs/mqtt.md.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeAlias

import yaml

from runtime.bus import REPLY
from runtime.messages import KIB, KINDS, SERVICES, Kind
from runtime.wire import JSON_TYPE, ROOT, header_model

Node: TypeAlias = dict[str, Any]

VERSION = "1.0.0"  # of topics and payloads, not of the package
BINDING = "0.2.0"
ADDRESS_FIELDS = ("session", "stream")
REPLY_ADDRESS = f"{ROOT}/{{session}}/{{client}}/{REPLY}"
PACKET_LIMIT_BYTES = 2048 * KIB  # max_packet_size of the private broker
CALLS = {"recall": ("recalled",), "media": ("media_reply",), "ask": ("answer_part", "answer")}  # request -> replies
SPOKEN_BY_SERVICES = ("progress", "status", "metrics", "dead-letter")  # the stream is the service's name
BROADCAST = ("answer_part", "answer")  # replies that also go to everybody, under the service's own name
ROLES = {
    "robot": "sends pictures and sound, asks, reads answers",
    "user": "asks, reads everything but raw input",
    "perception": "turns input into records",
    "memory": "stores records and finds them again",
    "reasoning": "answers",
}
DESCRIPTION = """\
What passes between Heedful's services, the people who ask and the robots that send, over MQTT v5.

Raw media (image/jpeg, audio/pcm) travel as they are; their fields are user properties, which MQTT keeps as text.
Everything else is one JSON object. Unknown fields, wrong types, NaN, infinity and more bytes than x-limit-bytes are
refused and noted on dead-letter. x-heedful-roles names the accounts that may send or read a kind. In a replay every
kind travels at QoS 1."""


def document() -> Node:
    """Return the AsyncAPI 3.0 document of every kind in the message table."""
    channels = {name: _channel(name) for name in KINDS if _has_topic(name)}
    operations = {f"send_{name}": _operation(name, "send") for name in channels}
    operations |= {f"receive_{name}": _operation(name, "receive") for name in channels}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Heedful",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "x-heedful-roles": dict(ROLES),
        },
        "defaultContentType": JSON_TYPE,
        "servers": _servers(),
        "channels": channels | {REPLY: _reply_channel()},
        "operations": operations,
        "components": {
            "messages": {name: _message(name, kind) for name, kind in KINDS.items()},
            "schemas": _schemas(),
            "parameters": {
                "session": {"description": "The configuration's session: a name, `live` where it names none."},
                "stream": {"description": "The stream's name in the configuration."},
            },
            "correlationIds": {
                "request": {
                    "description": "MQTT v5 Correlation Data: any bytes, returned with each reply.",
                    "location": "$message.header#/correlationData",
                }
            },
            "securitySchemes": {"account": {"type": "userPassword", "description": "One account per role."}},
        },
    }


def text() -> str:
    """Return the document as YAML, the same text each time."""
    return yaml.dump(document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


def table() -> str:
    """Return the kinds as a Markdown table: last part of the topic, who sends, who reads, QoS, limit, payload."""
    lines = ["| kind | sent by | read by | stream | QoS | limit | payload |", "|---|---|---|---|---|---|---|"]
    for name, kind in KINDS.items():
        qos = f"{kind.qos}, retained" if kind.is_retained else str(kind.qos)
        cells = [
            f"`{name}`",
            " ".join(kind.senders),
            " ".join(kind.receivers),
            _where(name),
            qos,
            f"{kind.limit_bytes // KIB} KiB",
            _content_type(name),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


class _Plain(yaml.SafeDumper):
    """Writes every node out instead of pointing at an earlier one."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _servers() -> Node:
    port = {"description": "Free when the session started; it stands in the options file."}
    shared = {"protocolVersion": "5", "security": [{"$ref": "#/components/securitySchemes/account"}]}
    return {
        "private": {
            "host": "127.0.0.1:{port}",
            "protocol": "mqtt",
            "description": "The mosquitto that a session with `broker: auto` starts for itself.",
            "variables": {"port": port},
            **shared,
            "x-limit-bytes": PACKET_LIMIT_BYTES,
        },
        "yours": {
            "host": "{host}:{port}",
            "protocol": "secure-mqtt",
            "description": "The broker that `broker: mqtts://host:port` names; mqtt:// is the same without TLS.",
            "variables": {"host": {"description": "Its name."}, "port": {"default": "8883"}},
            **shared,
        },
    }


def _channel(name: str) -> Node:
    return {
        "address": f"{ROOT}/{{session}}/{{stream}}/{name}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "parameters": {"session": {"$ref": "#/components/parameters/session"}, "stream": _stream_parameter(name)},
    }


def _reply_channel() -> Node:
    # AsyncAPI wants no fixed address where the request names one
    return {
        "address": None,
        "description": f"{REPLY_ADDRESS}: {{client}} is the MQTT client id of whoever asks: the private "
        "broker lets each client read its own replies and nobody else's.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, kind in KINDS.items() if kind.is_reply},
        "x-heedful-address": REPLY_ADDRESS,
    }


def _operation(name: str, action: str) -> Node:
    kind = KINDS[name]
    binding: Node = {"qos": kind.qos}
    if action == "send":
        binding["retain"] = kind.is_retained
        if name in CALLS:
            binding["messageExpiryInterval"] = {
                "type": "integer",
                "minimum": 1,
                "description": "Seconds the sender will wait: nobody answers what nobody waits for any more.",
            }
    operation = {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": _summary(kind),
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "bindings": {"mqtt": {**binding, "bindingVersion": BINDING}},
        "x-heedful-roles": [*(kind.senders if action == "send" else kind.receivers)],
    }
    if name in CALLS:
        operation["reply"] = {
            "address": {
                "description": "MQTT v5 Response Topic of the request.",
                "location": "$message.header#/responseTopic",
            },
            "channel": {"$ref": f"#/channels/{REPLY}"},
            "messages": [{"$ref": f"#/channels/{REPLY}/messages/{one}"} for one in CALLS[name]],
        }
    return operation


def _message(name: str, kind: Kind) -> Node:
    raw = _content_type(name) != JSON_TYPE
    payload = {"type": "string", "format": "binary"} if raw else {"$ref": f"#/components/schemas/{kind.type.__name__}"}
    message = {
        "name": name,
        "title": kind.type.__name__,
        "description": inspect.cleandoc(kind.type.__doc__ or ""),
        "contentType": _content_type(name),
        "headers": _headers(name, kind, is_raw=raw),
        "payload": payload,
        "bindings": {"mqtt": {"contentType": _content_type(name), "bindingVersion": BINDING}},
        "x-limit-bytes": kind.limit_bytes,
    }
    if not message["headers"]["properties"]:
        del message["headers"]
    if name in CALLS or kind.is_reply:
        message["correlationId"] = {"$ref": "#/components/correlationIds/request"}
    return message


def _headers(name: str, kind: Kind, *, is_raw: bool) -> Node:
    """Return the schema of a message's MQTT properties; `x-mqtt-property` says which one each is."""
    properties: Node = {}
    required: list[str] = []
    if is_raw:
        schema = _json_schema(kind)
        properties = {key: _as_text(one) for key, one in schema["properties"].items()}
        required = schema["required"] if kind.is_ours else []  # else the topic says it, or arrival gives it
    elif kind.is_reply:
        properties["kind"] = {"const": name, "type": "string", "x-mqtt-property": "User Property"}
        required = ["kind"]
    if name in CALLS:
        properties["responseTopic"] = {
            "type": "string",
            "pattern": f"^{ROOT}/[^/+#]+/[^/+#]+/{REPLY}$",
            "description": f"{REPLY_ADDRESS}; without one there is no reply.",
            "x-mqtt-property": "Response Topic",
        }
    if name in CALLS or kind.is_reply:
        properties["correlationData"] = {"type": "string", "x-mqtt-property": "Correlation Data"}
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _schemas() -> Node:
    """Return the schema of every JSON payload and of what is inside them."""
    schemas: Node = {}
    for name, kind in KINDS.items():
        if _content_type(name) == JSON_TYPE:
            schema = _json_schema(kind)
            schemas |= schema.pop("$defs", {})
            schemas[kind.type.__name__] = schema
    return {name: schemas[name] for name in sorted(schemas)}


def _json_schema(kind: Kind) -> Node:
    """Return pydantic's schema as AsyncAPI reads it (JSON Schema draft 7), with what must be there."""
    model = header_model(kind.type.kind)
    schema: Node = _tidy(model.model_json_schema(ref_template="#/components/schemas/{model}"))
    if kind.is_ours:
        schema["required"] = list(schema["properties"])  # services write every field
    else:
        schema["required"] = [one for one in schema.get("required", []) if one not in ADDRESS_FIELDS]
        for one in ADDRESS_FIELDS:
            schema["properties"][one] = {"type": "string", "description": "As in the topic, which fills it in."}
    return schema


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
    patterns = {"integer": r"^-?\d+$", "number": r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$", "boolean": "^(true|false)$"}
    spelled = {"pattern": patterns[options[0]["type"]]} if options[0]["type"] in patterns else {}
    kept = {key: options[0][key] for key in ("const", "enum", "description") if key in options[0]}
    return {"type": "string", **spelled, **kept, "x-mqtt-property": "User Property"}


def _stream_parameter(name: str) -> Node:
    """Return the parameter for the fourth part of a topic: a stream's name, or a service's."""
    stream = _stream(name)
    if stream is None:
        return {"$ref": "#/components/parameters/stream"}
    if isinstance(stream, str):
        return {"description": "For the session as a whole.", "default": stream}
    return {"description": "The service's name.", "enum": [*stream]}


def _stream(name: str) -> str | tuple[str, ...] | None:
    """Return `_`, the names of services, or None where it is the stream's own name."""
    default = next(one.default for one in fields(KINDS[name].type) if one.name == "stream")
    if default in SERVICES:
        return (default,)
    if isinstance(default, str):
        return default
    return KINDS[name].senders if name in SPOKEN_BY_SERVICES else None


def _content_type(name: str) -> str:
    return next((one.metadata["raw"] for one in fields(KINDS[name].type) if "raw" in one.metadata), JSON_TYPE)


def _has_topic(name: str) -> bool:
    return not KINDS[name].is_reply or name in BROADCAST


def main(arguments: Iterable[str]) -> None:
    """Print the document, or the table of kinds."""
    sys.stdout.write(table() if [*arguments] == ["table"] else text())


if __name__ == "__main__":
    main(sys.argv[1:])
