"""A local microphone through PortAudio, as blocks of 512 samples at 16 kHz."""

from __future__ import annotations

import queue
import sys
import time
from typing import TYPE_CHECKING, Any

from perception.blocks import BLOCK, NS_PER_S, RATE_HZ, SAMPLE_NS, AudioBlock
from runtime.errors import MissingPart

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

QUEUE_BLOCKS = 64  # 2 s: longer than any pause of the reader that is not a fault
LONGEST_WAIT_S = 2.0  # without a block the microphone counts as gone
DRIFT_NS = NS_PER_S // 10  # between counted samples and the wall clock, before time is set anew
SLEW_NS = NS_PER_S // 1000


def _load_sounddevice() -> Any:  # it ships no types
    import sounddevice

    return sounddevice


class Microphone:
    """Blocks of `device` (a name or number of PortAudio's, None for the default) stamped with the wall clock.

    MissingPart where there is no PortAudio or no microphone. `lost_samples` counts what nobody fetched in time.
    `load` imports sounddevice, which fails where the library that it wraps is not installed.
    """

    def __init__(self, device: str | int | None = None, load: Callable[[], Any] = _load_sounddevice) -> None:
        self.lost_samples = 0
        self._seq = 0
        self._next_ns = 0  # where the next block would start if nothing were lost
        self._queue: queue.Queue[tuple[int, NDArray[np.float32]]] = queue.Queue(QUEUE_BLOCKS)
        self._stream = self._open(int(device) if isinstance(device, str) and device.isdecimal() else device, load)

    def read(self, count: int = 1) -> list[AudioBlock]:
        """Wait for the next `count` blocks; fewer, then none, once the microphone is gone."""
        blocks: list[AudioBlock] = []
        while len(blocks) < count:
            try:
                t_ns, samples = self._queue.get(timeout=LONGEST_WAIT_S)
            except queue.Empty:
                break
            if abs(t_ns - self._next_ns) < DRIFT_NS:
                t_ns = self._next_ns  # counting samples is steadier than the clock of the call
            else:
                t_ns = max(t_ns, self._next_ns - SLEW_NS)  # forward at once, backward so slowly that time still rises
            self._next_ns = t_ns + BLOCK * SAMPLE_NS
            blocks.append(AudioBlock(t_ns=t_ns, seq=self._seq, samples=samples, count=BLOCK))
            self._seq += 1
        return blocks

    def close(self) -> None:
        """Let go of the microphone."""
        self._stream.stop()
        self._stream.close()

    def _open(self, device: str | int | None, load: Callable[[], Any]) -> Any:
        try:
            sounddevice = load()
        except (OSError, ImportError) as error:
            raise MissingPart(
                "PortAudio is not installed", f"{_install_portaudio()}, or run without a microphone"
            ) from error
        try:
            stream = sounddevice.InputStream(
                samplerate=RATE_HZ, blocksize=BLOCK, device=device, channels=1, dtype="float32", callback=self._take
            )
            stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            name = "microphone" if device is None else f"microphone {device!r}"
            raise MissingPart(
                f"no {name} ({str(error).splitlines()[0]})",
                "connect one, see `python -m sounddevice`, or run without a microphone",
            ) from error
        return stream

    def _take(self, samples: NDArray[np.float32], frames: int, _times: object, status: Any) -> None:
        """Runs on PortAudio's thread: must never wait."""
        t_ns = time.time_ns() - frames * SAMPLE_NS
        if status.input_overflow:
            self.lost_samples += BLOCK  # PortAudio says that it lost some, not how many
        try:
            self._queue.put_nowait((t_ns, samples[:, 0].copy()))
        except queue.Full:
            self.lost_samples += frames


def _install_portaudio() -> str:
    return "brew install portaudio" if sys.platform == "darwin" else "sudo apt install libportaudio2"
