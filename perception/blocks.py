"""Audio of any rate and layout becomes blocks of 512 samples at 16 kHz mono, timed by counting samples."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

RATE_HZ = 16_000
BLOCK = 512  # samples: what the voice activity model wants
NS_PER_S = 1_000_000_000
SAMPLE_NS = NS_PER_S // RATE_HZ  # 62,500: exact
HOLE_NS = 50_000_000  # less than this between two frames is rounding, not missing sound


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioBlock:
    """512 samples at 16 kHz, mono, -1 to 1; only the first `count` are real, zeros fill the rest."""

    t_ns: int  # of the first sample
    seq: int
    samples: NDArray[np.float32]  # (512,)
    count: int

    @property
    def end_ns(self) -> int:
        """When its last sample has been heard."""
        return self.t_ns + self.count * SAMPLE_NS


class BlockCutter:
    """Cuts a signal that starts at `start_ns` into blocks, numbered from `first_seq`."""

    def __init__(self, start_ns: int, first_seq: int) -> None:
        self.next_seq = first_seq
        self._t_ns = start_ns
        self._rest = np.zeros(0, np.float32)

    def add(self, samples: NDArray[np.float32]) -> list[AudioBlock]:
        """Take samples (n,) and return the blocks that are now full."""
        self._rest = np.concatenate((self._rest, samples))
        blocks = []
        while len(self._rest) >= BLOCK:
            blocks.append(self._block(self._rest[:BLOCK].copy(), BLOCK))
            self._rest = self._rest[BLOCK:]
        return blocks

    def end(self) -> list[AudioBlock]:
        """Return what is left as one block padded with zeros, or nothing."""
        count = len(self._rest)
        if count == 0:
            return []
        padded = np.pad(self._rest, (0, BLOCK - count))
        self._rest = self._rest[:0]
        return [self._block(padded, count)]

    def _block(self, samples: NDArray[np.float32], count: int) -> AudioBlock:
        block = AudioBlock(t_ns=self._t_ns, seq=self.next_seq, samples=samples, count=count)
        self.next_seq += 1
        self._t_ns += count * SAMPLE_NS
        return block


class Stretch:
    """Sound without a hole: resampled as one signal from its first frame on."""

    def __init__(self, first: av.AudioFrame, start_ns: int, first_seq: int) -> None:
        self._start_ns = start_ns
        self._pts_ns = pts_ns(first)
        self._shape = _shape(first)
        self._heard = 0  # samples at the source's rate
        self._resampler = AudioResampler("flt", "mono", RATE_HZ)
        self._cutter = BlockCutter(start_ns, first_seq)

    def goes_on_with(self, frame: av.AudioFrame) -> bool:
        """Say whether the frame follows without a hole and in the same format."""
        stamp_ns = pts_ns(frame)
        if _shape(frame) != self._shape:
            return False
        if stamp_ns is None or self._pts_ns is None:
            return True
        return abs(stamp_ns - self._pts_ns - self._heard_ns) <= HOLE_NS

    def add(self, frame: av.AudioFrame) -> list[AudioBlock]:
        """Take the next frame and return the blocks that are now full."""
        self._heard += frame.samples
        return self._cut(self._resampler.resample(frame))

    def end(self) -> list[AudioBlock]:
        """Return what the resampler and the last block still hold."""
        return self._cut(self._resampler.resample(None)) + self._cutter.end()

    @property
    def end_ns(self) -> int:
        """Media time at which the sound heard so far ends."""
        return self._start_ns + self._heard_ns

    @property
    def next_seq(self) -> int:
        """Number of the next block."""
        return self._cutter.next_seq

    @property
    def _heard_ns(self) -> int:
        return self._heard * NS_PER_S // self._shape[0]

    def _cut(self, frames: list[av.AudioFrame]) -> list[AudioBlock]:
        return [block for frame in frames for block in self._cutter.add(frame.to_ndarray()[0])]


def is_heard(rate_hz: int, channels: int) -> bool:
    """Say whether sound of this rate and so many channels is taken."""
    return 8_000 <= rate_hz <= 192_000 and 1 <= channels <= 8


def pcm_frame(payload: bytes, rate_hz: int, channels: int) -> av.AudioFrame:
    """Wrap interleaved signed 16-bit little-endian samples for a `Stretch`; an incomplete last sample is dropped."""
    whole = len(payload) // (2 * channels) * channels
    samples = np.frombuffer(payload, "<i2", whole)
    mono = samples.reshape(-1, channels).mean(axis=1).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(mono[None, :], format="s16", layout="mono")
    frame.sample_rate = rate_hz
    return frame


def pts_ns(frame: av.AudioFrame | av.VideoFrame) -> int | None:
    """Return the frame's own timestamp in nanoseconds, if it has one."""
    if frame.pts is None or frame.time_base is None:
        return None
    base = frame.time_base
    return (2 * frame.pts * base.numerator * NS_PER_S + base.denominator) // (2 * base.denominator)  # Fraction is slow


def _shape(frame: av.AudioFrame) -> tuple[int, str, str]:
    return (frame.sample_rate, frame.format.name, frame.layout.name)
