"""Messages of the bus in a recording: every kind comes back as it was, and its entry fits the schema beside it."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runtime import wire
from runtime.errors import WireError
from runtime.messages import KINDS, Ask, Message, Recall, Utterance
from runtime.recording.buslog import channel_of, event_ns, from_entry, is_message, to_entry
from runtime.recording.container import Channel, Entry
from tests.fakes import example
from tests.test_runtime_wire import ALL, RAW, TENSORS, messages_of


def recorded(message: Message) -> tuple[Channel, Entry]:
    """Return what a reader sees of a recorded message."""
    info = channel_of(message)
    channel = Channel(
        id=1,
        topic=info.topic,
        schema=info.schema,
        schema_encoding=info.schema_encoding,
        schema_data=info.schema_data,
        encoding=info.encoding,
        metadata=info.metadata,
        count=1,
    )
    return channel, Entry(channel=1, seq=1, log_ns=1, publish_ns=1, data=to_entry(message))


@pytest.mark.parametrize("kind", ALL)
@given(draw=st.data())
@settings(max_examples=20)
def test_every_kind_survives_the_round_trip_and_fits_its_schema(kind: str, draw: st.DataObject) -> None:
    message = draw.draw(messages_of(kind))
    channel, entry = recorded(message)
    assert is_message(channel)
    back = from_entry(channel, entry)
    assert back == message
    for name in wire.tensor_ranks(kind):  # which messages do not compare
        np.testing.assert_array_equal(getattr(back, name), getattr(message, name))
        assert getattr(back, name).dtype == getattr(message, name).dtype
    Draft202012Validator(json.loads(channel.schema_data)).validate(json.loads(entry.data))


@pytest.mark.parametrize("kind", ALL)
def test_the_schema_is_a_schema_and_refuses_what_does_not_belong(kind: str) -> None:
    channel, entry = recorded(example(KINDS[kind].type))
    schema, values = json.loads(channel.schema_data), json.loads(entry.data)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(values)
    assert not validator.is_valid(values | {"surprise": 1})
    for name in [*(["payload"] if kind in RAW else []), *(["tensors"] if kind in TENSORS else [])]:
        assert isinstance(values[name], str)
        assert not validator.is_valid(values | {name: 5})


def test_a_channel_says_topic_and_kind() -> None:
    info = channel_of(Ask(session="s", question="What moved?"))
    assert (info.topic, info.schema, info.encoding) == ("heedful/v1/s/_/ask", "heedful.ask", "json")
    assert not info.is_sticky


@pytest.mark.parametrize(
    ("schema", "encoding"),
    [("heedful.ask", "protobuf"), ("ask", "json"), ("heedful.nothing", "json"), ("", "json"), ("other.ask", "json")],
)
def test_other_channels_hold_no_messages(schema: str, encoding: str) -> None:
    channel, _ = recorded(Ask(session="s", question="?"))
    assert not is_message(dataclasses.replace(channel, schema=schema, encoding=encoding))


def test_the_event_time_is_the_one_that_a_message_states() -> None:
    assert event_ns(example(Utterance, t_ns=5)) == 5
    assert event_ns(Ask(session="s", question="?", asked_ns=6)) == 6
    assert event_ns(Ask(session="s", question="?")) == 0
    assert event_ns(Recall(session="s", query_id="q", as_of_ns=7)) == 7


def changed(**values: Any) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps({**json.loads(data), **values}).encode()


@pytest.mark.parametrize("kind", ["image", "observation", "utterance"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"[]",
        lambda _: b"null",
        lambda _: b"[" * 100_000,
        lambda data: data[:-5],
        changed(t_ns="soon"),
        changed(t_ns=2**63),
        changed(surprise=1),
        changed(payload="not base64!", tensors="not base64!"),
        changed(payload=5, tensors=5),
    ],
)
def test_a_damaged_entry_ends_in_a_wire_error(kind: str, damage: Callable[[bytes], bytes]) -> None:
    channel, entry = recorded(example(KINDS[kind].type))
    with pytest.raises(WireError) as caught:
        from_entry(channel, dataclasses.replace(entry, data=damage(entry.data)))
    assert caught.value.topic == channel.topic
    assert "\n" not in caught.value.reason
