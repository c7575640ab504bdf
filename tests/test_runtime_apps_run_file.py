"""Runs read back: every message in its order, ids without the session, cut files as far as they go."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest

from runtime.apps.run_file import as_said, read_run
from runtime.errors import InputError
from runtime.messages import Message, Metrics, Observation, Timing
from runtime.recording import buslog
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter
from tests.fakes import watermark
from tests.runs import SESSION, S, a_session, answered, clipped, moved, rests_on, seen, spoken, write_run


def test_every_message_is_read_in_its_order(tmp_path: Path) -> None:
    messages = a_session()
    run = read_run(write_run(tmp_path / "run.mcap", messages))
    assert run.said == tuple(as_said(one) for one in messages)
    assert run.session == SESSION
    assert run.faults == ()


def test_what_is_known_of_a_run_is_read(tmp_path: Path) -> None:
    facts = {"session": "mine", "source": "replay", "config": {"broker": "local"}, "origin_ns": "1790000000000000001"}
    numbers = {"latency_ms": {"recall": [1, 2.5]}, "length_s": 30.5, "playing_s": 2}
    run = read_run(write_run(tmp_path / "run.mcap", a_session(), **facts, **numbers))
    assert (run.session, run.source, run.config, run.origin_ns) == (
        "mine",
        "replay",
        {"broker": "local"},
        1790000000000000001,
    )
    assert (run.latency_ms, run.length_s, run.playing_s) == ({"recall": (1.0, 2.5)}, 30.5, 2.0)


TOO_LARGE = '{"recall": [1, 1' + "0" * 400 + "]}"


@pytest.mark.parametrize("wrong", ["nan", "[1]", '{"recall": [1]}', '{"recall": [1, NaN]}', "{", "1e999", TOO_LARGE])
def test_a_fact_that_cannot_be_read_is_told_and_missing(tmp_path: Path, wrong: str) -> None:
    facts = {"config": '{"a": ' * 500 + "1" + "}" * 500, "latency_ms": wrong, "length_s": wrong, "playing_s": "3"}
    run = read_run(write_run(tmp_path / "run.mcap", a_session(), **facts))
    assert (run.config, run.latency_ms, run.length_s, run.playing_s) == (None, {}, None, 3.0)
    assert len(run.faults) == 3


def test_a_run_that_broke_off_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    dice = random.Random(7)  # what compresses badly stands in the file bit by bit
    messages: list[Message] = [spoken(seq, seq, seq + 0.5, dice.randbytes(1000).hex()) for seq in range(400)]
    whole = write_run(tmp_path / "run.mcap", messages).read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: len(whole) * 3 // 4])
    run = read_run(cut)
    assert 0 < len(run.said) < len(messages)
    assert run.said == tuple(as_said(one) for one in messages[: len(run.said)])
    assert run.faults


def test_all_parts_of_a_run_are_read_and_no_strangers(tmp_path: Path) -> None:
    messages = [spoken(seq, seq, seq + 0.5, str(seq)) for seq in range(6)]
    path = tmp_path / "run.mcap"
    writer = RecordingWriter(path, {}, part_bytes=1)  # every message a part
    channel = writer.channel(buslog.channel_of(messages[0]))
    for number, message in enumerate(messages):
        writer.write(channel, log_ns=number, publish_ns=0, seq=number, data=buslog.to_entry(message))
    writer.note(buslog.RUN, {"source": "replay"})
    writer.close()
    write_run(tmp_path / "run.9999.mcap", [spoken(99, 0, 1, "of another recording")])
    (tmp_path / "run.9998.mcap").write_bytes(b"no MCAP")
    run = read_run(path)
    assert [one.fields["text"] for one in run.said] == list("012345")
    assert run.source == "replay"
    assert len(run.faults) == 2
    assert "run.9999.mcap: is a part of another recording" in run.faults
    assert any("9998" in fault for fault in run.faults)


def test_a_message_that_is_not_as_it_should_be_is_counted_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    writer = RecordingWriter(path, {})
    channel = writer.channel(buslog.channel_of(spoken(0, 0, 1, "a")))
    datas = [buslog.to_entry(spoken(0, 0, 1, "a")), b"{}", b"nonsense"]
    for number, data in enumerate(datas):
        writer.write(channel, log_ns=number, publish_ns=0, seq=number, data=data)
    writer.close()
    run = read_run(path)
    assert len(run.said) == 1
    assert len(run.faults) == 1
    assert run.faults[0].startswith("2 messages are not as they should be")


def test_a_file_without_messages_is_no_run(tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    writer = RecordingWriter(path, {})
    other = ChannelInfo(topic="/tf", schema="tf2_msgs/msg/TF", schema_encoding="", schema_data=b"", encoding="cdr")
    writer.write(writer.channel(other), log_ns=1, publish_ns=1, seq=0, data=b"x")
    writer.close()
    with pytest.raises(InputError, match="holds no messages of a run"):
        read_run(path)


def test_what_is_no_file_or_no_mcap_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello", encoding="utf-8")
    with pytest.raises(InputError, match="is a folder"):
        read_run(tmp_path)
    with pytest.raises(InputError, match="is no recording"):
        read_run(text)
    with pytest.raises(InputError, match="cannot be read"):
        read_run(tmp_path / "none.mcap")


def test_ids_lose_the_session_and_texts_do_not() -> None:
    said = as_said(clipped(2, 0, 1, f"{SESSION}/x", (f"{SESSION}/mic/0/utterance-0", "s/mic/0/utterance-1")))
    assert said.name == "mic/0/clip-2"
    assert said.fields["record_ids"] == ["mic/0/utterance-0", "s/mic/0/utterance-1"]
    assert said.fields["text"] == f"{SESSION}/x"
    answer = as_said(answered("q", 1.0, "?", "!", rests_on("mic/0/sound-3")))
    assert answer.fields["evidence"][0]["record_id"] == "mic/0/sound-3"
    assert answer.fields["evidence"][0]["clip_id"] == "mic/0/clip-0"


def test_how_long_an_answer_took_is_no_content() -> None:
    answer = answered("q", 1.0, "?", "!")
    slow = dataclasses.replace(answer, timing_ms=Timing(recall=9, first_token=9, total=9), query_id="other")
    assert as_said(answer).key() == as_said(slow).key()
    assert as_said(slow).timing_ms == {"recall": 9, "first_token": 9, "total": 9}
    assert (as_said(answer).start_ns, as_said(answer).end_ns) == (S, S)


def test_pictures_and_tensors_count_by_their_hash() -> None:
    assert as_said(seen(0, 0.0, b"a" * 9)).key() == as_said(seen(1, 0.0, b"a" * 9)).key()
    assert as_said(seen(0, 0.0, b"a")).key() != as_said(seen(0, 0.0, b"b")).key()
    looked = [
        Observation(session="s", stream="cam", epoch=0, seq=0, t_ns=0, model="m", tokens=np.full((2, 3), n, np.float16))
        for n in (0, 1)
    ]
    assert as_said(looked[0]).key() != as_said(looked[1]).key()
    assert len(as_said(seen(0, 0.0, b"a" * 9999)).fields["payload"]) < 20


def test_what_is_sent_again_or_tells_of_this_run_alone_counts_not(tmp_path: Path) -> None:
    again = dataclasses.replace(watermark(1), call=3)
    told = Metrics(session="s", stream="memory", counters={}, latency_ms={})
    messages: list[Message] = [
        spoken(0, 0, 1, "a"),
        watermark(1),
        spoken(0, 0, 1, "a"),
        again,
        told,
        spoken(1, 0, 1, "a"),
    ]
    run = read_run(write_run(tmp_path / "run.mcap", messages))
    assert [one.kind for one in run.said] == ["utterance", "watermark", "utterance"]


def test_a_live_session_starts_with_its_first_stream(tmp_path: Path) -> None:
    began_s = 1_790_000_000.0
    live = [moved(0, began_s + 5, began_s + 6, epoch=round(began_s) * S)]
    assert read_run(write_run(tmp_path / "live.mcap", live)).start_ns == round(began_s) * S
    assert read_run(write_run(tmp_path / "replay.mcap", a_session())).start_ns == 0


def test_a_run_that_was_killed_says_nothing_of_itself(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run.mcap", [spoken(0, 0, 1, "a")]))
    assert (run.source, run.config, run.origin_ns, run.latency_ms, run.length_s) == ("", None, 0, {}, None)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "soon", "9" * 400, "\u0663"])
def test_an_origin_that_is_no_time_is_not_known(tmp_path: Path, text: str) -> None:
    assert read_run(write_run(tmp_path / "run.mcap", a_session(), source="replay", origin_ns=text)).origin_ns == 0


def test_the_digest_is_of_what_was_read_and_not_of_what_was_noted(tmp_path: Path) -> None:
    whole = read_run(write_run(tmp_path / "a.mcap", a_session(), digest="the same"))
    less = read_run(write_run(tmp_path / "b.mcap", a_session()[:-1], digest="the same"))
    again = read_run(write_run(tmp_path / "c.mcap", a_session()))
    assert whole.digest == again.digest != less.digest


def test_a_run_that_broke_off_says_so(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run.mcap", a_session(), source="replay", broke_off="true"))
    assert run.faults == ("it was interrupted or failed, and holds what was said until then",)
