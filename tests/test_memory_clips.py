"""Where clips begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from memory.clips import LONGEST_CLIP_NS, ClipBorders, clip_text
from memory.rows import clip_key
from runtime.messages import record_id
from tests.memory_records import S, frame, gap, motion, ns, tone, utterance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.messages import Clip, Record


def cut(records: Sequence[Record], *, end_s: float = 1e6) -> list[Clip]:
    borders = ClipBorders("s", "mic", 0, "audio")
    return [clip for record in records for clip in borders.add(record)] + borders.end(ns(end_s))


def spans_s(clips: Sequence[Clip]) -> list[tuple[float, float]]:
    return [(clip.start_ns / S, clip.end_ns / S) for clip in clips]


def test_a_pause_of_more_than_two_seconds_is_a_border() -> None:
    clips = cut([tone(0, 0, 1), tone(1, 2.9, 4), tone(2, 6.1, 7)])
    assert spans_s(clips) == [(0, 4), (6.1, 7)]
    assert [clip_key(clip) for clip in clips] == ["s/mic/0/clip-0", "s/mic/0/clip-1"]


def test_a_long_sentence_known_only_at_its_end_is_no_pause() -> None:
    assert spans_s(cut([utterance(0, 0, 5, "one"), utterance(1, 5.5, 10.5, "two")])) == [(0, 10.5)]


def test_a_scene_cut_is_a_border_once_the_clip_is_three_seconds_long() -> None:
    frames = [frame(i, i * 0.5, is_cut=i in (0, 4, 8)) for i in range(12)]
    assert spans_s(cut(frames)) == [(0, 3.5), (4, 5.5)]


def test_sixteen_seconds_are_a_border_but_no_utterance_is_split() -> None:
    clips = cut([utterance(0, 0, 7, "a"), utterance(1, 7.5, 15, "b"), utterance(2, 15.5, 18, "c")])
    assert spans_s(clips) == [(0, 15), (15.5, 18)]


def test_a_single_record_may_be_longer_than_sixteen_seconds() -> None:
    clips = cut([tone(0, 0, 1), utterance(0, 2, 30, "a speech"), tone(1, 31, 32)])
    assert spans_s(clips) == [(0, 1), (2, 30), (31, 32)]


def test_nothing_recorded_is_no_clip() -> None:
    assert cut([]) == []
    assert cut([gap(0, 0, 100)]) == []


def test_advance_closes_what_nothing_can_join() -> None:
    borders = ClipBorders("s", "mic", 0, "audio")
    assert borders.add(tone(0, 1, 2)) == []
    assert borders.advance(ns(17)) == []
    (clip,) = borders.advance(ns(17.01))
    assert (clip.start_ns, clip.end_ns, clip.t_ns) == (ns(1), ns(2), ns(17) + 1)  # whenever it was noticed
    assert borders.advance(ns(40)) == []


def test_the_end_of_a_stream_closes_its_clip_once() -> None:
    borders = ClipBorders("s", "mic", 0, "audio")
    borders.add(tone(0, 1, 2))
    (clip,) = borders.end(ns(2.5))
    assert clip.record_ids == ("s/mic/0/sound-0",)
    assert borders.end(ns(3)) == []


def test_text_quotes_words_first_and_says_repeats_once() -> None:
    records: list[Record] = [
        motion(0, 0, 1),
        tone(0, 1, 2),
        tone(1, 2, 3),
        utterance(0, 3, 4, "go on"),
        frame(0, 4, is_cut=True),
    ]
    assert clip_text(records) == '"go on"; tone at 440 Hz (2 times); movement on the left; scene change'
    assert clip_text([frame(0, 0)]) == "nothing changed"
    assert len(clip_text([utterance(0, 0, 1, "word " * 1000)])) == 1000


@st.composite
def streams(draw: st.DrawFn) -> list[Record]:
    """Records in the order in which they became known, with pauses, cuts and long utterances."""
    records: list[Record] = []
    known_s = 0.0
    for seq in range(draw(st.integers(1, 30))):
        known_s += draw(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.5, 5.0]))
        start_s = max(0.0, known_s - draw(st.sampled_from([0.0, 0.4, 3.0, 9.0, 20.0])))
        if draw(st.booleans()):
            records.append(frame(seq, known_s, is_cut=draw(st.booleans())))
        else:
            records.append(utterance(seq, start_s, known_s, "x"))
    return records


@given(streams())
def test_every_record_is_in_one_clip_and_clips_keep_their_length(records: list[Record]) -> None:
    clips = cut(records)
    assert [key for clip in clips for key in clip.record_ids] == [record_id(record) for record in records]
    assert [clip.seq for clip in clips] == list(range(len(clips)))
    for clip in clips:
        assert clip.end_ns - clip.start_ns <= LONGEST_CLIP_NS or len(clip.record_ids) == 1


@given(streams(), st.lists(st.floats(0, 60), max_size=20))
def test_calls_of_advance_never_move_a_border(records: list[Record], marks_s: list[float]) -> None:
    borders = ClipBorders("s", "mic", 0, "audio")
    clips: list[Clip] = []
    for record in records:
        for mark_s in sorted(marks_s):
            if ns(mark_s) < record.t_ns:  # a watermark never passes what is still to come
                clips += borders.advance(ns(mark_s))
        clips += borders.add(record)
    clips += borders.end(ns(1e6))
    plain = cut(records)
    assert [(c.record_ids, c.start_ns, c.end_ns, c.text) for c in clips] == [
        (c.record_ids, c.start_ns, c.end_ns, c.text) for c in plain
    ]
