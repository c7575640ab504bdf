"""Packets of an event stream, in whichever encoding, into events on one clock of the sensor."""

from __future__ import annotations

from typing import Protocol

from perception.events.arrays import Events
from perception.events.evt2 import Evt2Decoder
from perception.events.evt3 import Evt3Decoder
from perception.events.libcaer import LibcaerDecoder
from runtime.messages import EventsInput


class Decoder(Protocol):
    """What decodes the words of one stream, in chunks of any size."""

    @property
    def waiting(self) -> int:
        """Return the bytes of a word that is not whole yet."""

    def feed(self, data: bytes) -> Events:
        """Return the events of the next bytes."""


class PacketDecoder:
    """Decodes one packet after the other; where the encoding changes in mid-stream the words begin anew."""

    def __init__(self) -> None:
        self._encoding = ""
        self._decoder: Decoder = LibcaerDecoder()

    @property
    def wraps(self) -> int:
        """Return how often the counter of the sensor has wrapped."""
        return int(getattr(self._decoder, "wraps", 0))

    def step(self, packet: EventsInput) -> Events:
        """Return a packet's events. Raises ValueError where the encoding is unknown, MissingPart without its reader."""
        if packet.encoding != self._encoding:
            self._decoder = make_decoder(packet.encoding)
            self._encoding = packet.encoding
        if isinstance(self._decoder, LibcaerDecoder):
            self._decoder.begin(packet.base_ns // 1000)
        return self._decoder.feed(packet.payload)


def make_decoder(encoding: str) -> Decoder:
    """Return a new decoder. Raises ValueError where the encoding is unknown, MissingPart without its reader."""
    match encoding:
        case "evt2":
            return Evt2Decoder()
        case "evt3":
            return Evt3Decoder()
        case "libcaer_cmp":
            return LibcaerDecoder()
    raise ValueError(f"events as {encoding!r} cannot be read")
