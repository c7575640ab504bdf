"""Bytes to messages and back: every kind survives the round trip; whatever is wrong ends in WireError, nothing else."""

import dataclasses
import json
import math
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from runtime import wire
from runtime.errors import WireError
from runtime.messages import KINDS, Ask, ImageInput, MediaReply, Message, Progress, Recall, Utterance
from runtime.wire import Packet, decode, encode
from tests.fakes import example

ALL = sorted(KINDS)
RAW = [name for name in ALL if any("raw" in item.metadata for item in dataclasses.fields(KINDS[name].type))]
TENSORS = [name for name in ALL if wire.tensor_ranks(name)]
JSON = [name for name in ALL if name not in (*RAW, *TENSORS)]
FROM_OUTSIDE = [name for name in JSON if not KINDS[name].is_ours]
REPLY = "heedful/v1/s/client-1/reply"

INT64 = st.integers(-(2**63), 2**63 - 1)
MQTT_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="/+#"), min_size=1, max_size=20
)
FINITE = st.floats(allow_nan=False, allow_infinity=False, width=16)
ADDRESS = {"session": NAMES, "stream": NAMES}


def values_of(hint: Any, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Return a strategy for everything a type hint allows."""
    arguments = get_args(hint)
    match get_origin(hint) or hint:
        case origin if origin is UnionType:
            return st.one_of([values_of(one, texts) for one in arguments])
        case origin if origin is Literal:
            return st.sampled_from(arguments)
        case origin if origin is np.ndarray:
            return numbers.arrays(np.float16, numbers.array_shapes(min_dims=2, max_dims=2, min_side=0), elements=FINITE)
        case origin if origin is dict:
            return st.dictionaries(*(values_of(one, texts) for one in arguments), max_size=3)
        case origin if origin is tuple and arguments[-1] is Ellipsis:
            return st.lists(values_of(arguments[0], texts), max_size=3).map(tuple)
        case origin if origin is tuple:
            return st.tuples(*(values_of(one, texts) for one in arguments))
        case origin if dataclasses.is_dataclass(origin):
            return built(origin, texts)
    plain = {
        int: INT64,
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        bytes: st.binary(max_size=50),
        str: texts,
        NoneType: st.none(),
    }
    return plain[hint]


def built(message_type: Any, texts: st.SearchStrategy[str], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for a dataclass, from the hints of its fields."""
    hints = get_type_hints(message_type)
    return st.builds(message_type, **{name: given.get(name, values_of(hint, texts)) for name, hint in hints.items()})


def messages_of(kind: str) -> st.SearchStrategy[Any]:
    """Return a strategy for all messages of a kind; text in MQTT user properties is narrower than in JSON."""
    return built(KINDS[kind].type, MQTT_TEXT if kind in RAW else st.text(max_size=20), **ADDRESS)


def example_of(kind: str) -> Any:
    """Return one plain message of a kind, with every list filled."""
    return example(KINDS[kind].type)


def decode_back(packet: Packet, kind: str) -> Message:
    """Decode as the receiver does: replies are expected by kind."""
    return decode(packet, kind if KINDS[kind].is_reply else None)


def packet_of(message: Message, **changed: Any) -> Packet:
    """Encode a message and put a field of its JSON to another value."""
    packet = encode(message)
    return dataclasses.replace(packet, payload=json.dumps({**json.loads(packet.payload), **changed}).encode())


@pytest.mark.parametrize("kind", ALL)
@given(draw=st.data())
@settings(max_examples=20)
def test_every_kind_survives_the_round_trip(kind: str, draw: st.DataObject) -> None:
    message = draw.draw(messages_of(kind))
    packet = encode(message, REPLY if KINDS[kind].is_reply else None)
    back = decode_back(packet, kind)
    assert back == message
    for name in wire.tensor_ranks(kind):  # which messages do not compare
        np.testing.assert_array_equal(getattr(back, name), getattr(message, name))
    assert packet.retain == KINDS[kind].is_retained


def test_what_came_later_is_not_sent_at_its_default() -> None:
    asked = Recall(session="s", query_id="q", as_of_ns=1)
    assert b"neighbours" not in encode(asked).payload
    wider = dataclasses.replace(asked, neighbours=2)
    assert b'"neighbours":2' in encode(wider).payload
    assert [decode(encode(one)) for one in (asked, wider)] == [asked, wider]


def test_media_travels_as_it_is_with_its_type_and_header_beside_it() -> None:
    picture = ImageInput(session="s", stream="front", t_ns=5, payload=b"\xff\xd8jpeg")
    packet = encode(picture)
    assert packet.payload == b"\xff\xd8jpeg"
    assert packet.content_type == "image/jpeg"
    assert packet.properties == (("t_ns", "5"),)  # the topic says the rest


def test_a_bare_picture_needs_no_properties() -> None:
    assert decode(Packet(topic="heedful/v1/s/front/image", payload=b"jpeg", content_type="")) == ImageInput(
        session="s", stream="front", payload=b"jpeg"
    )


@pytest.mark.parametrize("kind", RAW)
def test_user_properties_of_other_programs_are_ignored(kind: str) -> None:
    packet = encode(example_of(kind))
    foreign = (("traceparent", "00-4bf9"), ("payload", "not this"), ("", ""))
    assert decode_back(dataclasses.replace(packet, properties=packet.properties + foreign), kind) == example_of(kind)


@pytest.mark.parametrize("kind", FROM_OUTSIDE)
def test_people_and_robots_may_leave_session_and_stream_to_the_topic(kind: str) -> None:
    message = example_of(kind)
    values = json.loads(encode(message).payload)
    del values["session"], values["stream"], values["kind"]
    assert decode(Packet(topic=wire.topic_of(message), payload=json.dumps(values).encode())) == message


@pytest.mark.parametrize("kind", [*JSON, *RAW])
def test_a_payload_beyond_its_limit_is_refused_on_the_way_in(kind: str) -> None:
    packet = encode(example_of(kind))
    limit = KINDS[kind].limit_bytes
    full = packet.payload.ljust(limit)  # spaces: JSON allows them, a picture is any bytes
    assert decode_back(dataclasses.replace(packet, payload=full), kind).kind == kind
    with pytest.raises(WireError, match=f"{limit + 1} bytes, the limit of {kind} is {limit}"):
        decode_back(dataclasses.replace(packet, payload=full + b" "), kind)


@pytest.mark.parametrize("kind", RAW)
def test_media_beyond_its_limit_is_refused_on_the_way_out(kind: str) -> None:
    limit = KINDS[kind].limit_bytes
    encode(dataclasses.replace(example_of(kind), payload=bytes(limit)))
    with pytest.raises(WireError, match=f"{limit + 1} bytes"):
        encode(dataclasses.replace(example_of(kind), payload=bytes(limit + 1)))


@pytest.mark.parametrize("kind", JSON)
def test_a_message_beyond_its_limit_is_refused_on_the_way_out(kind: str) -> None:
    message = example_of(kind)
    texts = [name for name, hint in get_type_hints(type(message)).items() if hint is str]
    limit, size = KINDS[kind].limit_bytes, len(encode(message).payload)
    encode(dataclasses.replace(message, **{texts[-1]: "s" * (limit - size + 1)}))
    with pytest.raises(WireError, match=f"{limit + 1} bytes, the limit of {kind} is {limit}"):
        encode(dataclasses.replace(message, **{texts[-1]: "s" * (limit - size + 2)}))


def with_float(value: Any, number: float) -> Iterator[Any]:
    """Yield the value with each float in it, one at a time, put to `number`."""
    if isinstance(value, float):
        yield number
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from ((*value[:index], other, *value[index + 1 :]) for other in with_float(inner, number))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: other} for other in with_float(inner, number))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for item in dataclasses.fields(value):
            for other in with_float(getattr(value, item.name), number):
                yield dataclasses.replace(value, **{item.name: other})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [name for name in ALL if [*with_float(example_of(name), 0.0)]])
