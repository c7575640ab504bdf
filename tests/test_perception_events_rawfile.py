"""Headers of Prophesee RAW files, and words that break off."""

from __future__ import annotations

from pathlib import Path

import pytest

from perception.events.arrays import joined
from perception.events.rawfile import RawFile, RawHeader, is_raw_events, read_header
from runtime.errors import InputError
from tests.event_words import rows, write_evt2

EVENTS = [(1, 2, 1, 70), (3, 4, 0, 80), (5, 6, 1, 8_000)]


def made(path: Path, header: str, body: bytes = b"") -> Path:
    path.write_bytes(header.encode() + body)
    return path


@pytest.mark.parametrize(
    ("header", "encoding", "size"),
    [
        ("% evt 2.0\n% plugin_name hal_plugin_gen3_fx3\n", "evt2", (640, 480)),
        ("% evt 3.0\n% geometry 320x240\n% end\n", "evt3", (320, 240)),
        ("% format EVT3;height=720;width=1280\n% end\n", "evt3", (1280, 720)),
        ("% date 2020-09-14\n% evt 3.0\n", "evt3", (0, 0)),
    ],
)
def test_the_header_says_the_encoding_and_the_size(
    tmp_path: Path, header: str, encoding: str, size: tuple[int, int]
) -> None:
    path = made(tmp_path / "a.raw", header, b"\x25\x20\x00")  # the first word looks like a line of the header
    expected = RawHeader(encoding=encoding, width_px=size[0], height_px=size[1], body_at=len(header))
    assert read_header(path) == expected
    assert is_raw_events(path)


@pytest.mark.parametrize(("header", "told"), [("% evt 2.1\n", "EVT 2.1"), ("% date today\n", "unknown kind")])
def test_words_of_another_kind_are_refused(tmp_path: Path, header: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_header(made(tmp_path / "a.raw", header))


def test_raw_sound_is_no_such_file(tmp_path: Path) -> None:
    assert not is_raw_events(made(tmp_path / "sound.raw", "", bytes(1000)))
    assert not is_raw_events(made(tmp_path / "short.raw", "% "))


def test_all_events_are_read_and_a_broken_end_is_told(tmp_path: Path) -> None:
    file = RawFile(made(tmp_path / "a.raw", "% evt 2.0\n", write_evt2(EVENTS) + b"\x01\x02\x03"))
    assert rows(joined(list(file.events()))) == EVENTS
    file.close()
    assert file.faults == [f"{tmp_path / 'a.raw'}: breaks off in the middle of a word (3 bytes)"]
