"""Packets in every encoding into events; EVT3 by its package, in chunks and over wraps; counts of the samples."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.events.arrays import Events, joined
from perception.events.decoders import PacketDecoder
from perception.events.evt3 import WRAP_US, Evt3Decoder
from perception.yard.evt3 import encode
from runtime.messages import EventsInput
from runtime.recording.bags import open_container
from runtime.recording.readers import decoders_of
from tests.event_words import arrays, drawn, rows, write_evt2


def as_evt3(events: Events) -> bytes:
    return encode(events.x, events.y, events.p, events.t_us, 0, int(events.t_us[-1]) + 1)


def packet(encoding: str, payload: bytes, base_ns: int = 0) -> EventsInput:
    return EventsInput(session="s", stream="eye", encoding=encoding, base_ns=base_ns, payload=payload)


@given(st.lists(st.integers(1, 200), max_size=30))
@settings(deadline=None, max_examples=40)
def test_evt3_in_chunks_that_cut_words_gives_what_the_whole_gives(sizes: list[int]) -> None:
    events = drawn(3, 300, 3 * WRAP_US)
    data, decoder, at, parts = as_evt3(events), Evt3Decoder(), 0, []
    for size in [*sizes, len(data)]:
        parts.append(decoder.feed(data[at : at + size]))
        at += size
    assert rows(joined(parts)) == rows(events)


def test_wraps_of_evt3_are_counted() -> None:
    decoder = Evt3Decoder()
    events = arrays([(1, 2, 1, 5), (3, 4, 0, WRAP_US + 5), (5, 6, 0, 2 * WRAP_US), (5, 6, 0, 2 * WRAP_US + 1)])
    assert rows(decoder.feed(as_evt3(events))) == rows(events)
    assert (decoder.wraps, decoder.waiting) == (2, 0)


def test_garbage_in_evt3_gives_events_or_none_and_no_error() -> None:
    garbage = np.random.default_rng(5).integers(0, 256, 20_001, np.uint8).tobytes()
    decoder = Evt3Decoder()
    found = decoder.feed(garbage)
    assert decoder.waiting == 1
    assert len({len(found.x), len(found.y), len(found.p), len(found.t_us)}) == 1
    assert set(found.p.tolist()) <= {0, 1}


def test_another_encoding_in_mid_stream_begins_the_words_anew() -> None:
    decoder, events = PacketDecoder(), [(1, 2, 1, 100), (3, 4, 0, 164)]
    assert rows(decoder.step(packet("evt2", write_evt2(events)))) == events
    assert rows(decoder.step(packet("evt3", as_evt3(arrays(events))))) == events
    assert rows(decoder.step(packet("libcaer_cmp", b"\x05\x20\x09\x30", base_ns=7_000))) == [(5, 9, 0, 7)]


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match="'mp4' cannot be read"):
        PacketDecoder().step(packet("mp4", b""))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "off", "on"),
    [("event_camera_test_events_1.db3", 218_291, 125_183), ("event_camera_test_events_2_0.mcap", 360_223, 211_043)],
)
def test_the_samples_hold_every_event(data_dir: Path, name: str, off: int, on: int) -> None:
    with closing(open_container(data_dir / "events" / name)) as container:
        decoders = decoders_of(container)
        packets = [one for entry in container.entries() for one in decoders[entry.channel].decode(entry.data)]
    decoder = PacketDecoder()
    found = joined([decoder.step(one) for one in packets if isinstance(one, EventsInput)])
    assert np.bincount(found.p).tolist() == [off, on]
    assert (np.diff(found.t_us) >= 0).all()
