"""Pictures of an earlier time, brought back from memory when a question is about what no longer stands in the window.

One recall finds the frames next to the moments that the question is about, and each picture is asked for by its id.
What does not come in time is left out.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Sequence

from reasoning.backend import Case, Picture
from reasoning.brief import KINDS
from runtime.bus import Bus
from runtime.errors import HeedfulError
from runtime.insist import insist
from runtime.messages import Hit, Media, MediaReply, Recall, Recalled

logger = logging.getLogger(__name__)

PICTURES = 4
FRAMES_LIMIT = 1024  # frames among which they are chosen
REACH_NS = 15_000_000_000  # a picture further away from its moment shows something else


async def bring(
    bus: Bus, session: str, case: Case, since_ns: int | None, query_id: str, deadline_s: float
) -> tuple[Picture, ...]:
    """Return at most 4 pictures of moments before `since_ns`, the oldest first; none where all is in the window."""
    moments = _moments(case, since_ns)
    if not moments:
        return ()
    query = Recall(
        session=session,
        query_id=f"{query_id}-frames",
        as_of_ns=case.asked_ns,
        kinds=("frame",),
        start_ns=min(moments) - REACH_NS,
        end_ns=max(moments) + REACH_NS,
        timeline_limit=FRAMES_LIMIT,
    )
    try:
        async with case.deadline.wait(), asyncio.timeout(deadline_s):
            reply = await insist(bus, query, "recalled", deadline_s)
            assert isinstance(reply, Recalled)
            chosen = _nearest(reply.timeline, moments, since_ns)
            return tuple([picture for hit in chosen if (picture := await _picture(bus, session, hit, deadline_s))])
    except (TimeoutError, HeedfulError) as error:
        logger.warning("no pictures of earlier: %s", str(error) or "memory did not answer in time")
        return ()


def _moments(case: Case, since_ns: int | None) -> list[int]:
    """Return the moments that the question is about, as far as they lie before the window, most relevant first."""
    if case.recalled is None:
        return []
    before_ns = case.asked_ns if since_ns is None else since_ns
    best = [hit for hit in case.recalled.hits if hit.kind in KINDS]
    span = case.question.span
    if span is not None and span.is_known and not span.is_recent:
        best += [hit for hit in reversed(case.recalled.timeline) if hit.kind in KINDS]
    if case.recalled.anchor is not None:
        best.insert(0, case.recalled.anchor)
    now = [case.asked_ns] if since_ns is None else []  # nothing of then is left: what it looked like
    middles = [(hit.start_ns + hit.end_ns) // 2 for hit in best]
    if span is not None and span.is_point and span.start_ns is not None and span.end_ns is not None:
        middles.insert(0, (span.start_ns + span.end_ns) // 2)
    return list(dict.fromkeys(now + [one for one in middles if one < before_ns]))[:PICTURES]


def _nearest(frames: Sequence[Hit], moments: Sequence[int], since_ns: int | None) -> list[Hit]:
    """Return the frame nearest to each moment, each once, oldest first."""
    frames = [one for one in frames if one.kind == "frame" and (since_ns is None or one.start_ns < since_ns)]
    times = [one.start_ns for one in frames]
    chosen: dict[int, Hit] = {}
    for moment in moments:
        place = bisect_left(times, moment)
        near = [one for one in frames[max(0, place - 1) : place + 1] if abs(one.start_ns - moment) <= REACH_NS]
        if near:
            best = min(near, key=lambda one: abs(one.start_ns - moment))
            chosen[best.start_ns] = best
    return [chosen[t_ns] for t_ns in sorted(chosen)]


async def _picture(bus: Bus, session: str, hit: Hit, deadline_s: float) -> Picture | None:
    reply = await insist(bus, Media(session=session, record_id=hit.record_id), "media_reply", deadline_s)
    assert isinstance(reply, MediaReply)
    if reply.reason:
        logger.warning("%s: %s", hit.record_id, reply.reason)
        return None
    return Picture(record_id=hit.record_id, stream=hit.stream, t_ns=hit.start_ns, payload=reply.payload)
