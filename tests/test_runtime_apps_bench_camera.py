"""The benchmarks' camera of JPEG pictures: whoever opens it sees them, and after one that left the next."""

from pathlib import Path

from perception.camera import Camera
from perception.picture import encode_jpeg
from runtime.apps.bench_camera import PICTURES, QUALITY, jpeg_camera

SOURCE = "lavfi:testsrc=size=64x48:rate=200"


def test_each_who_opens_it_is_sent_the_pictures_as_they_were_encoded(tmp_path: Path) -> None:
    first = Camera(SOURCE)
    sent = [encode_jpeg(one.picture, 64, QUALITY)[0] for one in first.read(PICTURES)]
    first.close()
    with jpeg_camera(tmp_path / "pipe", SOURCE, rate_hz=500.0) as device:
        for _ in range(2):
            camera = Camera(device)
            numbers = [sent.index(one.jpeg) for one in camera.read(PICTURES + 3)]
            camera.close()
            assert numbers == [(numbers[0] + further) % PICTURES for further in range(PICTURES + 3)]