def test_nan_and_infinity_are_refused_wherever_they_stand(kind: str, number: float) -> None:
    for message in with_float(example_of(kind), number):
        with pytest.raises(WireError, match="finite"):
            decode_back(encode(message), kind)


@pytest.mark.parametrize("kind", JSON)
def test_unknown_fields_are_refused(kind: str) -> None:
    with pytest.raises(WireError, match=r"colour: Extra inputs are not permitted"):
        decode_back(packet_of(example_of(kind), colour="red"), kind)


@pytest.mark.parametrize("kind", JSON)
def test_missing_fields_are_refused(kind: str) -> None:
    message = example_of(kind)
    for item in dataclasses.fields(message):
        is_required = item.default is dataclasses.MISSING
        if is_required and not (kind in FROM_OUTSIDE and item.name in ADDRESS):
            packet = encode(message)
            values = json.loads(packet.payload)
            del values[item.name]
            with pytest.raises(WireError, match=f"{item.name}: Field required"):
                decode_back(dataclasses.replace(packet, payload=json.dumps(values).encode()), kind)


def wrong_for(value: object) -> list[object]:
    """Return JSON values of a type near to a value's own, which a lax parser would turn into it."""
    match value:
        case bool():
            return [1, "true", None]
        case int():
            return [str(value), value + 0.5, float(value), True, 2**63, -(2**63) - 1, 10**4000]
        case float():
            return [str(value), True, [value]]
        case str():
            return [5, True, [value], {}]
        case list():
            return [{}, "s", value[0] if value else 0]
        case dict():
            return [[], "s", {"s": "s"}]
    return [[], {}]


