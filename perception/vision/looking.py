"""Which pictures a slow model looks at, and what it makes of them as messages.

A model looks at its own rate, at the first picture of each stretch of event time, so that a replay chooses the same
ones at any speed. Where it is slower than that the newest picture of a camera replaces the one that waits (live), and
what waits of all cameras goes through the model at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.messages import Caption, Detection

if TYPE_CHECKING:
    from perception.vision.seen import Detector

NS_PER_S = 1_000_000_000


class Captioner(Protocol):
    """What says a sentence about pictures; a call blocks and belongs on a worker's thread."""

    name: str

    def caption(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """Return a sentence about each of the pictures (H, W, 3). Raises ModelError, ValueError for no picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A picture that a model is to look at."""

    stream: str
    t_ns: int
    picture: NDArray[np.uint8] = field(repr=False, compare=False)  # (H, W, 3)


class Pace:
    """Takes the first picture of each stretch of event time, by its time alone; one for each camera."""

    def __init__(self, rate_hz: float) -> None:
        """Take at most `rate_hz` pictures a second."""
        assert rate_hz > 0, rate_hz
        self._stretch_ns = max(1, round(NS_PER_S / rate_hz))
        self._stretch: int | None = None

    def is_due(self, t_ns: int) -> bool:
        """Say whether to look at the picture of this time; times rise."""
        stretch = t_ns // self._stretch_ns
        is_new = self._stretch is None or stretch > self._stretch
        if is_new:
            self._stretch = stretch
        return is_new


class LookQueue:
    """At most one picture of each camera waits, the newest; for use on one thread, the event loop's for instance."""

    def __init__(self, rate_hz: float, batch: int = 8) -> None:
        """Take pictures at `rate_hz` from each camera, and give at most `batch` at once."""
        self.missed: Counter[str] = Counter()  # by stream: replaced before the model came to them
        self._rate_hz = rate_hz
        self._batch = batch
        self._paces: dict[str, Pace] = {}
        self._waiting: dict[str, Look] = {}  # the camera that has waited longest is first

    def __len__(self) -> int:
        """Return how many pictures wait."""
        return len(self._waiting)

    def is_due(self, stream: str, t_ns: int) -> bool:
        """Say whether a camera's picture is to be offered; ask once for each, so that others need not be converted."""
        return self._paces.setdefault(stream, Pace(self._rate_hz)).is_due(t_ns)

    def offer(self, look: Look) -> None:
        """Let a picture wait; it keeps the place of the one that it replaces."""
        self.missed[look.stream] += look.stream in self._waiting
        self._waiting[look.stream] = look

    def take(self) -> list[Look]:
        """Return what the model is to look at now, and forget it."""
        streams = list(self._waiting)[: self._batch]
        return [self._waiting.pop(stream) for stream in streams]


class Detecting:
    """Makes `detection` messages with a detector; a call blocks and belongs on a worker's thread."""

    def __init__(self, session: str, epoch: int, detector: Detector) -> None:
        self._session = session
        self._epoch = epoch
        self._detector = detector
        self._seqs: Counter[str] = Counter()

    def step(self, looks: Sequence[Look]) -> list[Detection]:
        """Return a message for each picture, in order. Raises ModelError, and ValueError for no picture."""
        found = self._detector.detect([one.picture for one in looks])
        messages = []
        for look, things in zip(looks, found, strict=True):
            self._seqs[look.stream] += 1
            messages.append(
                Detection(
                    session=self._session,
                    stream=look.stream,
                    epoch=self._epoch,
                    seq=self._seqs[look.stream],
                    t_ns=look.t_ns,
                    model=self._detector.name,
                    things=tuple(things),
                )
            )
        return messages


class Captioning:
    """Makes `caption` messages with a captioner; a call blocks and belongs on a worker's thread."""

    def __init__(self, session: str, epoch: int, captioner: Captioner) -> None:
        self._session = session
        self._epoch = epoch
        self._captioner = captioner
        self._seqs: Counter[str] = Counter()

    def step(self, looks: Sequence[Look]) -> list[Caption]:
        """Return a message for each picture of which there is something to say. Raises as the captioner does."""
        texts = self._captioner.caption([one.picture for one in looks])
        messages = []
        for look, text in zip(looks, texts, strict=True):
            if not text:
                continue
            self._seqs[look.stream] += 1
            messages.append(
                Caption(
                    session=self._session,
                    stream=look.stream,
                    epoch=self._epoch,
                    seq=self._seqs[look.stream],
                    t_ns=look.t_ns,
                    model=self._captioner.name,
                    text=text,
                )
            )
        return messages
