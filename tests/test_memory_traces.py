"""Traces are found wherever they stand: at any place, across pieces, in any file."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from memory.traces import PIECE_BYTES, Traces


@settings(max_examples=200)
@given(st.lists(st.binary(min_size=8, max_size=24), max_size=6), st.binary(max_size=60), st.data())
def test_what_is_found_is_what_a_plain_search_finds(traces: list[bytes], noise: bytes, data: st.DataObject) -> None:
    content = noise
    for trace in data.draw(st.lists(st.sampled_from(traces), max_size=3)) if traces else ():
        content += trace + data.draw(st.binary(max_size=9))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        assert Traces(traces).find(path) == {trace for trace in traces if stands_in(trace, content)}


def stands_in(trace: bytes, content: bytes) -> bool:
    return re.search(re.escape(trace) + (rb"(?![0-9])" if trace[-1:].isdigit() else b""), content) is not None


def test_a_trace_across_two_pieces_is_found(tmp_path: Path) -> None:
    trace = bytes(range(1, 21))
    path = tmp_path / "large"
    for begin in range(PIECE_BYTES - len(trace), PIECE_BYTES + 1):
        path.write_bytes(bytes(begin) + trace + bytes(9))
        assert Traces([trace]).find(path) == {trace}
