"""Channels of a recording as streams: which of them can be played, and a blocking reader for each.

Each reader opens the recording for itself, so that a slow stream never blocks another; times are when a sensor took
something, as it says itself, or when that arrived, on one timeline for all streams of the recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from av.video.reformatter import VideoReformatter

from perception.blocks import AudioBlock, Stretch, pcm_frame
from perception.inputs import DataSample, input_fault
from perception.media import VideoSample
from perception.picture import to_gray
from perception.pictures import PictureDecoder
from perception.places import Places
from runtime.messages import CalibrationInput, Sensor
from runtime.recording import buslog
from runtime.recording.bags import open_container
from runtime.recording.container import Channel, Container, Entry
from runtime.recording.contents import Content, Decoder, Pcm, Picture
from runtime.recording.readers import STREAM, VIEW_ONLY, decoders_of
from runtime.recording.timeline import Timeline

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

SKEW_NS = 60_000_000_000  # a sensor's clock that is further off from the recorder's is not believed
AGAIN_NS = 30_000_000_000  # until it is no further off than this: around one limit time would go back and forth
DRIFT_NS = 2_000_000_000  # by so much more it may be ahead later, or a start in the middle misses samples
STEP_BACK_NS = 1_000_000_000  # more than this is a clock that was set back, less is disorder
SOUND_JITTER_NS = 200_000_000  # by so much the stamps of sound may be off the count of its samples
TRIES = 16  # entries of a channel that are looked at before it counts as unreadable
SENSORS: dict[str, Sensor] = {
    "image": "video",
    "audio": "audio",
    "radar": "radar",
    "events": "events",
    "pose": "pose",
    "imu": "imu",
}


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


class _Channel:
    """What the readers of all sensors share: contents with their times, and what was damaged."""

    def __init__(self, track: RecordedTrack, recording: Recording, *, offset_ns: int = 0, start_ns: int = 0) -> None:
        """Read one track from event time `start_ns` on; `offset_ns` is added to all times."""
        self.jumps = 0  # of its clock
        self._track = track
        self._recording = recording
        self._shift_ns = offset_ns - recording.origin_ns
        self._start_ns = start_ns
        self._container = open_container(track.path)
        self._damaged = 0
        self._skew_ns = SKEW_NS  # how far its clock may be off now
        self._has_begun = False
        self._last_ns = -1

    @property
    def truncated(self) -> bool:
        """Say whether the recording broke off or something in it was damaged; final once all is read."""
        return self._damaged > 0 or bool(self._container.faults)

    @property
    def faults(self) -> list[str]:
        """Return what was damaged, a line each."""
        path, topic = self._track.path, self._track.topic
        lines = [f"{path}: {fault}" for fault in self._container.faults]
        if self._damaged:
            lines.append(f"{path}: {topic}: what could not be read was left out ({self._damaged} entries)")
        if self.jumps:
            lines.append(f"{path}: {topic}: its clock was set back {self.jumps} times; time went on")
        return lines

    def close(self) -> None:
        """Close the recording."""
        self._container.close()

    def contents(self) -> Iterator[tuple[int, Content]]:
        """Yield what was recorded, with its event time."""
        early_ns = self._log_start_ns()
        for entry in self._container.entries({self._track.channel}, early_ns):
            try:
                contents = self._track.decoder.decode(entry.data)
            except ValueError:
                self._damaged += 1
                continue
            for content in contents:
                t_ns = self._recording.timeline.event_ns(self._taken_ns(entry, content)) + self._shift_ns
                self._has_begun |= self._start_ns <= 0 or t_ns >= self._start_ns
                if self._has_begun:  # from then on also what a clock that was set back puts before it
                    yield t_ns, content

    def skip(self, count: int = 1) -> None:
        """Note that something could not be used."""
        self._damaged += count

    def next_ns(self, t_ns: int) -> int:
        """Return a sample's time on a clock that only moves forward; set back, it goes on from where it was."""
        if self._last_ns >= 0 and t_ns < self._last_ns - STEP_BACK_NS:
            self.set_back(t_ns, self._last_ns + 1)
        self._last_ns = max(t_ns, self._last_ns + 1, 0)
        return self._last_ns

    def set_back(self, t_ns: int, reached_ns: int) -> None:
        """Let `t_ns`, and all that follows on this clock, be `reached_ns`."""
        self._shift_ns += reached_ns - t_ns
        self.jumps += 1

    def _taken_ns(self, entry: Entry, content: Content) -> int:
        at_ns = taken_ns(entry, content, self._skew_ns)
        self._skew_ns = SKEW_NS if at_ns == (content.t_ns or entry.publish_ns) else AGAIN_NS
        return at_ns

    def _log_start_ns(self) -> int:
        """Return a log time from which on nothing is missed that was taken after the start.

        Only a sensor whose clock is ahead logs it before that: by as much as at its beginning, and some seconds.
        """
        if self._start_ns <= 0:
            return 0
        back_ns = min(SKEW_NS, self._track.ahead_ns + DRIFT_NS)
        return max(0, self._recording.timeline.log_ns(self._start_ns - self._shift_ns) - back_ns)


