"""Bytes to messages and back: JSON for plain messages, safetensors for those with tensors, raw media with its header in
MQTT v5 user properties.

Everything that comes in is size-checked against its kind's limit, parsed strictly (unknown fields, wrong types, NaN,
infinity and integers beyond 64 bits are refused) and its session, stream and kind must agree with the topic.
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import UnionType
from typing import Annotated, Any, TypeAlias, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from runtime.errors import WireError
from runtime.messages import KINDS, Message
from runtime.tensors import SAFETENSORS_TYPE, pack, unpack

ROOT = "heedful/v1"
JSON_TYPE = "application/json"

Int64: TypeAlias = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # what a database row and a media header can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One MQTT v5 publication, as both buses carry it."""

    topic: str
    payload: bytes = field(repr=False)
    content_type: str = JSON_TYPE
    properties: tuple[tuple[str, str], ...] = ()  # MQTT v5 user properties
    response_topic: str | None = None
    correlation: bytes | None = None
    retain: bool = False


ADDRESS = ("session", "stream", "kind")  # what a topic says


def topic_of(message: Message) -> str:
    """Return `heedful/v1/<session>/<stream>/<kind>`."""
    return f"{ROOT}/{message.session}/{message.stream}/{message.kind}"


def reply_topic(session: str, client: str) -> str:
    """Return the response topic on which `client` waits; the kind of a reply stands in a user property."""
    return f"{ROOT}/{session}/{client}/reply"


def split_topic(topic: str) -> tuple[str, str, str]:
    """Return (session, stream, kind) of a topic; raise WireError when it is not one of ours."""
    parts = topic.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != ROOT or not all(parts[2:]):
        raise WireError(topic, f"topics are {ROOT}/<session>/<stream>/<kind>")
    return parts[2], parts[3], parts[4]


def encode(
    message: Message, topic: str | None = None, correlation: bytes | None = None, response_topic: str | None = None
) -> Packet:
    """Return the packet for a message; `topic` is the response topic where it is a reply.

    Raises WireError when it is larger than its kind may be, or its session or stream cannot stand in a topic.
    """
    kind = KINDS[message.kind]
    raw, tensors = _raw_field(message.kind), tensor_ranks(message.kind)
    is_reply = kind.is_reply or topic is not None
    topic = topic or topic_of(message)
    if not (_is_name(message.session) and _is_name(message.stream)):
        raise WireError(topic, f"session {message.session!r} or stream {message.stream!r} cannot be part of a topic")
    properties: tuple[tuple[str, str], ...] = (("kind", message.kind),) if is_reply else ()
    if tensors:
        payload = pack(to_json(message), {name: getattr(message, name) for name in tensors})
        content_type = SAFETENSORS_TYPE
    elif raw is None:
        payload, content_type = to_json(message).encode(), JSON_TYPE
    else:
        name, content_type = raw
        payload = getattr(message, name)
        # each property costs the reader more than a copy of the payload, so the topic's words are not repeated
        known = () if is_reply else ADDRESS
        values = {key: getattr(message, key) for key in header_model(message.kind).model_fields if key not in known}
        properties = tuple((key, _to_text(value)) for key, value in values.items() if value is not None)
    if len(payload) > kind.limit_bytes:
        raise WireError(topic, f"{len(payload)} bytes, the limit of {message.kind} is {kind.limit_bytes}")
    return Packet(
        topic=topic,
        payload=payload,
        content_type=content_type,
        properties=properties,
        response_topic=response_topic,
        correlation=correlation,
        retain=kind.is_retained,
    )


def decode(packet: Packet, expected_kind: str | None = None) -> Message:
    """Return the checked message; `expected_kind` is given where the topic is a response topic of our own.

    Raises WireError with one readable reason for anything that is not exactly one message of its kind.
    """
    session, stream, kind_name = split_topic(packet.topic)
    kind_name = expected_kind or kind_name
    kind = KINDS.get(kind_name)
    if kind is None:
        raise WireError(packet.topic, f"no such kind: {kind_name}")
    if len(packet.payload) > kind.limit_bytes:
        raise WireError(packet.topic, f"{len(packet.payload)} bytes, the limit of {kind_name} is {kind.limit_bytes}")
    raw, ranks = _raw_field(kind_name), tensor_ranks(kind_name)
    try:
        if ranks:
            text, tensors = unpack(packet.payload, ranks)
            message = _construct(kind.type, header_model(kind_name).model_validate_json(text), tensors)
        elif raw is None:
            payload = packet.payload if kind.is_ours else _addressed(packet, session, stream)
            values = header_model(kind_name).model_validate_json(payload)
            message = _construct(kind.type, values, {})
        else:
            given = {"session": session, "stream": stream, "kind": kind_name}
            properties = {**given, **_known(packet.properties, header_model(kind_name))}
            values = header_model(kind_name).model_validate_strings(properties)
            message = _construct(kind.type, values, {raw[0]: packet.payload})
    except ValidationError as error:
        raise WireError(packet.topic, _first_fault(error)) from error
    except ValueError as error:
        raise WireError(packet.topic, str(error)) from error
    if expected_kind is None and (message.session, message.stream) != (session, stream):
        raise WireError(packet.topic, f"says session {message.session!r} and stream {message.stream!r} inside")
    return message