@pytest.mark.parametrize("kind", JSON)
def test_wrong_types_are_refused_and_nothing_is_coerced(kind: str) -> None:
    message = example_of(kind)
    for name, value in json.loads(encode(message).payload).items():
        for wrong in wrong_for(value):
            with pytest.raises(WireError):
                decode_back(packet_of(message, **{name: wrong}), kind)


@pytest.mark.parametrize("name", ["t_ns", "seq", "rate_hz", "channels"])
@pytest.mark.parametrize("wrong", ["", "soon", "1.5", "0x10", "NaN", str(2**63), "9" * 5000])
def test_wrong_numbers_in_user_properties_are_refused(name: str, wrong: str) -> None:
    with pytest.raises(WireError, match=f"^heedful/v1/s/m/audio: {name}: "):
        decode(Packet(topic="heedful/v1/s/m/audio", payload=b"", properties=((name, wrong),)))


@pytest.mark.parametrize("kind", [name for name in ALL if not KINDS[name].is_reply])
@pytest.mark.parametrize("place", ["session", "stream"])
def test_a_message_that_disagrees_with_its_topic_is_refused(kind: str, place: str) -> None:
    message = example_of(kind)
    elsewhere = dataclasses.replace(message, **{place: "elsewhere"})
    packet = encode(message)
    if kind in RAW:  # which need not say it
        packet = dataclasses.replace(packet, properties=(*packet.properties, (place, getattr(message, place))))
    with pytest.raises(WireError, match="inside"):
        decode(dataclasses.replace(packet, topic=wire.topic_of(elsewhere)))


def test_a_message_of_another_kind_than_its_topic_is_refused() -> None:
    ask = encode(Ask(session="s", question="what?"))
    with pytest.raises(WireError):
        decode(dataclasses.replace(ask, topic="heedful/v1/s/_/cancel"))


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "ask",
        "heedful/v1/s/ask",
        "heedful/v1/s/_/ask/",
        "heedful/v2/s/_/ask",
        "heedful/v1//_/ask",
        "/heedful/v1/s/_/ask",
        "heedful/v1/s/_/asks",
        "heedful/v1/s/_/",
        "heedful/v1/s/_/reply",
        "heedful/v1/s/_/preview",
    ],
)
def test_topics_that_are_not_ours_are_refused(topic: str) -> None:
    with pytest.raises(WireError):
        decode(Packet(topic=topic, payload=b'{"question": "what?"}'))


@pytest.mark.parametrize(
    "name", ["", "a/b", "a+", "#", "\x00", "line\n", "\x7f", "\x85", "\ud800", "\ufdd0", "\U0001ffff"]
)
def test_names_that_cannot_stand_in_a_topic_are_refused_on_the_way_out(name: str) -> None:
    for message in (Progress(session=name, stream="memory", t_ns=0), Progress(session="s", stream=name, t_ns=0)):
        with pytest.raises(WireError, match="cannot be part of a topic"):
            encode(message)


