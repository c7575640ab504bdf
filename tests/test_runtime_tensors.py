"""Tensors travel as safetensors; what is damaged, of another shape or not finite is refused with a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from runtime.errors import WireError
from runtime.messages import Observation
from runtime.tensors import pack, unpack
from runtime.wire import Packet, decode, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOKENS = np.arange(6, dtype=np.float16).reshape(2, 3)
RANKS = {"tokens": 2}


def test_what_was_packed_is_unpacked_also_from_a_view() -> None:
    view = np.arange(12, dtype=np.float16).reshape(4, 3)[::2]
    text, tensors = unpack(pack('{"a": 1}', {"tokens": view}), RANKS)
    assert text == '{"a": 1}'
    np.testing.assert_array_equal(tensors["tokens"], view)


def file(tensors: dict[str, NDArray[np.float16]], message: str | None = "{}") -> bytes:
    return save(tensors, metadata=None if message is None else {"message": message})


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "is not a safetensors file"),
        (b'{"kind": "observation"}', "is not a safetensors file"),
        (file({"tokens": TOKENS})[:-1], "is not a safetensors file"),
        (file({"other": TOKENS}), "holds the tensors other, not tokens"),
        (file({}), "holds the tensors of nobody, not tokens"),
        (file({"tokens": TOKENS, "more": TOKENS}), "holds the tensors more, tokens, not tokens"),
        (file({"tokens": TOKENS[0]}), "tokens is float16 in 1 dimensions, not float16 in 2"),
        (save({"tokens": TOKENS.astype(np.float32)}), "tokens is float32 in 2 dimensions, not float16 in 2"),
        (file({"tokens": TOKENS * np.float16(np.nan)}), "tokens holds NaN or infinity"),
        (file({"tokens": TOKENS + np.float16(np.inf)}), "tokens holds NaN or infinity"),
        (file({"tokens": TOKENS}, message=None), "has no 'message' in its metadata"),
    ],
)
def test_what_is_not_as_promised_is_refused_with_the_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack(payload, RANKS)


@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_reason(payload: bytes) -> None:
    for one in (payload, len(payload).to_bytes(8, "little") + payload):
        with pytest.raises(ValueError, match=r"is not a safetensors file|holds the tensors"):
            unpack(one, RANKS)


def observation() -> Observation:
    return Observation(session="s", stream="cam", epoch=0, seq=1, t_ns=5, model="dual", tokens=TOKENS)


def test_the_fields_in_the_metadata_are_as_strict_as_any_json() -> None:
    packet = encode(observation())
    assert packet.content_type == "application/x-safetensors"
    for wrong in ({"seq": "1"}, {"seq": 1.5}, {"more": 1}):
        fields = {**json.loads(unpack(packet.payload, RANKS)[0]), **wrong}
        payload = pack(json.dumps(fields), {"tokens": TOKENS})
        with pytest.raises(WireError, match=next(iter(wrong))):
            decode(Packet(topic=packet.topic, payload=payload))


def test_an_observation_on_another_streams_topic_is_refused() -> None:
    packet = encode(observation())
    with pytest.raises(WireError, match="inside"):
        decode(Packet(topic="heedful/v1/s/door/observation", payload=packet.payload))
