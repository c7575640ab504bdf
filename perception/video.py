"""One video stream from frames to records: what moved, which frames are kept as JPEG, and whether the camera sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from perception.blindness import VideoBlindness
from perception.change import Change, ChangeDetector
from perception.keyframes import KeyframeRule
from perception.media import VideoSample
from perception.motion import MotionPiece, MotionSegments
from perception.picture import encode_jpeg
from runtime.config import PerceptionConfig
from runtime.messages import Frame, Motion, Record, Sensor


class VideoStream:
    """Perceives one camera; all state is here, so a stream in pieces gives what the whole gives."""

    sensor: ClassVar[Sensor] = "video"

    def __init__(self, session: str, stream: str, epoch: int, settings: PerceptionConfig) -> None:
        """Start with nothing seen."""
        self.blind = ""
        self._session = session
        self._stream = stream
        self._epoch = epoch
        self._settings = settings
        self._detector = ChangeDetector()
        self._segments = MotionSegments()
        self._keyframes = KeyframeRule(settings.lmm_fps)
        self._blindness = VideoBlindness()
        self._frames = 0
        self._motions = 0
        self._t_ns = 0

    @property
    def blind_since_ns(self) -> int | None:
        """Since when it sees nothing, also before `blind` says so."""
        return self._blindness.since_ns

    @property
    def active_ns(self) -> int | None:
        """Since when something moves that no record tells of yet."""
        return self._segments.active_ns

    def step(self, samples: Sequence[VideoSample]) -> list[Record]:
        """Look at the next frames, in order; returns what became known, each stamped with the frame that showed it."""
        records: list[Record] = []
        for sample in samples:
            self._t_ns = sample.t_ns
            change = self._detector.step(sample.gray, sample.t_ns)
            self.blind = self._blindness.step(change, sample.t_ns)
            records += [self._motion(piece) for piece in self._segments.step(change, sample.t_ns)]
            if self._keyframes.step(change, sample.t_ns):
                self._detector.keep()
                records.append(self._frame(sample, change))
        return records

    def finish(self) -> list[Record]:
        """Close what is open at the end of the stream."""
        return [self._motion(piece) for piece in self._segments.flush(self._t_ns)]

    def _frame(self, sample: VideoSample, change: Change) -> Frame:
        jpeg, width_px, height_px = encode_jpeg(
            sample.picture, self._settings.lmm_long_side_px, self._settings.jpeg_quality
        )
        self._frames += 1
        return Frame(
            session=self._session,
            stream=self._stream,
            epoch=self._epoch,
            seq=self._frames,
            t_ns=sample.t_ns,
            width_px=width_px,
            height_px=height_px,
            novelty=round(float(change.novelty), 4),
            is_cut=change.is_cut,
            luma=round(float(change.luma), 4),
            payload=jpeg,
        )

    def _motion(self, piece: MotionPiece) -> Motion:
        self._motions += 1
        return Motion(
            session=self._session,
            stream=self._stream,
            epoch=self._epoch,
            seq=self._motions,
            t_ns=self._t_ns,
            start_ns=piece.start_ns,
            end_ns=piece.end_ns,
            boxes=tuple(tuple(round(float(side), 4) for side in box) for box in piece.boxes),  # type: ignore[misc]
            area=round(float(piece.area), 4),
        )
