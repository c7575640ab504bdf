"""What every recording of many streams looks like from inside: channels, and entries in the order of their arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One stream of entries of one type."""

    id: int
    topic: str
    schema: str  # the type's name: foxglove.CompressedImage, sensor_msgs/msg/Image, ...
    schema_encoding: str  # protobuf, jsonschema, ros2msg, ros2idl, ros1msg; "" where the recording does not say
    schema_data: bytes = field(repr=False)
    encoding: str  # of its entries: protobuf, json, cdr, ros1, ...
    metadata: Mapping[str, str]
    count: int | None  # of its entries, where the recording says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message as it was recorded."""

    channel: int
    seq: int
    log_ns: int  # when it arrived at the recorder
    publish_ns: int  # when it was sent or taken; 0 where nobody said
    data: bytes = field(repr=False)


class Container(Protocol):
    """A recording that is open."""

    @property
    def faults(self) -> list[str]:
        """Return one line for each thing that could not be read so far."""

    @property
    def channels(self) -> Mapping[int, Channel]:
        """Return the channels by their number."""

    @property
    def metadata(self) -> Mapping[str, Mapping[str, str]]:
        """Return what the recorder noted beside the channels, by its name."""

    @property
    def jumps(self) -> int:
        """Return how often the recorder's clock was set back; its times here go on."""

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return from when to when something was logged, oldest first; they may overlap."""

    def entries(self, channels: Collection[int] | None = None, start_ns: int = 0) -> Iterator[Entry]:
        """Yield the entries of some channels (None: of all) logged from `start_ns` on, by log time."""

    def close(self) -> None:
        """Close the files."""
