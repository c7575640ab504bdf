"""What a replay plays: files, recordings of many streams and folders, as one list of streams with names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from perception.events.eventfile import EventFile, begins_ns, is_event_file
from perception.media import AudioFile, Track, VideoFile, probe
from perception.places import Change, opens_later
from perception.recorded import RecordedAudio, RecordedData, RecordedVideo
from perception.recording import RecordedTrack, Recording, probe_recording
from perception.sources import Reader
from perception.unperceived import MissingSensor
from runtime.apps.playlist_notes import notes_on
from runtime.apps.present import WALL_CLOCK_NS
from runtime.apps.yard_faults import missing_in
from runtime.config import NAME, Config, PerceptionConfig, percept_digest
from runtime.errors import InputError
from runtime.manifest import MANIFEST, StreamEntry, read_calibration, read_manifest
from runtime.messages import RESERVED_STREAMS, CalibrationInput, Sensor
from runtime.recording.bags import is_container, later_parts
from runtime.recording.container import Channel
from runtime.recording.damage import told_once
from runtime.recording.timeline import PAUSE_NS

MIB = 1024 * 1024
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedStream:
    """One stream that can be played, and how to open it."""

    name: str
    sensor: Sensor
    open: Callable[[], Reader]
    is_missing: bool = False  # a sensor that the recording should have


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One path with what a manifest says of it."""

    path: Path
    name: str = ""
    entry: StreamEntry | None = None

    @property
    def offset_ns(self) -> int:
        """Return by how much later than the others it began."""
        return round(self.entry.offset_s * NS_PER_S) if self.entry is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when a part plays, in event time."""

    part: Part
    begins_ns: int
    ends_ns: int | None  # None where it does not say


@dataclass(kw_only=True)
class Playlist:
    """All streams of a replay, and what a user should know of the rest."""

    streams: list[PlayedStream] = field(default_factory=list)
    undecoded: list[tuple[Path, Channel]] = field(default_factory=list)
    calibrations: dict[str, CalibrationInput] = field(default_factory=dict)
    changes: list[Callable[[], Iterator[Change]]] = field(default_factory=list)  # later calibrations, by event time
    notes: list[str] = field(default_factory=list)  # a line each
    is_run: bool = False  # messages of the bus are among it
    is_damaged: bool = False  # nothing could be read of some streams
    faults: list[str] = field(default_factory=list)  # of the recordings
    spans: list[Span] = field(default_factory=list)  # of its parts
    origins_ns: set[int | None] = field(default_factory=set)  # Unix time of event time 0, as each input has it

    @property
    def origin_ns(self) -> int | None:
        """Return the Unix time of event time 0, where all streams share one that is known."""
        origin_ns = next(iter(self.origins_ns)) if len(self.origins_ns) == 1 else None
        return origin_ns if origin_ns is not None and origin_ns > WALL_CLOCK_NS else None


def make_playlist(paths: Sequence[Path], settings: PerceptionConfig, start_ns: int = 0) -> Playlist:
    """Return the streams of all paths, played from `start_ns` on. Raises InputError."""
    parts = list(_expanded(paths))
    earliest_ns = min((part.offset_ns for part in parts), default=0)  # no time is before 0
    playlist = Playlist()
    names: set[str] = set(RESERVED_STREAMS)
    for part in parts:
        start = "" if part.name or len(parts) == 1 else f"{_slug(part.path.stem)}-"
        add = _add_recording if is_container(part.path) else _add_events if is_event_file(part.path) else _add_media
        add(playlist, part, start, names, settings, offset_ns=part.offset_ns - earliest_ns, start_ns=start_ns)
    if not playlist.streams:
        if playlist.faults and (playlist.is_damaged or playlist.is_run):
            left = ", only what a run said, which --swap plays" if playlist.is_run else ""
            raise InputError(paths[0], f"{'; '.join(told_once(playlist.faults))}; nothing of sensors is left{left}")
        if playlist.is_run:
            reason = "holds what a run said, and perception hears recorded sensors"
            raise InputError(paths[0], f"{reason}: play the recording it was made from, or --swap memory or reasoning")
        topics = ", ".join(sorted(f"{one.topic} ({one.schema or one.encoding})" for _, one in playlist.undecoded))
        why = f" ({'; '.join(told_once(playlist.faults))})" if playlist.faults else ""
        raise InputError(paths[0], f"holds nothing that can be played{f', only {topics}' if topics else ''}{why}")
    _check_start(playlist, paths[0], start_ns)
    _check_offsets(playlist, start_ns)
    return playlist


def _check_start(playlist: Playlist, path: Path, start_ns: int) -> None:
    """Raise InputError where everything ends before the start."""
    known = [one.ends_ns for one in playlist.spans if one.ends_ns is not None]
    if start_ns > 0 and len(known) == len(playlist.spans) and max(known, default=0) < start_ns:
        ends_s, starts_s = max(known, default=0) / NS_PER_S, start_ns / NS_PER_S
        raise InputError(path, f"ends at {ends_s:.1f} s, before --start {starts_s:g}")


def _check_offsets(playlist: Playlist, start_ns: int) -> None:
    """Raise InputError where a manifest lets nothing at all play for long: a replay would walk through that."""
    reached_ns = start_ns
    for one in sorted(playlist.spans, key=lambda span: span.begins_ns):
        if one.begins_ns - reached_ns > PAUSE_NS:
            raise InputError(
                one.part.path,
                f"begins {(one.begins_ns - reached_ns) / NS_PER_S / 60:,.0f} minutes after all others have ended: "
                f"play it alone, or write a smaller one (streams.{one.part.name}.offset_s)",
            )
        if one.ends_ns is None:
            return  # it may go on until the next one begins
        reached_ns = max(reached_ns, one.ends_ns)


def replay_session(paths: Sequence[Path], config: Config, start_ns: int = 0) -> str:
    """Return the replay's name: a hash of the inputs (size, first, middle, last MiB) and of what changes percepts."""
    digest = hashlib.sha256(percept_digest(config) + (str(start_ns).encode() if start_ns else b""))
    for path in paths:
        for file_path in _files(path):
            try:
                digest.update(_sample_of(file_path))
            except OSError:  # a part that cannot be read is told of, and the others are played
                digest.update(b"cannot be read")
    return f"replay-{digest.hexdigest()[:12]}"