class RecordedVideo(_Channel):
    """Pictures of one channel as gray thumbnails with their pictures."""

    def __init__(
        self, track: RecordedTrack, recording: Recording, width_px: int, *, offset_ns: int = 0, start_ns: int = 0
    ) -> None:
        """Read with thumbnails of `width_px`."""
        super().__init__(track, recording, offset_ns=offset_ns, start_ns=start_ns)
        self._width_px = width_px
        self._samples = self._read_all()

    def read(self, count: int) -> list[VideoSample]:
        """Return the next `count` frames; fewer at the end, then none."""
        return list(islice(self._samples, count))

    def _read_all(self) -> Iterator[VideoSample]:
        decoder = PictureDecoder()
        scaler = VideoReformatter()
        seq = fed = 0
        for t_ns, content in self.contents():
            assert isinstance(content, Picture)
            try:
                frames = decoder.decode(content, t_ns)
            except ValueError:
                self.skip()
                continue
            fed += 1
            for taken, picture in frames:
                yield self._sample(seq, taken, picture, scaler)
                seq += 1
        for taken, picture in decoder.end():
            yield self._sample(seq, taken, picture, scaler)
            seq += 1
        if not seq:  # no key frame ever came
            self.skip(fed)

    def _sample(self, seq: int, t_ns: int, picture: VideoFrame, scaler: VideoReformatter) -> VideoSample:
        gray = to_gray(picture, self._width_px, scaler)
        return VideoSample(t_ns=self.next_ns(t_ns), seq=seq, gray=gray, picture=picture)


class RecordedAudio(_Channel):
    """Sound of one channel as 16 kHz blocks on a clock that counts samples and starts anew after a hole."""

    def __init__(self, track: RecordedTrack, recording: Recording, *, offset_ns: int = 0, start_ns: int = 0) -> None:
        """Read one track."""
        super().__init__(track, recording, offset_ns=offset_ns, start_ns=start_ns)
        self._blocks = self._read_all()

    def read(self, count: int) -> list[AudioBlock]:
        """Return the next `count` blocks; fewer at the end, then none."""
        return list(islice(self._blocks, count))

    def _read_all(self) -> Iterator[AudioBlock]:
        stretch: Stretch | None = None
        for t_ns, content in self.contents():
            assert isinstance(content, Pcm)
            if not _is_sound(content):
                self.skip()
                continue
            frame = pcm_frame(content.payload, content.rate_hz, content.channels)
            if stretch is not None and t_ns < stretch.end_ns - STEP_BACK_NS:
                self.set_back(t_ns, stretch.end_ns)
                t_ns = stretch.end_ns
            # what seems to be behind was late: the sound goes on
            is_on_time = stretch is not None and t_ns - stretch.end_ns <= SOUND_JITTER_NS
            if stretch is None or not is_on_time or not stretch.goes_on_with(frame):
                seq = 0
                if stretch is not None:
                    yield from stretch.end()
                    t_ns, seq = max(t_ns, stretch.end_ns), stretch.next_seq
                stretch = Stretch(frame, self.next_ns(t_ns), seq)
            yield from stretch.add(frame)
        if stretch is not None:
            yield from stretch.end()


class RecordedData(_Channel):
    """Sweeps, packets, poses or measurements of one channel."""

    def __init__(self, track: RecordedTrack, recording: Recording, *, offset_ns: int = 0, start_ns: int = 0) -> None:
        """Read one track."""
        super().__init__(track, recording, offset_ns=offset_ns, start_ns=start_ns)
        self._samples = self._read_all()

    def read(self, count: int) -> list[DataSample]:
        """Return the next `count` samples; fewer at the end, then none."""
        return list(islice(self._samples, count))

    def _read_all(self) -> Iterator[DataSample]:
        seq = 0
        for t_ns, content in self.contents():
            assert not isinstance(content, Picture | Pcm | CalibrationInput)
            if input_fault(content):
                self.skip()
                continue
            at_ns = self.next_ns(t_ns)
            yield DataSample(t_ns=at_ns, seq=seq, message=replace(content, t_ns=at_ns, seq=seq))
            seq += 1


def _is_sound(content: Pcm) -> bool:
    is_sane = 8_000 <= content.rate_hz <= 192_000 and 1 <= content.channels <= 8
    return is_sane and len(content.payload) >= 2 * content.channels
