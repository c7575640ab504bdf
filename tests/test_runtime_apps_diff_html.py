"""The page of `diff`: needs nothing but itself, and nothing that a recording says becomes part of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runtime.apps.diff import compare
from runtime.apps.diff_html import LISTED, as_html
from runtime.apps.page import text
from runtime.apps.run_file import Run, as_said
from runtime.messages import Message
from tests.runs import SESSION, a_session, alerted, answered, clipped, moved, spoken

EVIL = "</title><script>alert(1)</script><img src=x onerror='alert(2)' \" & \x1b[31m"
VOID = frozenset({"meta", "br"})


class Reader(HTMLParser):
    """Notes what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def run_of(messages: list[Message], session: str = SESSION) -> Run:
    config = {"perception": {"asr": EVIL if messages else "none"}}
    said = tuple(map(as_said, messages))
    return Run(path=Path("<b>.mcap"), session=session, said=said, source="replay", config=config, faults=(EVIL,))


def read(before: list[Message], after: list[Message]) -> Reader:
    reader = Reader()
    reader.feed(as_html(compare(run_of(before), run_of(after))))
    assert reader.open == []
    return reader


def test_a_page_is_whole_and_tells_what_changed() -> None:
    reader = read(a_session(), [*a_session()[:-1], answered("q1", 5.0, "What was said?", "Good evening.")])
    assert "answer 1 changed" in reader.words
    assert "Good morning." in reader.words
    assert "Good evening." in reader.words
    assert reader.tags.count("svg") >= 4  # movement, speech, sound, clip


def test_a_page_says_what_its_colours_mean() -> None:
    words = read(a_session(), []).words
    for meaning in ("A, the first run", "~ changed: in both", "- gone: only in A", "+ new: only in B"):
        assert meaning in words


def test_what_is_said_in_a_scene_stays_words() -> None:
    odd: list[Message] = [
        spoken(0, 1.0, 2.0, EVIL),
        clipped(0, 0.0, 5.0, EVIL, (EVIL,)),
        alerted("door", 3.0, EVIL),
        answered("q1", 5.0, EVIL, EVIL),
        moved(0, 1.0, 2.0, stream=EVIL),
    ]
    changed: list[Message] = [
        spoken(0, 1.0, 2.0, EVIL + "!"),
        clipped(0, 0.0, 5.0, EVIL + "!", (EVIL,)),
        answered("q1", 5.0, EVIL, EVIL + "!"),
    ]
    for before, after in ((odd, changed), (odd, []), ([], odd)):
        reader = read(before, after)
        assert not {"script", "img"} & {*reader.tags}
        assert not [name for name, _ in reader.attributes if name.startswith("on")]
        assert "<script>alert(1)</script>" in reader.words
        assert "\x1b" not in reader.words


def test_a_page_asks_nobody_for_anything() -> None:
    content = as_html(compare(run_of(a_session()), run_of([])))
    reader = read(a_session(), [])
    assert not {"link", "script", "img", "iframe", "object", "base", "form", "a"} & {*reader.tags}
    assert not {"src", "href", "srcset", "action", "data"} & {name for name, _ in reader.attributes}
    assert not re.findall(r"url\(|@import", content)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in reader.attributes


def test_a_page_knows_dark_and_narrow() -> None:
    content = as_html(compare(run_of([]), run_of([])))
    assert "prefers-color-scheme:dark" in content
    assert "width=device-width" in content


def test_very_many_changes_are_counted() -> None:
    many: list[Message] = [spoken(seq, seq, seq + 0.5, "") for seq in range(LISTED + 5)]
    assert "and 5 more" in read(many, []).words


@pytest.mark.parametrize("value", ["<", '"', "'", "&", "\x00", "\x1b", "\ud800", 7, None])
def test_no_value_steers_a_page(value: object) -> None:
    shown = text(value)
    assert not {*shown} & {"<", ">", '"', "'", "\x00", "\x1b", "\ud800"}
    shown.encode()
