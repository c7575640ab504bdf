"""The baselines that run as programs of their own: nothing but PyAV, pocketsphinx or aiomqtt.

python -m runtime.apps.bench_bare resize FILE WIDTH_PX    decode, one swscale step to gray at the analysis width
python -m runtime.apps.bench_bare luma FILE               decode, then take the Y plane as it is
python -m runtime.apps.bench_bare asr FILE                decode 16 kHz mono WAV to words in one go
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import wave
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

CONNECTIONS = 3  # perception, memory, reasoning


def decode_pictures(path: str, look: Callable[[av.VideoFrame], object]) -> dict[str, float]:
    """Decode the first video track with FFmpeg's own threads and look at every frame."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "AUTO"
        frames, start_s, start_cpu_s = 0, time.perf_counter(), time.process_time()
        for picture in container.decode(stream):
            look(picture)
            frames += 1
        return {
            "frames": frames,
            "playing_s": time.perf_counter() - start_s,
            "cpu_s": time.process_time() - start_cpu_s,
        }


def resizer(width_px: int) -> Callable[[av.VideoFrame], object]:
    """Return a step that makes the gray picture that change detection looks at."""
    scaler = VideoReformatter()

    def resize(picture: av.VideoFrame) -> object:
        height_px = max(1, round(picture.height * width_px / picture.width))
        small = scaler.reformat(
            picture, width=width_px, height=height_px, format="gray", interpolation=Interpolation.AREA, threads=1
        )
        return small.to_ndarray()

    return resize


def luma(picture: av.VideoFrame) -> object:
    """Take the brightness at full size without a copy."""
    return np.asarray(memoryview(picture.planes[0]))


def recognise(path: Path) -> dict[str, float]:
    """Decode a whole WAV with the options that perception uses, without a voice detector before it."""
    from perception.asr import PocketsphinxAsr

    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)
    recogniser = PocketsphinxAsr()
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    recogniser.start(0)
    for first in range(0, len(samples), 512):
        recogniser.feed(samples[first : first + 512])
    recogniser.finish()
    return {"playing_s": time.perf_counter() - start_s, "cpu_s": time.process_time() - start_cpu_s}


async def idle(session: str) -> None:
    """Connect to a running session's broker with bare aiomqtt and do nothing."""
    from runtime.apps import rendezvous
    from runtime.apps.bench_broker import bare_client

    address = rendezvous.find(session).address
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(bare_client(address))
        print("listening", file=sys.stderr, flush=True)
        await asyncio.Event().wait()


def main(what: str, path: str, *more: str) -> dict[str, float]:
    """Measure one baseline."""
    match what:
        case "resize":
            return decode_pictures(path, resizer(int(more[0])))
        case "luma":
            return decode_pictures(path, luma)
        case "asr":
            return recognise(Path(path))
        case _:
            asyncio.run(idle(path))
            return {}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
