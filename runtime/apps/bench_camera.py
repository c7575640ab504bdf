"""A camera that sends JPEG, for benchmarks: FFmpeg's test pictures, encoded before, through a pipe at their rate."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from itertools import cycle
from pathlib import Path

from perception.camera import JPEGS, Camera
from perception.picture import encode_jpeg

PICTURES = 30  # over and over
QUALITY = 90
LOOK_S = 0.1  # between two looks whether somebody reads


@contextmanager
def jpeg_camera(pipe: Path, pictures_of: str, rate_hz: float) -> Iterator[str]:
    """Yield the name of a camera that shows what another one saw; whoever opens it, one after the other, is sent it."""
    camera = Camera(pictures_of)
    taken = [one.picture for one in camera.read(PICTURES)]
    camera.close()
    jpegs = [encode_jpeg(one, max(one.width, one.height), QUALITY)[0] for one in taken]
    os.mkfifo(pipe)
    ending = threading.Event()
    sender = threading.Thread(target=_send, args=(pipe, jpegs, rate_hz, ending), name="camera", daemon=True)
    sender.start()
    try:
        yield f"{JPEGS}{pipe}"
    finally:
        ending.set()
        sender.join()


def _send(pipe: Path, jpegs: list[bytes], rate_hz: float, ending: threading.Event) -> None:
    while not ending.wait(LOOK_S):
        with suppress(OSError):  # nobody reads yet, or nobody any more
            number = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            os.set_blocking(number, True)
            with open(number, "wb", buffering=0) as sink:
                _send_one_reader(sink, jpegs, rate_hz, ending)


def _send_one_reader(sink: FileIO, jpegs: list[bytes], rate_hz: float, ending: threading.Event) -> None:
    next_s = time.monotonic()
    for jpeg in cycle(jpegs):
        sink.write(jpeg)
        next_s += 1 / rate_hz
        if ending.wait(max(0.0, next_s - time.monotonic())):
            return
