"""Streams of which no record comes: a sensor that nobody perceives yet, and one that a recording lacks."""

from __future__ import annotations

from collections.abc import Sequence

from perception.inputs import DataSample
from runtime.messages import EventsInput, Record
from runtime.recording.contents import ANY

NO_SAMPLE = "no sample"


class MissingSensor:
    """The reader of a sensor that a recording lacks: time passes to the end, so that others need not wait for it."""

    truncated = False

    def __init__(self, end_ns: int) -> None:
        """Give one empty packet at `end_ns` of event time."""
        nothing = EventsInput(session=ANY, stream=ANY, t_ns=end_ns, payload=b"")
        self._samples = [DataSample(t_ns=end_ns, seq=0, message=nothing)]

    def read(self, count: int) -> list[DataSample]:
        """Return that packet, then none."""
        samples, self._samples = self._samples[:count], self._samples[count:]
        return samples

    def close(self) -> None:
        """Do nothing."""


class UnperceivedStream:
    """The pipeline of radar, poses and inertial sensors until they have encoders."""

    active_ns: int | None = None

    def __init__(self, *, is_missing: bool = False) -> None:
        """Take the samples of a sensor; of one that is missing it is blind all the time."""
        self.blind = NO_SAMPLE if is_missing else ""
        self.blind_since_ns: int | None = 0 if is_missing else None

    def step(self, samples: Sequence[DataSample]) -> list[Record]:
        """Take the next samples."""
        return []

    def finish(self) -> list[Record]:
        """Do nothing."""
        return []