def test_what_mqtt_forbids_in_a_header_is_replaced() -> None:
    # a broker cuts off who sends control characters, and a reply repeats what somebody asked for
    packet = encode(MediaReply(session="s", record_id="a\x00b\nc", payload=b""), REPLY)
    reply = decode(packet, "media_reply")
    assert isinstance(reply, MediaReply)
    assert reply.record_id == "a\ufffdb\ufffdc"


BAD_JSON = {
    "nothing": b"",
    "not JSON": b"hello",
    "cut off": b'{"question": "wh',
    "not an object": b'["question"]',
    "null": b"null",
    "two messages": b'{"question": "a"}{"question": "b"}',
    "a field twice": b'{"question": "a", "question": "b"}',
    "invalid UTF-8": b'{"question": "\xff\xfe"}',
    "half a surrogate pair": b'{"question": "\\ud800"}',
    "UTF-16": '{"question": "a"}'.encode("utf-16"),
    "UTF-32": '{"question": "a"}'.encode("utf-32"),
    "a byte order mark": b'\xef\xbb\xbf{"question": "a"}',
    "a huge integer": b'{"question": "a", "asked_ns": ' + b"9" * 10_000 + b"}",
    "an integer beyond 64 bits": b'{"question": "a", "asked_ns": 9223372036854775808}',
    "NaN": b'{"question": "a", "asked_ns": NaN}',
    "a deep list": b"[" * 16_000,
    "a deep object": b'{"question":' * 1_300,
    "depth in an unknown field": b'{"question": "a", "more": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
}


@pytest.mark.parametrize("payload", BAD_JSON.values(), ids=BAD_JSON.keys())
@pytest.mark.parametrize("topic", ["heedful/v1/s/_/ask", "heedful/v1/s/m/utterance", "heedful/v1/s/memory/recall"])
def test_bad_json_ends_in_one_readable_line(payload: bytes, topic: str) -> None:
    with pytest.raises(WireError) as caught:
        decode(Packet(topic=topic, payload=payload))
    assert caught.value.topic == topic
    assert "\n" not in caught.value.reason
    assert caught.value.reason


@pytest.mark.parametrize("kind", ALL)
@given(
    payload=st.binary(max_size=200),
    properties=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=3),
)
@settings(max_examples=20)
def test_any_bytes_end_in_a_message_or_in_a_wire_error(
    kind: str, payload: bytes, properties: list[tuple[str, str]]
) -> None:
    names = [item.name for item in dataclasses.fields(KINDS[kind].type)]
    known = tuple((names[len(key) % len(names)], value) for key, value in properties)
    try:
        decode_back(Packet(topic=f"heedful/v1/s/m/{kind}", payload=payload, properties=known), kind)
    except WireError as error:
        assert error.reason  # noqa: PT017 - a message is as good an end


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("kind", JSON)
@given(draw=st.data())
@settings(max_examples=20)
def test_a_message_with_one_field_gone_wrong_ends_in_a_message_or_in_a_wire_error(
    kind: str, draw: st.DataObject
) -> None:
    message = example_of(kind)
    name = draw.draw(st.sampled_from([item.name for item in dataclasses.fields(message)]))
    packet = packet_of(message, **{name: draw.draw(JSON_VALUES)})
    try:
        decode_back(packet, kind)
    except WireError as error:
        assert error.reason  # noqa: PT017 - a message is as good an end


@given(payload=st.binary(max_size=60), cut=st.integers(0, 400))
@settings(max_examples=100)
def test_a_message_broken_anywhere_ends_in_a_message_or_in_a_wire_error(payload: bytes, cut: int) -> None:
    utterance = encode(example_of("utterance"))
    broken = utterance.payload[:cut] + payload + utterance.payload[cut + len(payload) :]
    try:
        assert isinstance(decode(dataclasses.replace(utterance, payload=broken)), Utterance)
    except WireError as error:
        assert error.reason  # noqa: PT017 - a message is as good an end
