"""Recordings of the yard with something wrong about them, made from whole ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from perception.yard.record import MARK
from perception.yard.truth import TRUTH_TOPIC, VERSION
from runtime.recording.container import Channel, Entry
from runtime.recording.foxglove import DECODERS, encode
from runtime.recording.mcap_file import McapFile
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter

NS_PER_S = 1_000_000_000


def rewritten(
    path: Path,
    to: Path,
    *,
    keeps: Callable[[Channel], bool] = lambda _: True,
    channel: Callable[[Channel], Channel] = lambda one: one,
    entry: Callable[[Channel, Entry], Entry] = lambda _, one: one,
    mark: dict[str, str] | None = None,
) -> Path:
    """Return a copy of a recording without what `keeps` refuses, with what `channel`, `entry` and `mark` change."""
    with closing(McapFile(path)) as file:
        writer = RecordingWriter(to, {"session": "yard", "id": to.stem}, syncs=False, chunk_s=None)
        writer.note(MARK, {**file.metadata[MARK], **(mark or {})})
        kept = {number: channel(one) for number, one in file.channels.items() if keeps(one)}
        numbers = {number: writer.channel(_info(one)) for number, one in kept.items()}
        changed = [entry(kept[one.channel], one) for one in file.entries(set(kept))]
        for one in sorted(changed, key=lambda one: one.log_ns):
            writer.write(numbers[one.channel], log_ns=one.log_ns, publish_ns=one.publish_ns, seq=one.seq, data=one.data)
        writer.close()
    return to


def without(path: Path, to: Path, topic: str) -> Path:
    """Return a copy without one channel."""
    return rewritten(path, to, keeps=lambda one: one.topic != topic)


def shifted(path: Path, to: Path, topic: str, by_s: float) -> Path:
    """Return a copy in which one sensor was logged later; what it says of the time itself goes too."""
    by_ns = round(by_s * NS_PER_S)

    def later(channel: Channel, one: Entry) -> Entry:
        if channel.topic != topic:
            return one
        [content] = DECODERS[channel.schema].decode(one.data)
        content = replace(content, t_ns=(content.t_ns or one.log_ns) + by_ns)
        data = encode(content, "moved").SerializeToString(deterministic=True)
        return replace(one, log_ns=one.log_ns + by_ns, publish_ns=one.publish_ns + by_ns, data=data)

    return rewritten(path, to, entry=later)


def of_version(path: Path, to: Path, version: dict[str, str]) -> Path:
    """Return a copy whose truth is of another version, or says none."""

    def told(one: Channel) -> Channel:
        rest = {name: value for name, value in one.metadata.items() if name != VERSION}
        return replace(one, metadata=rest | version) if one.topic == TRUTH_TOPIC else one

    return rewritten(path, to, channel=told)


def cut_off(path: Path, to: Path, share: float) -> Path:
    """Return a copy that breaks off."""
    data = path.read_bytes()
    to.write_bytes(data[: int(len(data) * share)])
    return to


def _info(one: Channel) -> ChannelInfo:
    return ChannelInfo(
        topic=one.topic,
        schema=one.schema,
        schema_encoding=one.schema_encoding,
        schema_data=one.schema_data,
        encoding=one.encoding,
        metadata=one.metadata,
    )
