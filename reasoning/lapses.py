"""When each stream saw or heard nothing, as its watermarks say: what no gap tells of yet, and what has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from reasoning.timepoints import S_NS
from runtime.messages import Hit, Recalled, Watermark

ENDED = "the track has ended"
ENDED_NS = S_NS  # tracks of one recording rarely end at the same moment
KEPT_NS = 60 * S_NS  # of what is older gaps tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """A stretch of time in which one stream saw nothing."""

    start_ns: int
    end_ns: int  # up to when that is known
    reason: str
    is_over: bool = False


NO_LAPSES: Mapping[str, Lapse] = MappingProxyType({})


class Lapses:
    """The newest lapses of all streams of a session, oldest first."""

    def __init__(self) -> None:
        self._of: dict[str, list[Lapse]] = {}
        self._ended_ns: dict[str, int] = {}

    def note(self, mark: Watermark) -> None:
        """Take a stream's newest watermark."""
        if not mark.ended:
            self._ended_ns.pop(mark.stream, None)  # it was started again
        elif mark.stream not in self._ended_ns:
            self._ended_ns[mark.stream] = mark.t_ns
        lapses = self._of.setdefault(mark.stream, [])
        last = lapses[-1] if lapses else None
        goes_on = last is not None and not last.is_over and last.reason == mark.blind
        if not mark.blind or (mark.ended and not goes_on):  # one that ends blind stays so
            if last is not None:
                lapses[-1] = replace(last, is_over=True)
            return
        start_ns = mark.t_ns if mark.blind_ns is None else min(mark.blind_ns, mark.t_ns)
        if last is not None and goes_on and mark.t_ns >= last.end_ns:
            lapses[-1] = replace(last, end_ns=mark.t_ns)
        else:
            lapses.append(Lapse(start_ns=start_ns, end_ns=mark.t_ns, reason=mark.blind))
        while lapses[0].end_ns < mark.t_ns - KEPT_NS:
            lapses.pop(0)

    def at(self, t_ns: int) -> dict[str, Lapse]:
        """Return of each stream that saw nothing at a time why, and since when; what was told later counts too."""
        found = {}
        for stream, lapses in self._of.items():
            for lapse in lapses:
                if lapse.start_ns <= t_ns and (t_ns <= lapse.end_ns or not lapse.is_over):
                    found[stream] = lapse
        for stream, ended_ns in self._ended_ns.items():
            if t_ns - ended_ns >= ENDED_NS:
                found[stream] = Lapse(start_ns=ended_ns, end_ns=t_ns, reason=ENDED)
        return found

    def add_to(self, recalled: Recalled, t_ns: int) -> Recalled:
        """Return `recalled` with a gap, without a record id, for each lapse up to a time that may be untold by then."""
        spans = [(stream, lapse) for stream, lapses in self._of.items() for lapse in lapses if lapse.start_ns < t_ns]
        spans += [(stream, lapse) for stream, lapse in self.at(t_ns).items() if lapse.reason == ENDED]
        added = [_gap(stream, lapse, recalled, t_ns) for stream, lapse in sorted(spans, key=_order)]
        kept = tuple(hit for hit in added if hit.start_ns < hit.end_ns)
        return replace(recalled, timeline=(*recalled.timeline, *kept), total=recalled.total + len(kept))


def _order(item: tuple[str, Lapse]) -> tuple[int, str]:
    return item[1].start_ns, item[0]


def _gap(stream: str, lapse: Lapse, recalled: Recalled, t_ns: int) -> Hit:
    end_ns = lapse.end_ns if lapse.is_over else t_ns
    return Hit(
        record_id="",
        clip_id="",
        stream=stream,
        kind="gap",
        start_ns=max(lapse.start_ns, recalled.start_ns),
        end_ns=min(end_ns, t_ns, recalled.end_ns),
        text=lapse.reason,
        score=0.0,
    )