def _sample_of(path: Path) -> bytes:
    """Return a file's size, and its first, middle and last MiB."""
    size_bytes = path.stat().st_size
    pieces = [size_bytes.to_bytes(8, "big")]
    with path.open("rb") as file:
        for start in (0, max(0, size_bytes // 2 - MIB // 2), max(0, size_bytes - MIB)):
            file.seek(start)
            pieces.append(file.read(MIB))
    return b"".join(pieces)


def _files(path: Path) -> list[Path]:
    """Return the files that make up an input, also those that a manifest names in folders below its own."""
    files = set(_files_at(path))
    if (path / MANIFEST).is_file():
        for entry in read_manifest(path).streams.values():
            files.update(_files_at(path / entry.file))
            files.update(_files_at(path / entry.calibration) if entry.calibration is not None else ())
    return sorted(files)


def _files_at(path: Path) -> list[Path]:
    return [one for one in path.iterdir() if one.is_file()] if path.is_dir() else [path, *later_parts(path)]


def _expanded(paths: Sequence[Path]) -> Iterator[Part]:
    later = {part.resolve() for path in paths for part in later_parts(path)}
    for path in paths:
        if path.resolve() in later:
            continue  # whoever opens the first part finds it
        if not path.exists():
            raise InputError(path, "no such file")
        if path.is_dir() and (path / MANIFEST).exists():
            for name, entry in read_manifest(path).streams.items():
                yield Part(path=path / entry.file, name=name, entry=entry)
        elif path.is_dir() and not is_container(path):
            raise InputError(path, f"is a folder without {MANIFEST}; write one, or name the recordings in it")
        else:
            yield Part(path=path)


def _add_media(
    playlist: Playlist,
    part: Part,
    start: str,
    names: set[str],
    settings: PerceptionConfig,
    *,
    offset_ns: int,
    start_ns: int,
) -> None:
    tracks = probe(part.path)
    playlist.origins_ns.add(None)
    wanted = part.entry.track if part.entry is not None else None
    if part.entry is not None and part.entry.topic is not None:
        raise InputError(part.path, f"has no topics (streams.{part.name}.topic)")
    if wanted is not None:
        tracks = [track for track in tracks if track.sensor == wanted]
        if not tracks:
            raise InputError(part.path, f"has no {wanted} track (streams.{part.name}.track)")
    for track in tracks:
        length_s = track.duration_s
        ends_ns = None if length_s is None else offset_ns + round(length_s * NS_PER_S)
        playlist.spans.append(Span(part=part, begins_ns=offset_ns, ends_ns=ends_ns))
        is_only = bool(part.name) and len(tracks) == 1
        name = _unused(part.name if is_only else f"{start}{part.name + '-' if part.name else ''}{track.sensor}", names)
        reader = _media_reader(part.path, track, settings, offset_ns, start_ns)
        playlist.streams.append(PlayedStream(name=name, sensor=track.sensor, open=reader))
        _calibrate(playlist, part, name)


def _media_reader(
    path: Path, track: Track, settings: PerceptionConfig, offset_ns: int, start_ns: int
) -> Callable[[], Reader]:
    if track.sensor == "video":
        width_px = settings.analysis_width_px
        return partial(VideoFile, path, track, width_px, offset_ns=offset_ns, start_ns=start_ns)
    return partial(AudioFile, path, track, offset_ns=offset_ns, start_ns=start_ns)


def _add_events(
    playlist: Playlist,
    part: Part,
    start: str,
    names: set[str],
    settings: PerceptionConfig,
    *,
    offset_ns: int,
    start_ns: int,
) -> None:
    """Add the file of an event camera: one stream, whose length nobody knows before it is read."""
    entry = part.entry
    if entry is not None and (entry.topic is not None or entry.track not in (None, "events")):
        raise InputError(part.path, f"holds events alone (streams.{part.name})")
    unix_ns = begins_ns(part.path)
    playlist.origins_ns.add(None if unix_ns is None else unix_ns - offset_ns)
    playlist.spans.append(Span(part=part, begins_ns=offset_ns, ends_ns=None))
    name = _unused(part.name or f"{start}events", names)
    reader = partial(EventFile, part.path, offset_ns=offset_ns, start_ns=start_ns)
    playlist.streams.append(PlayedStream(name=name, sensor="events", open=reader))
    _calibrate(playlist, part, name)


def _add_recording(
    playlist: Playlist,
    part: Part,
    start: str,
    names: set[str],
    settings: PerceptionConfig,
    *,
    offset_ns: int,
    start_ns: int,
) -> None:
    recording = probe_recording(part.path)
    tracks = _wanted(part, recording)
    playlist.is_run |= recording.is_run
    playlist.spans.append(Span(part=part, begins_ns=offset_ns, ends_ns=offset_ns + recording.length_ns))
    if tracks:  # where pauses are left out, event time is not the time of day less something
        playlist.origins_ns.add(None if recording.timeline.cuts else recording.origin_ns - offset_ns)
    playlist.undecoded += [(part.path, channel) for channel in recording.undecoded]
    playlist.is_damaged |= bool(recording.damaged)
    playlist.faults += recording.faults
    playlist.notes += [f"{part.path}: {fault}" for fault in told_once(recording.faults)]
    playlist.notes += notes_on(part.path, recording)
    own: dict[str, RecordedTrack] = {}
    for track in tracks:
        is_only = bool(part.name) and len(tracks) == 1
        plain = track.name if NAME.fullmatch(track.name) else _slug(track.name or track.topic)
        name = _unused(part.name if is_only else f"{start}{part.name + '-' if part.name else ''}{plain}", names)
        own[name] = track
        reader = _channel_reader(track, recording, settings, offset_ns, start_ns)
        playlist.streams.append(PlayedStream(name=name, sensor=track.sensor, open=reader))
        _calibrate(playlist, part, name)
    if tracks == recording.tracks:
        end_ns = max(offset_ns + recording.length_ns, start_ns)
        for lacking, sensor in missing_in(recording).items():
            name = _unused(f"{start}{part.name + '-' if part.name else ''}{lacking}", names)
            nothing = partial(MissingSensor, end_ns)
            playlist.streams.append(PlayedStream(name=name, sensor=sensor, open=nothing, is_missing=True))
    own = {name: track for name, track in own.items() if name not in playlist.calibrations}  # a manifest's counts
    for name, track in own.items():
        if (calibration := recording.places.calibration_of(track)) is not None:
            playlist.calibrations[name] = calibration
    shift_ns = offset_ns - recording.origin_ns
    playlist.changes.append(
        opens_later(part.path, recording.places, own, lambda log_ns: recording.timeline.event_ns(log_ns) + shift_ns)
    )


def _wanted(part: Part, recording: Recording) -> tuple[RecordedTrack, ...]:
    entry = part.entry
    if entry is None or (entry.topic is None and entry.track is None):
        return recording.tracks
    found = tuple(
        track
        for track in recording.tracks
        if entry.topic in (None, track.topic) and entry.track in (None, track.sensor)
    )
    if not found:
        what = f"topic {entry.topic}" if entry.topic is not None else f"{entry.track} track"
        raise InputError(part.path, f"has no {what} that can be played (streams.{part.name})")
    return found


def _channel_reader(
    track: RecordedTrack, recording: Recording, settings: PerceptionConfig, offset_ns: int, start_ns: int
) -> Callable[[], Reader]:
    match track.sensor:
        case "video":
            width_px = settings.analysis_width_px
            return partial(RecordedVideo, track, recording, width_px, offset_ns=offset_ns, start_ns=start_ns)
        case "audio":
            return partial(RecordedAudio, track, recording, offset_ns=offset_ns, start_ns=start_ns)
        case _:
            return partial(RecordedData, track, recording, offset_ns=offset_ns, start_ns=start_ns)


def _calibrate(playlist: Playlist, part: Part, name: str) -> None:
    if part.entry is not None and part.entry.calibration is not None:
        path = part.path.parent / part.entry.calibration
        playlist.calibrations[name] = read_calibration(path, "_", name)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "file"


def _unused(name: str, names: set[str]) -> str:
    number, fresh = 1, name
    while fresh in names:
        number += 1
        fresh = f"{name}-{number}"
    names.add(fresh)
    return fresh
