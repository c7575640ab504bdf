"""What is wrong with the sensors of a recording of the yard: one that is missing, or whose stamps were shifted.

In the yard all sensors begin together and each gives at least ten samples a second, so that nothing else explains it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median_low

from perception.recording import Recording
from perception.yard.record import MARK, NAMES
from runtime.messages import Sensor
from runtime.recording.contents import SENSORS

SHIFT_S = 0.25  # so far from the others a sensor may begin
NS_PER_S = 1_000_000_000


def missing_in(recording: Recording) -> dict[str, Sensor]:
    """Return the streams that a recording of the yard should have and has not, with their sensors."""
    if MARK not in recording.marks or not recording.tracks:
        return {}
    there = {track.name for track in recording.tracks}
    return {NAMES[kind]: sensor for kind, sensor in SENSORS.items() if kind in NAMES and NAMES[kind] not in there}


def shifts_in(recording: Recording) -> Mapping[str, float]:
    """Return by how many seconds sensors of the yard begin after most others (before, where negative), by topic."""
    if MARK not in recording.marks or len(recording.tracks) < 3:
        return {}  # of two nobody knows which one strays
    usual_ns = median_low(track.begins_ns for track in recording.tracks)
    apart_s = {track.topic: (track.begins_ns - usual_ns) / NS_PER_S for track in recording.tracks}
    return {topic: by_s for topic, by_s in apart_s.items() if abs(by_s) > SHIFT_S}


def faults_of(path: Path, recording: Recording) -> Iterator[str]:
    """Yield a line for each sensor that is missing or shifted."""
    for name in missing_in(recording):
        yield f"{path}: a recording of the yard without {name}: that sensor is blind all the time"
    for topic, by_s in shifts_in(recording).items():
        yield f"{path}: {shifted(topic, by_s)}"


def shifted(topic: str, by_s: float) -> str:
    """Return what is wrong with a sensor's times."""
    when = "after" if by_s > 0 else "before"
    return (
        f"{topic} begins {abs(by_s):.2f} s {when} the other sensors, where {SHIFT_S:g} s may be:"
        " its stamps are shifted, or its beginning is lost"
    )
