"""EVT 3.0 words (Prophesee) into events, by the `evt3` package; what is missing there says how to get it."""

from __future__ import annotations

import numpy as np

from perception.events.arrays import Events, no_events
from runtime.errors import MissingPart

WRAP_US = 1 << 24  # 16.777 s


class Evt3Decoder:
    """Decodes one stream over chunks of any size; the counter's wraps are counted."""

    def __init__(self) -> None:
        """Raises MissingPart where the package is missing."""
        try:
            import evt3
        except ImportError as error:
            raise MissingPart("evt3 is not installed", "pip install evt3") from error
        # Sizes do not matter: it passes on what is outside of them.
        self._decoder = evt3.Decoder(2048, 2048)
        self.wraps = 0
        self._bytes = 0

    @property
    def waiting(self) -> int:
        """Return the bytes of a word that is not whole yet."""
        return self._bytes % 2

    def feed(self, data: bytes) -> Events:
        """Return the events of the next bytes."""
        self._bytes += len(data)
        if not data:
            return no_events()
        found = self._decoder.feed(data)
        events = Events(
            x=np.asarray(found.x, np.uint16),
            y=np.asarray(found.y, np.uint16),
            p=np.asarray(found.polarity, np.uint8),
            t_us=np.asarray(found.timestamp).astype(np.int64),
        )
        if len(events):
            self.wraps = max(self.wraps, int(events.t_us[-1]) // WRAP_US)
        return events
