"""The bus as an AsyncAPI 3.0 document, and its kinds as a table; both are generated from the message types.

`python -m runtime.asyncapi > docs/asyncapi.yaml` writes the document, `python -m runtime.asyncapi table` prints the
table that stands in docs/mqtt.md.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import yaml

from runtime.bus import REPLY
from runtime.messages import KIB, KINDS, SERVICES, Kind
from runtime.schema import Node, content_type, payload_schemas, properties_schema
from runtime.tensors import SAFETENSORS_TYPE
from runtime.wire import JSON_TYPE, ROOT

VERSION = "1.0.0"  # of topics and payloads, not of the package
BINDING = "0.2.0"
REPLY_ADDRESS = f"{ROOT}/{{session}}/{{client}}/{REPLY}"
PACKET_LIMIT_BYTES = 2048 * KIB  # max_packet_size of the private broker
CALLS = {  # request -> replies
    "recall": ("recalled",),
    "media": ("media_reply",),
    "ask": ("answer",),
    "erase": ("erased",),
}
SPOKEN_BY_SERVICES = ("progress", "status", "metrics", "dead-letter")  # the stream is the service's name
BROADCAST = ("answer",)  # replies that also go to everybody, under the service's own name
ROLES = {
    "robot": "sends pictures and sound, asks, reads answers",
    "user": "sends pictures and sound, asks, recalls, erases, reads everything but raw input",
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
            "schemas": payload_schemas(),
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
    """Return the kinds as a Markdown table."""
    lines = ["| kind | what it is | stream | sent by | read by | QoS | limit | payload |", f"|{8 * '---|'}"]
    lines += [f"| {' | '.join(_row(name, kind))} |" for name, kind in KINDS.items()]
    return "\n".join(lines) + "\n"


def _row(name: str, kind: Kind) -> Iterable[str]:
    yield f"`{name}`"
    yield _description(kind).partition("\n\n")[0].replace("\n", " ")
    yield _stream_words(name)
    yield ", ".join(kind.senders)
    yield ", ".join(kind.receivers)
    yield f"{kind.qos}, retained" if kind.is_retained else str(kind.qos)
    yield f"{kind.limit_bytes // KIB} KiB"
    yield content_type(name).replace(JSON_TYPE, "JSON").replace(SAFETENSORS_TYPE, "safetensors")


class _Plain(yaml.SafeDumper):
    """Writes every node out instead of pointing at an earlier one."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Plain.add_representer(str, _write_string)


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
                "description": "Whole seconds for which the sender waits for the reply.",
            }
    operation = {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
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
    raw = content_type(name) not in (JSON_TYPE, SAFETENSORS_TYPE)
    schema = {"$ref": f"#/components/schemas/{kind.type.__name__}"}
    payload: Node = {"type": "string", "format": "binary"} if content_type(name) != JSON_TYPE else schema
    message: Node = {
        "name": name,
        "title": kind.type.__name__,
        "description": _description(kind),
        "contentType": content_type(name),
        "headers": _headers(name, kind, is_raw=raw),
        "payload": payload,
        "bindings": {"mqtt": {"contentType": content_type(name), "bindingVersion": BINDING}},
        "x-limit-bytes": kind.limit_bytes,
    }
    if content_type(name) == SAFETENSORS_TYPE:
        message["x-heedful-metadata"] = {"message": schema}  # JSON in the file's metadata
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
        schema = properties_schema(name)
        properties, required = schema["properties"], schema["required"]
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


def _description(kind: Kind) -> str:
    return inspect.cleandoc(kind.type.__doc__ or "")


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


def _stream_words(name: str) -> str:
    if not _has_topic(name):
        return "the response topic"
    stream = _stream(name)
    if stream is None:
        return "its own"
    return f"`{stream}`" if isinstance(stream, str) else ", ".join(f"`{one}`" for one in stream)


def _has_topic(name: str) -> bool:
    return not KINDS[name].is_reply or name in BROADCAST


def main(arguments: Iterable[str]) -> None:
    """Print the document, or the table of kinds."""
    sys.stdout.write(table() if [*arguments] == ["table"] else text())


if __name__ == "__main__":
    main(sys.argv[1:])
