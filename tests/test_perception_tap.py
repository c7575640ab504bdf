"""Taps of cameras and microphones: perception gets its samples as before, a recorder what there was time for."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.blocks import BLOCK, RATE_HZ, AudioBlock
from perception.media import VideoSample
from perception.picture import encode_jpeg
from perception.tap import PICTURES_ROOM, QUALITY, PictureTap, SoundTap, TappedReader, pcm
from runtime.jpeg import decode_jpeg
from runtime.recording.contents import Pcm, Picture
from tests.fakes import PATIENCE_S
from tests.recordings import draw

if TYPE_CHECKING:
    from perception.sources import Samples


def block(seq: int, count: int = BLOCK) -> AudioBlock:
    samples = np.zeros(BLOCK, np.float32)
    samples[:count] = np.arange(count) / 32768
    return AudioBlock(t_ns=1_000 + seq, seq=seq, samples=samples, count=count)


def frame(seq: int, form: str = "rgb24") -> VideoSample:
    picture = av.VideoFrame.from_ndarray(draw(2 + seq / 10), format="rgb24").reformat(format=form)
    return VideoSample(t_ns=1_000 + seq, seq=seq, gray=np.zeros((2, 2), np.uint8), picture=picture)


def wanted() -> bool:
    return True


class Batches:
    """A reader of batches that were made before."""

    def __init__(self, batches: list[Samples]) -> None:
        self.is_closed = False
        self._batches = batches

    def read(self, count: int) -> Samples:
        return self._batches.pop(0) if self._batches else []

    def close(self) -> None:
        self.is_closed = True


def test_the_reader_gives_what_it_gave_and_the_tap_hears_it() -> None:
    heard: list[tuple[Picture | Pcm, int]] = []
    batches: list[Samples] = [[block(0), block(1)], [block(2, 100)]]
    inner = Batches(list(batches))
    reader = TappedReader(lambda: inner, lambda: SoundTap(lambda *one: heard.append(one)))
    assert [reader.read(2), reader.read(2), reader.read(2)] == [*batches, []]
    reader.close()
    assert inner.is_closed
    assert [one.t_ns for one, _ in heard] == [1_000, 1_001, 1_002]
    sound = [one for one, _ in heard if isinstance(one, Pcm)]
    assert {(one.rate_hz, one.channels) for one in sound} == {(RATE_HZ, 1)}
    assert [np.frombuffer(one.payload, "<i2").tolist() for one in sound] == [
        list(range(BLOCK)),
        list(range(BLOCK)),
        list(range(100)),  # without the zeros that fill the block
    ]


@given(st.lists(st.integers(-32768, 32767), max_size=600))
def test_sixteen_bit_sound_comes_back_as_it_was(numbers: list[int]) -> None:
    samples = np.array(numbers, "<i2")
    assert pcm(samples.astype(np.float32) / np.float32(32768)) == samples.tobytes()


def test_sound_beyond_its_range_is_cut_off_there() -> None:
    assert np.frombuffer(pcm(np.array([-2, -1, 1, 2], np.float32)), "<i2").tolist() == [-32768, -32768, 32767, 32767]


@pytest.mark.parametrize("form", ["rgb24", "yuv420p", "yuvj420p"])
def test_pictures_become_jpeg_of_full_size(form: str) -> None:
    heard: list[tuple[Picture | Pcm, int]] = []
    samples = [frame(seq, form) for seq in range(PICTURES_ROOM)]
    tap = PictureTap("door", lambda *one: heard.append(one), pytest.fail, wanted)
    tap.take(samples)
    tap.close()
    assert [one.t_ns for one, _ in heard] == [sample.t_ns for sample in samples]
    for (picture, _), sample in zip(heard, samples, strict=True):
        assert isinstance(picture, Picture)
        assert picture.encoding == "jpeg"
        assert picture.payload == encode_jpeg(sample.picture, 160, QUALITY, is_fast=True)[0]
        decoded = decode_jpeg(picture.payload)
        assert (decoded.width, decoded.height) == (160, 120)


def test_pictures_that_nobody_wants_any_more_are_lost_and_not_encoded() -> None:
    answers = [True, False, False]
    heard: list[tuple[Picture | Pcm, int]] = []
    lost: list[None] = []
    tap = PictureTap("door", lambda *one: heard.append(one), lambda: lost.append(None), lambda: answers.pop(0))
    for seq in range(3):
        tap.take([frame(seq)])
    tap.close()
    assert [one.t_ns for one, _ in heard] == [1_000]
    assert len(lost) == 2


def test_what_the_encoder_has_no_time_for_is_lost_oldest_first_and_told() -> None:
    heard: list[Picture | Pcm] = []
    lost = 0
    began, goes_on = threading.Event(), threading.Event()

    def put(picture: Picture | Pcm, arrived_ns: int) -> None:
        heard.append(picture)
        began.set()
        assert goes_on.wait(PATIENCE_S)

    def lose() -> None:
        nonlocal lost
        lost += 1

    tap = PictureTap("door", put, lose, wanted)
    tap.take([frame(0)])
    assert began.wait(PATIENCE_S)
    tap.take([frame(seq) for seq in range(1, PICTURES_ROOM + 4)])
    goes_on.set()
    tap.close()
    assert lost == 3
    assert [one.t_ns for one in heard] == [1_000, *range(1_001 + lost, 1_000 + PICTURES_ROOM + 4)]


def test_what_a_camera_sends_as_jpeg_is_handed_on_as_it_came() -> None:
    heard: list[Picture | Pcm] = []
    samples = [replace(frame(seq), jpeg=bytes([seq])) for seq in range(2 * PICTURES_ROOM)]
    tap = PictureTap("door", lambda one, _: heard.append(one), pytest.fail, wanted)
    tap.take(samples)
    assert [(one.t_ns, one.payload) for one in heard] == [(one.t_ns, one.jpeg) for one in samples]  # it did not wait
    tap.close()


def test_pictures_that_came_as_jpeg_overtake_none_that_is_encoded() -> None:
    heard: list[Picture | Pcm] = []
    goes_on = threading.Event()

    def put(picture: Picture | Pcm, arrived_ns: int) -> None:
        assert goes_on.wait(PATIENCE_S)
        heard.append(picture)

    tap = PictureTap("door", put, pytest.fail, wanted)
    samples = [frame(0), *(replace(frame(seq), jpeg=b"whole") for seq in range(1, 3)), frame(3)]
    tap.take(samples)
    goes_on.set()
    tap.close()
    assert [one.t_ns for one in heard] == [sample.t_ns for sample in samples]


def test_a_picture_that_cannot_be_encoded_is_told_once_and_lost_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Picture | Pcm] = []
    lost: list[int] = []
    too_wide = replace(frame(1), picture=av.VideoFrame(70_000, 2, "gray"))
    tap = PictureTap("door", lambda one, _: heard.append(one), lambda: lost.append(1), wanted)
    tap.take([frame(0), too_wide, replace(too_wide, seq=2), frame(3)])
    tap.close()
    assert [one.t_ns for one in heard] == [1_000, 1_003]
    assert len(lost) == 2
    assert caplog.messages == ["a picture of door cannot be recorded: Invalid argument; the others are"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_where_the_thread_ends_all_that_comes_is_lost_and_nobody_waits() -> None:
    lost: list[int] = []

    def fail(picture: Picture | Pcm, arrived_ns: int) -> None:
        raise RuntimeError("not foreseen")

    tap = PictureTap("door", fail, lambda: lost.append(1), wanted)
    tap.take([frame(0)])
    tap.close()  # the one that failed is not counted: nobody knows how far it came
    tap.take([frame(seq) for seq in range(1, 2 * PICTURES_ROOM)])
    assert len(lost) == 2 * PICTURES_ROOM - 1


def test_what_is_left_where_the_encoder_hangs_is_lost(request: pytest.FixtureRequest) -> None:
    lost: list[int] = []
    began, goes_on = threading.Event(), threading.Event()

    def put(picture: Picture | Pcm, arrived_ns: int) -> None:
        began.set()
        assert goes_on.wait(PATIENCE_S)

    tap = PictureTap("door", put, lambda: lost.append(1), wanted)
    request.addfinalizer(goes_on.set)
    tap.take([frame(0)])
    assert began.wait(PATIENCE_S)
    tap.take([frame(1), frame(2)])
    tap.close()
    assert len(lost) == 2


def test_a_frame_that_two_threads_encode_gives_both_the_same() -> None:
    samples = [frame(seq, "yuvj420p") for seq in range(10)]
    for number, sample in enumerate(samples):
        sample.picture.pts = number
    found: dict[int, list[bytes]] = {}

    def encode(name: int) -> None:
        found[name] = [encode_jpeg(sample.picture, 160)[0] for sample in samples * 10]

    threads = [threading.Thread(target=encode, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = [encode_jpeg(sample.picture, 160)[0] for sample in samples * 10]
    assert found == {name: alone for name in range(3)}
    assert [sample.picture.pts for sample in samples] == list(range(10))
