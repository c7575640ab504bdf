"""What a recording holds for perception: which of its channels can be played, and when their first samples were taken.

Times are when a sensor took something, as it says itself, or when that arrived, on one timeline for all streams.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from perception.places import Places
from runtime.messages import CalibrationInput, Sensor
from runtime.recording import buslog
from runtime.recording.bags import open_container
from runtime.recording.container import Channel, Container, Entry
from runtime.recording.contents import SENSORS, STREAM, VIEW_ONLY, Content, Decoder
from runtime.recording.readers import decoders_of
from runtime.recording.timeline import Timeline

SKEW_NS = 60_000_000_000  # a sensor's clock that is further off from the recorder's is not believed
TRIES = 16  # entries of a channel that are looked at before it counts as unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTrack:
    """One channel that can be played."""

    path: Path
    channel: int
    topic: str
    name: str  # as the recorder called the stream, "" where it did not
    sensor: Sensor
    decoder: Decoder
    begins_ns: int  # when its first sample was taken
    ahead_ns: int  # by how much its clock was ahead of the recorder's then
    frame: str = ""  # the frame that it sits in, of which transforms tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a recording holds for perception."""

    tracks: tuple[RecordedTrack, ...]
    undecoded: tuple[Channel, ...]  # what nothing here can read
    damaged: tuple[str, ...]  # topics of which nothing could be read, because the recording is damaged
    is_run: bool  # it holds messages of the bus
    places: Places  # what is said of places and cameras at the start
    timeline: Timeline
    origin_ns: int  # event time of the first sample
    length_ns: int  # from the first sample to the last entry
    faults: tuple[str, ...]
    jumps: int = 0  # how often the recorder's clock was set back
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # what else it says of itself


def probe_recording(path: Path) -> Recording:
    """Return what can be played, perhaps nothing. Raises InputError where it is no recording."""
    container = open_container(path)
    try:
        timeline = Timeline(container.spans)
        decoders = decoders_of(container)
        tracks: list[RecordedTrack] = []
        undecoded: list[Channel] = []
        damaged: list[str] = []
        places = Places()
        for channel in container.channels.values():
            if buslog.is_message(channel) and STREAM not in channel.metadata:
                continue  # what the bus said then
            decoder = decoders.get(channel.id)
            first = _first(container, channel, decoder) if decoder is not None else None
            if decoder is not None and first is None and container.faults and channel.count != 0:
                damaged.append(channel.topic)
            elif decoder is None or first is None:
                if VIEW_ONLY not in channel.metadata and channel.count != 0:
                    undecoded.append(channel)
            elif isinstance(first[1], CalibrationInput):
                places.begin(container, channel, decoder)
            else:
                tracks.append(_track(path, channel, decoder, taken_ns(*first), first[0]))
        origin_ns = min((timeline.event_ns(track.begins_ns) for track in tracks), default=0)
        return Recording(
            tracks=tuple(sorted(tracks, key=lambda track: track.topic)),
            undecoded=tuple(undecoded),
            damaged=tuple(sorted(damaged)),
            is_run=any(map(buslog.is_message, container.channels.values())),
            places=places,
            timeline=timeline,
            origin_ns=origin_ns,
            length_ns=max((timeline.event_ns(end_ns) - origin_ns for _, end_ns in container.spans), default=0),
            faults=tuple(container.faults),
            jumps=container.jumps,
            marks=container.metadata,
        )
    finally:
        container.close()


def taken_ns(entry: Entry, content: Content, skew_ns: int = SKEW_NS) -> int:
    """Return when a sample was taken: as it says itself or its sender said, where the recorder's clock agrees."""
    for stated_ns in (content.t_ns, entry.publish_ns):
        if stated_ns and abs(stated_ns - entry.log_ns) <= skew_ns:
            return stated_ns
    return entry.log_ns


def _first(container: Container, channel: Channel, decoder: Decoder) -> tuple[Entry, Content] | None:
    for entry in islice(container.entries({channel.id}), TRIES):
        try:
            contents = decoder.decode(entry.data)
        except ValueError:
            continue
        if contents:
            return entry, contents[0]
    return None


def _track(path: Path, channel: Channel, decoder: Decoder, begins_ns: int, first: Entry) -> RecordedTrack:
    return RecordedTrack(
        path=path,
        channel=channel.id,
        topic=channel.topic,
        name=channel.metadata.get(STREAM, ""),
        sensor=SENSORS[decoder.kind],
        decoder=decoder,
        begins_ns=begins_ns,
        ahead_ns=max(0, begins_ns - first.log_ns),
        frame=decoder.frame_of(first.data),
    )
