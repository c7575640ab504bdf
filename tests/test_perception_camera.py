"""A camera, with FFmpeg's test picture standing in for one."""

import time
from pathlib import Path

import pytest
from av import VideoFrame

from perception.camera import Camera
from perception.picture import encode_jpeg
from runtime.errors import MissingPart
from tests.recordings import draw


def test_frames_come_with_the_wall_clock_and_in_real_time() -> None:
    before_ns = time.time_ns()
    camera = Camera("lavfi:testsrc=size=320x180:rate=20", analysis_width_px=160)
    samples = camera.read() + camera.read(4)
    camera.close()
    assert [sample.seq for sample in samples] == [0, 1, 2, 3, 4]
    assert samples[0].gray.shape == (90, 160)
    assert (samples[0].picture.width, samples[0].picture.height) == (320, 180)
    times = [sample.t_ns for sample in samples]
    assert before_ns < times[0]
    assert times == sorted(times)
    assert times[-1] - times[0] > 0.1e9


def test_a_source_that_ends_gives_no_more_frames() -> None:
    camera = Camera("lavfi:testsrc=size=64x48:rate=50:duration=0.1")
    assert len(camera.read(100)) == 5
    assert camera.read(1) == []
    camera.close()


@pytest.mark.parametrize("device", ["/dev/video97", "97", "lavfi:nonsense", "mjpeg:nowhere", "no such thing"])
def test_no_camera_is_one_readable_line(device: str) -> None:
    with pytest.raises(MissingPart, match=device.split("(")[0]) as raised:
        Camera(device, size=(640, 480), rate_hz=30)
    assert raised.value.exit_code == 3
    assert "\n" not in str(raised.value)


def test_pictures_of_a_camera_that_sends_jpeg_are_kept_as_they_came(tmp_path: Path) -> None:
    sent = [encode_jpeg(VideoFrame.from_ndarray(draw(number)), 160)[0] for number in (1, 2, 3)]
    pictures = tmp_path / "pictures"
    pictures.write_bytes(b"".join(sent))
    camera = Camera(f"mjpeg:{pictures}")
    samples = camera.read(10)
    camera.close()
    assert [one.jpeg for one in samples] == sent
    assert [(one.picture.width, one.picture.height) for one in samples] == [(160, 120)] * 3


def test_a_camera_that_sends_pixels_has_no_jpeg() -> None:
    camera = Camera("lavfi:testsrc=size=64x48:rate=50:duration=0.04")
    assert [one.jpeg for one in camera.read(100)] == [b"", b""]
    camera.close()