def to_json(message: Message) -> str:
    """Return the message's plain fields as one line of JSON, without raw media and tensors."""
    header = header_model(message.kind)
    values = {name: getattr(message, name) for name in header.model_fields}
    unsaid = {name for name, default in _later(message.kind) if values[name] == default}
    # model_construct: our own messages are typed already, only their floats may be wrong
    return header.model_construct(**values).model_dump_json(warnings=False, exclude=unsaid or None)


def rebuild(kind: str, topic: str, values: Mapping[str, Any], payload: bytes, tensors: bytes) -> Message:
    """Return a message of its plain fields, raw media and tensors as they were kept. Raises WireError."""
    try:
        header = header_model(kind).model_validate_json(json.dumps(values))
        more: dict[str, Any] = dict(unpack(tensors, ranks)[1]) if (ranks := tensor_ranks(kind)) else {}
        if raw := _raw_field(kind):
            more[raw[0]] = payload
        return _construct(KINDS[kind].type, header, more)
    except ValidationError as error:
        raise WireError(topic, _first_fault(error)) from error
    except (ValueError, KeyError) as error:
        raise WireError(topic, str(error)) from error


@functools.cache
def header_model(kind: str) -> type[BaseModel]:
    """Return the pydantic model of a kind's fields without raw media."""
    message_type = KINDS[kind].type
    hints = get_type_hints(message_type)
    definitions: dict[str, Any] = {}
    for item in fields(message_type):
        if not {"raw", "tensor"} & item.metadata.keys():
            definitions[item.name] = (_bounded(hints[item.name]), ... if item.default is MISSING else item.default)
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, ser_json_inf_nan="constants")
    return cast(
        "type[BaseModel]",
        create_model(message_type.__name__, __config__=config, __doc__=message_type.__doc__, **definitions),
    )


@functools.cache
def _later(kind: str) -> tuple[tuple[str, object], ...]:
    """Return the fields that are not sent at their default, with it."""
    return tuple((item.name, item.default) for item in fields(KINDS[kind].type) if "later" in item.metadata)


@functools.cache
def tensor_ranks(kind: str) -> dict[str, int]:
    """Return how many dimensions each tensor of a kind has; most kinds have none."""
    return {item.name: item.metadata["tensor"] for item in fields(KINDS[kind].type) if "tensor" in item.metadata}


@functools.cache
def _raw_field(kind: str) -> tuple[str, str] | None:
    for item in fields(KINDS[kind].type):
        if "raw" in item.metadata:
            return item.name, item.metadata["raw"]
    return None


def _construct(message_type: type[Any], values: BaseModel, more: Mapping[str, Any]) -> Message:
    make = cast("Callable[..., Message]", message_type)
    return make(**{name: getattr(values, name) for name in type(values).model_fields}, **more)


def _known(properties: tuple[tuple[str, str], ...], model: type[BaseModel]) -> dict[str, str]:
    # other programs and bridges add user properties of their own: those are not ours to refuse
    return {key: value for key, value in properties if key in model.model_fields}


def _addressed(packet: Packet, session: str, stream: str) -> bytes:
    """Let people and robots leave out of the JSON what the topic says already; refuse a field that comes twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise WireError(packet.topic, "has a field twice")
        return dict(pairs)

    try:
        values = json.loads(packet.payload.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError):
        return packet.payload  # the strict parser names the fault
    if not isinstance(values, dict):
        return packet.payload
    return json.dumps({"session": session, "stream": stream, **values}).encode()


def _bounded(hint: Any) -> Any:
    """Return a type hint with every plain int in it bounded to 64 bits."""
    inner = tuple(_bounded(part) for part in get_args(hint))
    match get_origin(hint):
        case None:
            return Int64 if hint is int else hint
        case origin if origin is UnionType:
            return functools.reduce(operator.or_, inner)
        case origin if origin in (tuple, dict):
            return origin[inner]
    return hint


def _to_text(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    return "".join(one if _fits_mqtt(one) else "\ufffd" for one in value)


@functools.lru_cache(maxsize=1024)
def _is_name(text: str) -> bool:
    """Can this be one part of a topic?"""
    return text != "" and not {*text} & {*"/+#"} and all(map(_fits_mqtt, text))


def _fits_mqtt(character: str) -> bool:
    """May this stand in an MQTT string? A broker cuts off whoever sends control characters or half a surrogate pair."""
    code = ord(character)
    is_control = code < 0x20 or 0x7F <= code <= 0x9F
    is_no_character = 0xD800 <= code <= 0xDFFF or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    return not is_control and not is_no_character


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
