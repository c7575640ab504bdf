"""The AsyncAPI document: recorded in docs, sound in itself, true to message table, access rules and wire."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from runtime import asyncapi, broker, wire
from runtime.errors import WireError
from runtime.messages import KINDS
from runtime.schema import content_type
from runtime.wire import Packet
from tests.fakes import example

DOCS = Path(__file__).parent.parent / "docs"
REPLIES = {name for name, kind in KINDS.items() if kind.is_reply}
DOCUMENT = asyncapi.document()

JSON_KINDS = [name for name in KINDS if content_type(name) == wire.JSON_TYPE]
RAW_KINDS = [name for name in KINDS if content_type(name).startswith(("image", "audio"))]


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in the document."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from nodes(inner)


def at(pointer: str) -> Any:
    """Return what a `#/...` reference points at."""
    node: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        node = node[part]
    return node


def payload_validator(name: str) -> Draft7Validator:
    """Return a validator for a kind's payload that can follow references into the document."""
    return Draft7Validator(
        {**DOCUMENT["components"]["messages"][name]["payload"], "components": DOCUMENT["components"]}
    )


def test_the_recorded_document_is_fresh() -> None:
    recorded = (DOCS / "asyncapi.yaml").read_text(encoding="utf-8")
    assert recorded == asyncapi.text(), "stale; run: python -m runtime.asyncapi > docs/asyncapi.yaml"


def test_the_table_in_the_guide_is_fresh() -> None:
    guide = (DOCS / "mqtt.md").read_text(encoding="utf-8")
    assert asyncapi.table() in guide, "stale; put the output of `python -m runtime.asyncapi table` into docs/mqtt.md"


def test_the_text_says_what_the_document_says_without_yaml_pointers() -> None:
    assert yaml.safe_load(asyncapi.text()) == DOCUMENT
    assert not re.search(r"[&*]id\d", asyncapi.text())


def test_every_reference_resolves() -> None:
    pointers = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    assert pointers
    for pointer in pointers:
        assert at(pointer), pointer


def test_top_level_holds_what_asyncapi_3_wants() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    for server in DOCUMENT["servers"].values():
        assert {"host", "protocol"} <= set(server)
        assert set(re.findall(r"{(\w+)}", server["host"])) == set(server["variables"])
    assert all(re.fullmatch(r"[\w.-]+", name) for part in DOCUMENT["components"].values() for name in part)


@pytest.mark.parametrize("name", DOCUMENT["channels"])
def test_a_channel_declares_exactly_the_parameters_in_its_address(name: str) -> None:
    channel = DOCUMENT["channels"][name]
    assert set(re.findall(r"{(\w+)}", channel["address"] or "")) == set(channel.get("parameters", {}))
    assert channel["messages"]


@pytest.mark.parametrize("name", DOCUMENT["operations"])
def test_an_operation_uses_messages_of_its_channel(name: str) -> None:
    operation = DOCUMENT["operations"][name]
    assert operation["action"] in ("send", "receive")
    assert operation["x-heedful-roles"]
    for part in filter(None, (operation, operation.get("reply"))):
        assert all(one["$ref"].startswith(part["channel"]["$ref"] + "/messages/") for one in part["messages"])
    if "reply" in operation:  # AsyncAPI: no fixed address where the request brings one
        assert at(operation["reply"]["channel"]["$ref"])["address"] is None


@pytest.mark.parametrize("name", asyncapi.CALLS)
def test_where_a_reply_goes_is_described_in_the_request(name: str) -> None:
    reply = DOCUMENT["operations"][f"send_{name}"]["reply"]
    headers = DOCUMENT["components"]["messages"][name]["headers"]["properties"]
    assert reply["address"]["location"] == "$message.header#/responseTopic"
    assert "responseTopic" in headers
    assert "correlationData" in headers
    assert re.fullmatch(headers["responseTopic"]["pattern"], wire.reply_topic("robot", "arm-1"))


