"""Blocking readers of a recording's channels, one for each kind of sensor.

Each opens the recording for itself, so that a slow stream never blocks another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from av.video.reformatter import VideoReformatter

from perception.blocks import AudioBlock, Stretch, is_heard, pcm_frame
from perception.inputs import DataSample, input_fault
from perception.media import VideoSample
from perception.picture import to_gray
from perception.pictures import PictureDecoder
from perception.recording import SKEW_NS, RecordedTrack, Recording, taken_ns
from runtime.messages import CalibrationInput
from runtime.recording.bags import open_container
from runtime.recording.container import Entry
from runtime.recording.contents import VIDEO, Content, Pcm, Picture

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

AGAIN_NS = 30_000_000_000  # it is believed again when it is no further off: around one limit it would go back and forth
DRIFT_NS = 2_000_000_000  # by so much more it may be ahead later, or a start in the middle misses samples
SHAKEN = 3  # so often set forward again after it was set back it is no clock that was set, but disorder
STEP_BACK_NS = 1_000_000_000  # more than this is a clock that was set back, less is disorder
FIRST_LEAD_NS = 2_000_000_000  # in which cameras most often send a key frame
SOUND_JITTER_NS = 200_000_000  # by so much the stamps of sound may be off the count of its samples


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
        self._moved_ns = 0  # by how much its times are moved because its clock was set back
        self._ahead_ns = self._back_ns = 0  # how far it is ahead of the recorder's; and was when it had been set back
        self._returns = 0  # how often it was set forward again
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
        if self.is_shaken:
            lines.append(f"{path}: {topic}: its times go back and forth; it is played in the order of arrival")
        elif self.jumps:
            lines.append(f"{path}: {topic}: its clock was set back {self.jumps} times; time went on")
        return lines

    def close(self) -> None:
        """Close the recording."""
        self._container.close()

    def contents(self, lead_ns: int | None = None) -> Iterator[tuple[int, Content]]:
        """Yield what was recorded from the start on, with its event time; with `lead_ns` so much before it, too."""
        early_ns = max(0, self._log_start_ns() - (lead_ns or 0))
        for entry in self._container.entries({self._track.channel}, early_ns):
            try:
                contents = self._track.decoder.decode(entry.data)
            except ValueError:
                self._damaged += 1
                continue
            for content in contents:
                t_ns = self._event_ns(entry, content)
                if lead_ns is not None or self.begins_with(t_ns):
                    yield t_ns, content

    def begins_with(self, t_ns: int) -> bool:
        """Say whether a time is after the start: once one was, so is what a clock that was set back puts before it."""
        self._has_begun |= self._start_ns <= 0 or t_ns >= self._start_ns
        return self._has_begun

    def skip(self, count: int = 1) -> None:
        """Note that something could not be used."""
        self._damaged += count

    def next_ns(self, t_ns: int) -> int:
        """Return a sample's time on a clock that only moves forward; set back, it goes on from where it was."""
        if self._last_ns >= 0 and t_ns < self._last_ns - STEP_BACK_NS and not self.is_shaken:
            self.set_back(t_ns, self._last_ns + 1)
        self._last_ns = max(t_ns, self._last_ns + 1, 0)
        return self._last_ns

    def set_back(self, t_ns: int, reached_ns: int) -> None:
        """Let `t_ns`, and all that follows until this clock is set forward again, be `reached_ns`."""
        self._moved_ns += reached_ns - t_ns
        self._back_ns = self._ahead_ns
        self.jumps += 1

    @property
    def is_shaken(self) -> bool:
        """Say whether times go back and forth, as where the recorder's jitter: then nothing is made of a step back."""
        return self._returns >= SHAKEN

    def _event_ns(self, entry: Entry, content: Content) -> int:
        at_ns = self._taken_ns(entry, content)
        self._ahead_ns = at_ns - entry.log_ns
        if self._moved_ns and self._ahead_ns > self._back_ns + STEP_BACK_NS:
            self._moved_ns = 0
            self._returns += 1
        return self._recording.timeline.event_ns(at_ns) + self._shift_ns + self._moved_ns

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
        self._lead_ns = _lead_ns(track, recording, offset_ns, start_ns)
        self._width_px = width_px
        self._samples = self._read_all()

    def read(self, count: int) -> list[VideoSample]:
        """Return the next `count` frames; fewer at the end, then none."""
        return list(islice(self._samples, count))

    def _read_all(self) -> Iterator[VideoSample]:
        scaler = VideoReformatter()
        seq = 0
        for t_ns, picture in self._pictures():
            if self.begins_with(t_ns):
                gray = to_gray(picture, self._width_px, scaler)
                yield VideoSample(t_ns=self.next_ns(t_ns), seq=seq, gray=gray, picture=picture)
                seq += 1

    def _pictures(self) -> Iterator[tuple[int, VideoFrame]]:
        """Yield what can be shown, of video also what is before the start."""
        decoder = PictureDecoder()
        shown = fed = 0
        for t_ns, content in self.contents(self._lead_ns):
            assert isinstance(content, Picture)
            try:
                frames = decoder.decode(content, t_ns)
            except ValueError:
                self.skip()
                continue
            fed += 1
            shown += len(frames)
            yield from frames
        frames = decoder.end()
        yield from frames
        if not shown + len(frames):  # no key frame ever came
            self.skip(fed)


def _lead_ns(track: RecordedTrack, recording: Recording, offset_ns: int, start_ns: int) -> int | None:
    """Return how far before the start video is read, so that it comes by a key frame; None where each picture is one.

    Where no picture comes of so much before the start, four times as much is read.
    """
    lead_ns = FIRST_LEAD_NS if start_ns > 0 else None
    while lead_ns is not None and lead_ns < 4 * (start_ns + FIRST_LEAD_NS):
        channel = _Channel(track, recording, offset_ns=offset_ns, start_ns=start_ns)
        decoder = PictureDecoder()
        try:
            for t_ns, content in channel.contents(lead_ns):
                if not isinstance(content, Picture) or content.encoding not in VIDEO:
                    return None
                if t_ns > start_ns:
                    break
                with suppress(ValueError):  # whoever plays it tells of that
                    if decoder.decode(content, t_ns):
                        return lead_ns
        finally:
            channel.close()
        lead_ns *= 4
    return lead_ns


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
            if stretch is not None and t_ns < stretch.end_ns - STEP_BACK_NS and not self.is_shaken:
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
    return is_heard(content.rate_hz, content.channels) and len(content.payload) >= 2 * content.channels
