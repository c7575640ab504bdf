"""A camera, with FFmpeg's test picture standing in for one."""

import time

import pytest

from perception.camera import Camera
from runtime.errors import MissingPart


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


@pytest.mark.parametrize("device", ["/dev/video97", "97", "lavfi:nonsense", "no such thing"])
def test_no_camera_is_one_readable_line(device: str) -> None:
    with pytest.raises(MissingPart, match=device.split("(")[0]) as raised:
        Camera(device, size=(640, 480), rate_hz=30)
    assert raised.value.exit_code == 3
    assert "\n" not in str(raised.value)