def test_every_kind_has_a_message_and_a_way() -> None:
    messages = DOCUMENT["components"]["messages"]
    assert set(messages) == set(KINDS)
    assert {one for replies in asyncapi.CALLS.values() for one in replies} == REPLIES
    assert set(DOCUMENT["channels"]) == (set(KINDS) - REPLIES) | set(asyncapi.BROADCAST) | {"reply"}
    for name, kind in KINDS.items():
        assert messages[name]["x-limit-bytes"] == kind.limit_bytes
        assert messages[name]["description"]


def test_roles_are_those_of_the_access_rules() -> None:
    """What the document says that a role may do is what the broker lets it do, stream by stream."""
    allowed: dict[str, set[tuple[str, str]]] = {}
    for block in broker.acl_text().split("\n\n"):
        first, *lines = block.splitlines()
        if first.startswith("user "):
            allowed[first.split()[1]] = {(line.split()[1], line.split()[2]) for line in lines}
    del allowed[broker.RECORDER]  # of a session itself; nobody joins in as one
    told: dict[str, set[tuple[str, str]]] = {role: set() for role in asyncapi.ROLES}
    for operation in DOCUMENT["operations"].values():
        channel = at(operation["channel"]["$ref"])
        streams = channel["parameters"]["stream"].get("enum", [])
        name = channel["address"].rsplit("/", 1)[1]
        for role in operation["x-heedful-roles"]:
            if operation["action"] == "receive":
                stream = streams[0] if name in asyncapi.BROADCAST else "+"
                told[role].add(("read", f"{wire.ROOT}/+/{stream}/{name}"))
            else:
                stream = role if role in streams and name not in ("stored", "recall", "media") else "+"
                told[role].add(("write", f"{wire.ROOT}/+/{stream}/{name}"))
    for role in ("memory", "reasoning"):
        told[role].add(("write", f"{wire.ROOT}/+/+/reply"))
    assert told == allowed


def test_the_packet_limit_is_the_private_brokers(tmp_path: Path) -> None:
    broker.PrivateBroker(tmp_path, "mosquitto")
    lines = (tmp_path / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
    assert f"max_packet_size {asyncapi.PACKET_LIMIT_BYTES}" in lines


def test_payload_schemas_are_schemas() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
        assert "prefixItems" not in json.dumps(schema)


@pytest.mark.parametrize("name", JSON_KINDS)
def test_what_we_send_fits_its_schema(name: str) -> None:
    payload = json.loads(wire.encode(example(KINDS[name].type)).payload)
    payload_validator(name).validate(payload)
    assert not payload_validator(name).is_valid(payload | {"surprise": 1})


@pytest.mark.parametrize("name", RAW_KINDS)
def test_the_properties_beside_raw_media_fit_their_schema(name: str) -> None:
    headers = DOCUMENT["components"]["messages"][name]["headers"]
    sent = dict(wire.encode(example(KINDS[name].type)).properties)
    Draft7Validator(headers).validate(sent)
    assert set(sent) <= set(headers["properties"])
    for one in headers.get("required", []):
        assert not Draft7Validator(headers).is_valid({key: value for key, value in sent.items() if key != one})


@pytest.mark.parametrize(
    "payload",
    [
        {"question": "What moved?"},
        {"question": "What moved?", "asked_ns": None, "query_id": "q1"},
        {"question": "What moved?", "session": "robot", "stream": "_", "kind": "ask"},
        {},
        {"question": 7},
        {"question": "What moved?", "asked_ns": "now"},
        {"question": "What moved?", "urgent": True},
        {"question": "What moved?", "kind": "cancel"},
    ],
)
def test_schema_and_decoder_agree_about_a_question(payload: dict[str, Any]) -> None:
    try:
        wire.decode(Packet(topic="heedful/v1/robot/_/ask", payload=json.dumps(payload).encode()))
        is_taken = True
    except WireError:
        is_taken = False
    assert payload_validator("ask").is_valid(payload) is is_taken
