"""What our own writer of MQTT v5 properties writes is what paho reads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from runtime.mqtt_packets import PackedProperties
from runtime.wire import Packet

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=300)


@given(
    content_type=TEXTS,
    pairs=st.lists(st.tuples(TEXTS, TEXTS), max_size=4),
    response_topic=st.none() | TEXTS,
    correlation=st.none() | st.binary(max_size=40),
    expiry_s=st.none() | st.integers(0, 2**32 - 1),
)
def test_paho_reads_what_was_written(
    content_type: str,
    pairs: list[tuple[str, str]],
    response_topic: str | None,
    correlation: bytes | None,
    expiry_s: int | None,
) -> None:
    packet = Packet(
        topic="t",
        payload=b"",
        content_type=content_type,
        properties=tuple(pairs),
        response_topic=response_topic,
        correlation=correlation,
    )
    packed = PackedProperties(packet, expiry_s).pack()
    read, length = Properties(PacketTypes.PUBLISH).unpack(packed)
    assert length == len(packed)
    assert read.ContentType == content_type
    assert getattr(read, "UserProperty", []) == pairs
    assert getattr(read, "ResponseTopic", None) == response_topic
    assert getattr(read, "CorrelationData", None) == correlation
    assert getattr(read, "MessageExpiryInterval", None) == expiry_s
