"""A stream whose sensor nobody perceives yet: its samples are taken, ordered and timed, and no record comes of them."""

from __future__ import annotations

from collections.abc import Sequence

from perception.inputs import DataSample
from runtime.messages import Record


class UnperceivedStream:
    """The pipeline of radar, poses and inertial sensors until they have encoders."""

    blind = ""
    blind_since_ns: int | None = None
    active_ns: int | None = None

    def step(self, samples: Sequence[DataSample]) -> list[Record]:
        """Take the next samples."""
        return []

    def finish(self) -> list[Record]:
        """Do nothing."""
        return []
