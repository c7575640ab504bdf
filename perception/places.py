"""Where the sensors of a recording sit and how its cameras project, as its calibration channels say over time.

ROS tells the two apart: a static transform places a frame, which pictures and sweeps name as theirs, and a topic beside
the pictures says how their camera projects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from runtime.messages import CalibrationInput
from runtime.recording.bags import open_container
from runtime.recording.container import Channel, Container
from runtime.recording.contents import STREAM, Decoder
from runtime.recording.readers import decoders_of
from runtime.recording.ros import camera_info_topic

if TYPE_CHECKING:
    from perception.recording import RecordedTrack

LOOKED_AT = 16  # entries of a channel that may say what holds from the start
_HERE = CalibrationInput(session="", stream="")

Change: TypeAlias = tuple[int, str, CalibrationInput]  # event time, stream, what holds from then on


@dataclass(slots=True)
class Places:
    """What was said last: of each topic or stream by its own channel, and of each frame by transforms."""

    of: dict[str, CalibrationInput] = field(default_factory=dict)
    frames: dict[str, CalibrationInput] = field(default_factory=dict)

    def take(self, channel: Channel, calibration: CalibrationInput, *, is_first: bool = False) -> None:
        """Take what a channel said; with `is_first` what was said before it stays."""
        if STREAM in channel.metadata:
            known, name = self.of, channel.metadata[STREAM]
        elif calibration.stream:
            known, name = self.frames, calibration.stream
        else:
            known, name = self.of, channel.topic
        if not is_first or name not in known:
            known[name] = calibration

    def calibration_of(self, track: RecordedTrack) -> CalibrationInput | None:
        """Return what is known of one stream, None where that is nothing."""
        called = track.name or track.topic
        beside = camera_info_topic(track.topic) if track.sensor == "video" else called
        said, place = self.of.get(called, self.of.get(beside)), self.frames.get(track.frame)
        if said is None or place is None:
            return said or place
        if (said.frame, said.position_m, said.orientation) != (_HERE.frame, _HERE.position_m, _HERE.orientation):
            return said
        return replace(said, frame=place.frame, position_m=place.position_m, orientation=place.orientation)

    def begin(self, container: Container, channel: Channel, decoder: Decoder) -> None:
        """Take what a channel says at its start."""
        for entry in islice(container.entries({channel.id}), LOOKED_AT):
            for calibration in _decoded(decoder, entry.data):
                self.take(channel, calibration, is_first=True)


def later_changes(
    path: Path, start: Places, tracks: Mapping[str, RecordedTrack], event_ns: Callable[[int], int]
) -> Iterator[Change]:
    """Yield what changes after the start for some streams; `event_ns` turns the recorder's time into event time."""
    places = Places(of=dict(start.of), frames=dict(start.frames))
    told = {name: places.calibration_of(track) for name, track in tracks.items()}
    container = open_container(path)
    try:
        decoders = {n: one for n, one in decoders_of(container).items() if one.kind == "calibration"}
        for entry in container.entries(decoders.keys()) if decoders else ():
            for calibration in _decoded(decoders[entry.channel], entry.data):
                places.take(container.channels[entry.channel], calibration)
            for name, track in tracks.items():
                now = places.calibration_of(track)
                if now is not None and now != told[name] and not _is_same(now, told[name]):
                    yield event_ns(entry.log_ns), name, now
                told[name] = now
    finally:
        container.close()


def opens_later(
    path: Path, start: Places, tracks: Mapping[str, RecordedTrack], event_ns: Callable[[int], int]
) -> Callable[[], Iterator[Change]]:
    """Return how to read the changes of a recording from its start."""
    return partial(later_changes, path, start, tracks, event_ns)


def _is_same(now: CalibrationInput, before: CalibrationInput | None) -> bool:
    """Whether only the time of saying differs: cameras say the same with each picture."""
    return before is not None and replace(now, t_ns=None, seq=None) == replace(before, t_ns=None, seq=None)


def _decoded(decoder: Decoder, data: bytes) -> Iterable[CalibrationInput]:
    try:
        return [content for content in decoder.decode(data) if isinstance(content, CalibrationInput)]
    except ValueError:
        return []
