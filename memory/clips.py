"""Where one stream is cut into clips: at scene cuts, after pauses, never inside an utterance, at 16 s in any case.

Only the order of the records decides: how often `advance` is called changes when a clip is known to be closed, never
where it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from memory.describe import CUT, WORDLESS, describe, without_track
from runtime.messages import Clip, Frame, Gap, Record, Sensor, record_id, span_of

SHORTEST_CLIP_NS = 3_000_000_000  # a scene cut earlier than this does not end the clip
LONGEST_CLIP_NS = 16_000_000_000
PAUSE_NS = 2_000_000_000
TEXT_CHARACTERS = 1_000  # the text encoder reads about this much


class ClipBorders:
    """The open clip of one stream; records come in the order in which they became known (`t_ns`).

    A clip ends when the next record starts more than 2 s after everything in it, when the next record would make it
    longer than 16 s, or at a scene cut once it is 3 s long. An utterance is one record and therefore never cut; one
    that is longer than 16 s is a clip of its own. A lone event makes a clip as short as it is, and a stretch without
    records makes none: a gap says that something was lost, it belongs to no clip.
    """

    def __init__(self, session: str, stream: str, epoch: int, sensor: Sensor) -> None:
        self._session = session
        self._stream = stream
        self._epoch = epoch
        self._sensor = sensor
        self._seq = 0  # of the open clip, fixed when it opens
        self._records: list[Record] = []
        self._start_ns = 0
        self._end_ns = 0

    def add(self, record: Record) -> list[Clip]:
        """Put a record into the open clip, or into a new one; return the clip that this closed, if any."""
        if isinstance(record, Gap):
            return []
        closed = self.advance(record.t_ns)
        start_ns, end_ns = span_of(record)
        if self._records and self._is_border(record, start_ns, end_ns):
            closed += self.end(record.t_ns)
        self._start_ns = min(self._start_ns, start_ns) if self._records else start_ns
        self._end_ns = max(self._end_ns, end_ns) if self._records else end_ns
        self._records.append(record)
        return closed

    def advance(self, t_ns: int) -> list[Clip]:
        """Close the clip that nothing can join any more, now that event time has reached `t_ns`."""
        if not self._records or t_ns - self._start_ns <= LONGEST_CLIP_NS:
            return []
        return self.end(self._start_ns + LONGEST_CLIP_NS + 1)  # when that was noticed depends on how streams interleave

    def end(self, t_ns: int) -> list[Clip]:
        """Close the open clip, if any: the stream ended at `t_ns`."""
        if not self._records:
            return []
        clip = Clip(
            session=self._session,
            stream=self._stream,
            epoch=self._epoch,
            seq=self._seq,
            t_ns=max(t_ns, self._records[-1].t_ns),
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            sensor=self._sensor,
            text=clip_text(self._records),
            record_ids=tuple(record_id(record) for record in self._records),
        )
        self._seq += 1
        self._records = []
        return [clip]

    def _is_border(self, record: Record, start_ns: int, end_ns: int) -> bool:
        is_cut = isinstance(record, Frame) and record.is_cut and start_ns - self._start_ns >= SHORTEST_CLIP_NS
        is_after_pause = start_ns - self._end_ns > PAUSE_NS
        is_too_long = max(end_ns, self._end_ns) - min(start_ns, self._start_ns) > LONGEST_CLIP_NS
        return is_cut or is_after_pause or is_too_long


def clip_text(records: Sequence[Record]) -> str:
    """Return what the records hold in one line."""
    return text_of_clip([(record.kind, describe(record)) for record in records])


def text_of_clip(described: Sequence[tuple[str, str]]) -> str:
    """Return kinds and texts of records in one line: words first, then sounds, movement, things, scene changes."""
    words = [f'"{text}"' for kind, text in described if kind == "utterance" and text != WORDLESS]
    sounds = _counted(text for kind, text in described if kind == "sound")
    movement = list(dict.fromkeys(text for kind, text in described if kind == "motion"))
    followed = _counted(without_track(text) for kind, text in described if kind == "detection")
    cuts = _counted(text for kind, text in described if kind == "frame" and text.startswith(CUT))
    text = "; ".join([*words, *sounds, *movement, *followed, *cuts]) or "nothing changed"
    return text if len(text) <= TEXT_CHARACTERS else f"{text[: TEXT_CHARACTERS - 1]}…"


def _counted(texts: Iterable[str]) -> list[str]:
    """Say repeated things once: "tone at 440 Hz (3 times)"."""
    return [text if n == 1 else f"{text} ({n} times)" for text, n in Counter(texts).items()]
