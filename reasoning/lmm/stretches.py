"""Frames that stand next to each other and were all looked at, as one stretch of time with one box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reasoning.lmm.alignment import Seen
from reasoning.lmm.looking import Shown
from runtime.messages import Box

# Perception keeps a picture every 10 s at least, of what does not change too: across more nobody knows what was there.
GAP_NS = 15_000_000_000

Look = tuple[Shown, Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Frames of one camera that were looked at; one alone has no length."""

    strongest: Shown  # the frame looked at most: it is what can be opened
    start_ns: int
    end_ns: int
    box: Box
    share: float  # of all that was looked at, of all its frames together


def stretches(frames: Sequence[Look], unseen: Iterable[Shown], least: float) -> list[Stretch]:
    """Return the frames with a share of `least` as stretches, strongest first.

    A frame that was looked at less ends a stretch, and so does one that was kept and not there to look at (`unseen`).
    """
    cameras: dict[str, dict[int, list[Look]]] = {}  # a moment may have come back twice, from the cache and from memory
    for one in unseen:
        cameras.setdefault(one.stream, {}).setdefault(one.t_ns, [])
    for shown, seen in frames:
        cameras.setdefault(shown.stream, {}).setdefault(shown.t_ns, []).append((shown, seen))
    found = [_as_one(run) for stream in sorted(cameras) for run in _runs(cameras[stream], least)]
    return sorted(found, key=lambda one: -one.share)


def _runs(moments: Mapping[int, list[Look]], least: float) -> list[list[Look]]:
    runs: list[list[Look]] = []
    last_ns: int | None = None  # where the newest run ends, while it may go on
    for t_ns in sorted(moments):
        looks = moments[t_ns]
        if not looks or sum(seen.share for _, seen in looks) < least:
            last_ns = None
            continue
        if last_ns is None or t_ns - last_ns > GAP_NS:
            runs.append([])
        runs[-1] += looks
        last_ns = t_ns
    return runs


def _as_one(run: Sequence[Look]) -> Stretch:
    """Return a run of frames in the order of time as one.

    Its box is around all of theirs, as a movement's is: the strongest frame's own would leave out where things that
    move were looked at in the others, and it lies inside.
    """
    left, top, right, bottom = zip(*(seen.box for _, seen in run), strict=True)
    strongest, _ = max(run, key=lambda look: look[1].share)
    return Stretch(
        strongest=strongest,
        start_ns=run[0][0].t_ns,
        end_ns=run[-1][0].t_ns,
        box=(min(left), min(top), max(right), max(bottom)),
        share=sum(seen.share for _, seen in run),
    )
