"""Every source in one shape: `open`, then an async iterator of batches of samples, then `close`.

Blocking readers (files, cameras, microphones) read on a thread of their own, one batch ahead of who consumes them.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

import av
import numpy as np

from perception.blocks import BlockCutter, is_heard, pcm_frame
from perception.inputs import DataSample, input_fault
from perception.media import AudioBlock, VideoSample
from perception.picture import to_gray
from runtime.bus import LATEST, Bus, Delivery, drop_oldest, filter_of
from runtime.errors import HeedfulError, MissingPart
from runtime.jpeg import decode_jpeg
from runtime.messages import AudioInput, EventsInput, ImageInput, ImuInput, PoseInput, RadarInput, Sensor
from runtime.service import Worker

if TYPE_CHECKING:
    from numpy.typing import NDArray

Sample: TypeAlias = VideoSample | AudioBlock | DataSample
Samples: TypeAlias = Sequence[Sample]

AUDIO_ROOM = 64  # MQTT audio packets that may wait
DATA_ROOM = {"radar": 8, "events": 64, "pose": 256, "imu": 512}  # inputs of other sensors that may wait
PAUSE_NS = 200_000_000  # more than this between two packets is a pause, not a hiccup
PAST_NS = 86_400_000_000_000  # a sender may have buffered for a day
AHEAD_NS = 5_000_000_000  # its clock may be ahead by so much


class Reader(Protocol):
    """What files, cameras and microphones have in common; every call blocks."""

    def read(self, count: int) -> Samples:
        """Return up to `count` samples in order; none at the end."""

    def close(self) -> None:
        """Free the device or file."""


class Source(Protocol):
    """One stream on its way in."""

    stream: str
    sensor: Sensor
    is_live: bool

    @property
    def truncated(self) -> bool:
        """Say whether the recording broke off; final once the batches have ended."""

    async def open(self) -> None:
        """Make ready. Raises MissingPart or InputError."""

    def batches(self) -> AsyncIterator[Samples]:
        """Yield batches in order until the source ends."""

    async def close(self) -> None:
        """Free the device or file."""


async def open_all(sources: Sequence[Source]) -> None:
    """Open every source, or none: where one cannot be opened the others are closed again.

    Raises as `open` does; of several devices that are missing all are named.
    """
    missing: list[MissingPart] = []
    async with AsyncExitStack() as opened:
        for source in sources:
            try:
                await source.open()
            except MissingPart as error:
                missing.append(error)
            else:
                opened.push_async_callback(source.close)
        if len(missing) == 1:
            raise missing[0]
        if missing:
            remedies = dict.fromkeys(error.remedy for error in missing)
            raise MissingPart(" and ".join(error.what for error in missing), "; ".join(remedies))
        opened.pop_all()


class ReaderSource:
    """A blocking reader made asynchronous: the next batch is read while the last one is perceived."""

    def __init__(self, stream: str, sensor: Sensor, make: Callable[[], Reader], count: int, *, is_live: bool) -> None:
        """Read `count` samples at a time from what `make` opens."""
        self.stream = stream
        self.sensor: Sensor = sensor
        self.is_live = is_live
        self._make = make
        self._count = count
        self._worker: Worker | None = None
        self._reader: Reader | None = None
        self._was_truncated = False
        self._faults: list[str] = []

    @property
    def truncated(self) -> bool:
        """Say whether the recording broke off."""
        return self._was_truncated or bool(getattr(self._reader, "truncated", False))  # a device has no such thing

    @property
    def faults(self) -> list[str]:
        """Return what of the recording could not be read, a line each; final once the batches have ended."""
        return [*self._faults, *getattr(self._reader, "faults", [])]

    async def open(self) -> None:
        """Open the reader on its thread; may be called again after `close`."""
        self._worker = Worker(f"{self.stream} reader")
        try:
            self._reader = await self._worker.call(self._make)
        except HeedfulError:
            await self.close()
            raise

    async def batches(self) -> AsyncIterator[Samples]:
        """Yield what the reader gives, reading one batch ahead."""
        if self._worker is None or self._reader is None:
            raise MissingPart(f"{self.stream} is not open", "look at its device")
        following = self._worker.begin(self._reader.read, self._count)
        while samples := await following:
            following = self._worker.begin(self._reader.read, self._count)
            yield samples

    async def close(self) -> None:
        """Close the reader on its thread."""
        self._was_truncated, self._faults = self.truncated, self.faults
        if self._worker is not None:
            if self._reader is not None:
                await self._worker.call(self._reader.close)
            self._worker.close()
        self._worker = self._reader = None


class ImageSource:
    """JPEG pictures that arrive over MQTT; the newest wins."""

    sensor: Sensor = "video"
    is_live = True
    truncated = False

    def __init__(
        self, bus: Bus, session: str, stream: str, width_px: int, refuse: Callable[[Delivery, str], None]
    ) -> None:
        """Take pictures of one stream; what is no picture goes to `refuse`."""
        self.stream = stream
        self._bus = bus
        self._filter = filter_of(session, "image", stream)
        self._width_px = width_px
        self._refuse = refuse

    async def open(self) -> None:
        """Subscribe; may be called again after `close`."""
        self._worker = Worker(f"{self.stream} decoder")
        self._inbox = await self._bus.subscribe(self._filter, rule=LATEST)

    async def batches(self) -> AsyncIterator[Samples]:
        """Yield one frame per picture; times that run backwards go on from the last one."""
        last_ns, seq = 0, 0
        async for delivery in self._inbox:
            message = delivery.message
            assert isinstance(message, ImageInput)
            try:
                picture, gray = await self._worker.call(self._decode, message.payload)
            except ValueError as error:
                self._refuse(delivery, str(error))
                continue
            seq += 1
            last_ns = max(_believed(message.t_ns, time.time_ns()), last_ns + 1)
            yield [VideoSample(t_ns=last_ns, seq=seq, gray=gray, picture=picture)]

    def _decode(self, jpeg: bytes) -> tuple[av.VideoFrame, NDArray[np.uint8]]:
        picture = decode_jpeg(jpeg)
        return picture, to_gray(picture, self._width_px)

    async def close(self) -> None:
        """Stop taking pictures."""
        self._inbox.close()
        self._worker.close()


class PcmSource:
    """16-bit sound that arrives over MQTT, at any rate and channel count."""

    sensor: Sensor = "audio"
    is_live = True
    truncated = False

    def __init__(self, bus: Bus, session: str, stream: str, refuse: Callable[[Delivery, str], None]) -> None:
        """Take sound of one stream; odd byte counts and impossible rates go to `refuse`."""
        self.stream = stream
        self._bus = bus
        self._filter = filter_of(session, "audio", stream)
        self._refuse = refuse

    async def open(self) -> None:
        """Subscribe."""
        self._inbox = await self._bus.subscribe(self._filter, rule=drop_oldest(AUDIO_ROOM))

    async def batches(self) -> AsyncIterator[Samples]:
        """Yield blocks of 512 samples at 16 kHz; a pause in the packets starts the clock anew."""
        cutter, end_ns = BlockCutter(0, 0), 0
        resampler, shape = _resampler(), (0, 0)
        async for delivery in self._inbox:
            message = delivery.message
            assert isinstance(message, AudioInput)
            fault = _pcm_fault(message)
            if fault:
                self._refuse(delivery, fault)
                continue
            count = len(message.payload) // 2 // message.channels
            duration_ns = count * 1_000_000_000 // message.rate_hz
            start_ns = _believed(message.t_ns, time.time_ns() - duration_ns)
            # a packet that seems to be behind was late, or its sender's clock went back: the sound goes on
            if start_ns - end_ns > PAUSE_NS or shape != (message.rate_hz, message.channels):
                start_ns = max(start_ns, end_ns)
                cutter = BlockCutter(start_ns, cutter.next_seq)
                resampler, shape, end_ns = _resampler(), (message.rate_hz, message.channels), start_ns
            end_ns += duration_ns
            frame = pcm_frame(message.payload, message.rate_hz, message.channels)
            blocks = [block for piece in resampler.resample(frame) for block in cutter.add(_mono(piece))]
            if blocks:
                yield blocks

    async def close(self) -> None:
        """Stop taking sound."""
        self._inbox.close()


class InputSource:
    """Sweeps, event packets, poses or measurements that arrive over MQTT; those that wait too long make room."""

    is_live = True
    truncated = False

    def __init__(
        self, bus: Bus, session: str, stream: str, sensor: Sensor, refuse: Callable[[Delivery, str], None]
    ) -> None:
        """Take the inputs of one stream; what is none goes to `refuse`."""
        self.stream = stream
        self.sensor: Sensor = sensor
        self._bus = bus
        self._filter = filter_of(session, sensor, stream)
        self._refuse = refuse

    async def open(self) -> None:
        """Subscribe; may be called again after `close`."""
        self._inbox = await self._bus.subscribe(self._filter, rule=drop_oldest(DATA_ROOM[self.sensor]))

    async def batches(self) -> AsyncIterator[Samples]:
        """Yield one sample per message; times that run backwards go on from the last one."""
        last_ns, seq = 0, 0
        async for delivery in self._inbox:
            message = delivery.message
            assert isinstance(message, RadarInput | EventsInput | PoseInput | ImuInput)
            if fault := input_fault(message):
                self._refuse(delivery, fault)
                continue
            seq += 1
            last_ns = max(_believed(message.t_ns, time.time_ns()), last_ns + 1)
            yield [DataSample(t_ns=last_ns, seq=seq, message=replace(message, t_ns=last_ns, seq=seq))]

    async def close(self) -> None:
        """Stop taking inputs."""
        self._inbox.close()


def _believed(t_ns: int | None, otherwise_ns: int) -> int:
    """Return a sender's time stamp, or ours where it gave none or its clock cannot be right."""
    now_ns = time.time_ns()
    return t_ns if t_ns is not None and now_ns - PAST_NS <= t_ns <= now_ns + AHEAD_NS else otherwise_ns


def _pcm_fault(message: AudioInput) -> str:
    if not is_heard(message.rate_hz, message.channels):
        return f"{message.channels} channels at {message.rate_hz} Hz: 1 to 8 channels at 8 to 192 kHz are taken"
    if len(message.payload) == 0 or len(message.payload) % (2 * message.channels):
        return f"{len(message.payload)} bytes are no whole number of 16-bit samples in {message.channels} channels"
    return ""


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="flt", layout="mono", rate=16_000)


def _mono(frame: av.AudioFrame) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
