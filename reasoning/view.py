"""What memory recalled, narrowed to what the question is about: the windows it means and the episodes in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from reasoning import match
from reasoning.besides import POINT_S
from reasoning.dark import at_edge, blind, light, phases
from reasoning.episodes import NO_WORDS, PITCH_SHARE, Episode, gather, within
from reasoning.plan import KINDS
from reasoning.timepoints import S_NS
from reasoning.ways import is_near, lies_at
from runtime.messages import Hit, Recalled, Sensor

if TYPE_CHECKING:
    from reasoning.anchors import Anchor
    from reasoning.dark import Edge
    from reasoning.topics import Topic
    from reasoning.understand import Question

SAME_MEANING = 0.75  # memory's own relevance from which a record counts without any word in common
ANCHOR_SLACK = 0.15  # memory has already searched for the anchor, so less agreement is asked of it
BEST_SHARE = 0.8  # records that match this much worse than the best are not meant
JOIN_NS = 1_500_000_000  # a phrase may be cut in two by a pause this long
SLACK_NS = 500_000_000  # "when they said go" reaches this far around the words


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The part of memory that a question looks at."""

    windows: tuple[tuple[int, int], ...]  # one; several where the question hangs on something that happened often
    episodes: tuple[Episode, ...]  # what is asked about, in the windows, oldest first
    everywhere: tuple[Episode, ...]  # what is asked about, whenever it was
    gaps: tuple[Episode, ...]  # what was lost on the way in, in the windows
    anchor: Episode | None
    anchor_end: Episode | None  # the second moment of "between"
    anchor_choices: int  # the moments that its words fit, of which the first is taken
    is_speaking: bool  # somebody speaks at the end of the windows, in words that are not known yet
    is_partial: bool  # memory holds more than it returned
    empty: tuple[int, int] | None = None  # the recent time that was asked about, where nothing was in it

    @property
    def start_ns(self) -> int:
        """Where the first window begins."""
        return self.windows[0][0]

    @property
    def end_ns(self) -> int:
        """Where the last window ends."""
        return self.windows[-1][1]


def look(
    question: Question, recalled: Recalled, asked_ns: int, streams: Mapping[str, Sensor] | None = None
) -> View | None:
    """Return what the question looks at, or None where the moment it hangs on is not found."""
    known = (hit for hit in (*recalled.timeline, *recalled.hits) if hit.end_ns <= asked_ns)
    hits = list({(hit.record_id, hit.stream, hit.kind): hit for hit in known}.values())
    span = question.span
    start_ns = recalled.session_start_ns if span is None or span.start_ns is None else span.start_ns
    end_ns = asked_ns if span is None or span.end_ns is None else min(span.end_ns, asked_ns)
    start_ns = min(max(start_ns, recalled.session_start_ns), end_ns)
    windows: tuple[tuple[int, int], ...] = ((start_ns, end_ns),)
    anchor, anchor_end, choices = None, None, 0
    if question.anchor is not None:
        moments = _moments(question.anchor, recalled, hits, streams or {})
        if not moments:
            return None
        anchor, choices = moments[0][0], len(moments[0])
        anchor_end = _next(anchor, moments[1]) if len(moments) == 2 else None
        windows = _move(question.anchor, moments, start_ns, end_ns)
        if not windows:
            return None
    lasting = question.topic.lasting if not question.negated else None
    found = relevant(question.topic, hits, is_point=question.is_point)
    everywhere = [episode for episode in found if lasting is None or lasting.holds(episode.length_ns)]
    if anchor is not None and question.anchor is not None and question.anchor.relation != "during":
        everywhere = [episode for episode in everywhere if episode.hits != anchor.hits]  # it does not follow itself
    if question.topic.edge:  # that it got dark is to have been in the windows, not that it was
        everywhere = [one for one in everywhere if _is_edge_in(one, question.topic.edge, windows, asked_ns)]
    inside = _inside(windows, everywhere, is_whole=question.is_point)  # the parts may be short of what was long enough
    episodes = tuple(episode for episode in inside if lasting is None or lasting.holds(episode.length_ns))
    empty = windows[0] if question.may_widen and not episodes and everywhere else None
    if empty is not None:
        windows = ((recalled.session_start_ns, asked_ns),)
        episodes = (max(everywhere, key=lambda episode: episode.end_ns),)
    oldest_ns = recalled.timeline[0].end_ns if recalled.timeline else asked_ns
    return View(
        windows=windows,
        episodes=episodes,
        everywhere=tuple(everywhere),
        gaps=_inside(windows, gather(hits, "gap"), is_whole=question.is_point),
        anchor=anchor,
        anchor_end=anchor_end,
        anchor_choices=choices,
        is_speaking=any(hit.kind == "utterance" and not hit.record_id and hit.end_ns <= windows[-1][1] for hit in hits),
        is_partial=recalled.total > len(recalled.timeline) and oldest_ns > windows[0][0],
        empty=empty,
    )


def _is_edge_in(episode: Episode, edge: Edge, windows: Sequence[tuple[int, int]], asked_ns: int) -> bool:
    """Whether the dark began, or ended, in one of the windows; what goes on has not ended."""
    at_ns = at_edge(episode, edge).start_ns
    is_over = edge == "start" or not (episode.is_open and episode.end_ns >= asked_ns)
    return is_over and any(start_ns <= at_ns <= end_ns for start_ns, end_ns in windows)


def _inside(windows: Sequence[tuple[int, int]], episodes: Sequence[Episode], *, is_whole: bool) -> tuple[Episode, ...]:
    """Return the episodes cut to the windows; whole where a moment was named and they were what was going on then."""
    cut = [(episode, part) for episode in episodes for window in windows for part in within([episode], *window)]
    found = dict.fromkeys(episode if is_whole else part for episode, part in cut)
    return tuple(sorted(found, key=lambda episode: (episode.start_ns, episode.end_ns)))


def relevant(topic: Topic, hits: Sequence[Hit], *, is_point: bool = False) -> list[Episode]:
    """Return the episodes that the topic is about, oldest first; of a moment the utterance, not the turn."""
    if topic.is_either:
        either = dict.fromkeys(one for words in topic.content.split(" or ") for one in said(words, hits))
        return sorted(either, key=lambda episode: episode.start_ns)
    if topic.content:
        return said(topic.content, hits)
    if topic.about == "dark":
        return phases(hits)
    gaps_ns = {"utterance": 0} if is_point and not topic.is_absence else {}
    found = [episode for kind in KINDS[topic.about] for episode in gather(hits, kind, gaps_ns.get(kind))]
    return sorted((episode for episode in found if _fits(episode, topic)), key=lambda episode: episode.start_ns)


def _fits(episode: Episode, topic: Topic) -> bool:
    if episode.kind == "motion" and (topic.begins or topic.ends):
        boxes = episode.boxes
        if len(boxes) < (2 if topic.begins and topic.ends else 1):  # one box has no direction
            return False
        is_from = not topic.begins or is_near(boxes[0], topic.begins)
        return is_from and (not topic.ends or is_near(boxes[-1], topic.ends))
    if episode.kind == "motion" and topic.side:
        return any(lies_at(box, topic.side) for box in episode.boxes)
    if episode.kind != "sound":
        return True
    text = episode.hits[0].text
    if topic.label and topic.label not in match.words(text):
        return False
    return not topic.pitch_hz or abs(episode.pitch_hz - topic.pitch_hz) <= PITCH_SHARE * topic.pitch_hz


def said(content: str, hits: Iterable[Hit]) -> list[Episode]:
    """Return the utterances, and pairs of neighbours, in which the words were said."""
    spoken = sorted(
        (hit for hit in hits if hit.kind == "utterance" and hit.text != NO_WORDS), key=lambda hit: hit.start_ns
    )
    scored = [
        (max(match.score(content, hit.text), hit.score if hit.score >= SAME_MEANING else 0.0), (hit,)) for hit in spoken
    ]
    found: list[tuple[float, tuple[Hit, ...]]] = [item for item in scored if item[0] >= match.SAME_TEXT]
    for (score_a, (a,)), (score_b, (b,)) in pairwise(scored):
        is_one_phrase = a.stream == b.stream and b.start_ns - a.end_ns <= JOIN_NS
        if is_one_phrase and max(score_a, score_b) < match.SAME_TEXT:
            both = match.score(content, f"{a.text} {b.text}")
            found += [(both, (a, b))] if both >= match.SAME_TEXT else []
    best = max((score for score, _ in found), default=0.0)
    kept = [
        Episode(kind="utterance", start_ns=pair[0].start_ns, end_ns=pair[-1].end_ns, hits=pair, score=score)
        for score, pair in found
        if score >= BEST_SHARE * best
    ]
    return sorted(kept, key=lambda episode: episode.start_ns)


def pick(topic: Topic, episodes: Sequence[Episode]) -> list[Episode]:
    """Return the first, the third, the last, the longest ... of them; none where there are not so many."""
    if not episodes:
        return []
    if topic.extreme in {"longest", "shortest"}:
        sign = 1 if topic.extreme == "longest" else -1
        return [max(episodes, key=lambda episode: sign * episode.length_ns)]
    if topic.extreme in {"highest", "lowest"}:
        sign = 1 if topic.extreme == "highest" else -1
        pitched = [episode for episode in episodes if episode.pitch_hz]
        return [max(pitched, key=lambda episode: sign * episode.pitch_hz)] if pitched else []
    if topic.extreme:
        sign = 1 if topic.extreme == "strongest" else -1
        return [max(episodes, key=lambda episode: sign * episode.level)]
    if not topic.nth:
        return list(episodes)
    index = topic.nth - 1 if topic.nth > 0 else topic.nth
    return [episodes[index]] if -len(episodes) <= index < len(episodes) else []


def _moments(
    anchor: Anchor, recalled: Recalled, hits: Sequence[Hit], streams: Mapping[str, Sensor]
) -> list[list[Episode]]:
    """Return for each moment that the question names the episodes it may be; empty where one is not found."""
    if anchor.speech:
        found = _recalled_anchor(anchor.speech, recalled)
        return [[found]] if found is not None else []
    moments = []
    for topic in anchor.topics:
        if topic.about == "blind":
            episodes = blind(topic.senses, hits, streams, is_end=topic.label == "ended")
        elif topic.about == "dark" and topic.is_absence:
            episodes = light(hits, streams, recalled.session_start_ns, recalled.end_ns)
        else:
            episodes = relevant(topic, hits)
        if anchor.span is not None:
            start_ns = anchor.span.start_ns if anchor.span.start_ns is not None else recalled.session_start_ns
            end_ns = anchor.span.end_ns if anchor.span.end_ns is not None else recalled.end_ns
            episodes = [episode for episode in episodes if episode.end_ns >= start_ns and episode.start_ns <= end_ns]
        episodes = pick(topic, episodes)
        if not episodes:
            return []
        if anchor.span is not None and anchor.span.is_point and anchor.relation != "during":
            episodes = [_nearest(episodes, (start_ns + end_ns) // 2)]  # "about 0:44" also reaches its neighbours
        if topic.edge and anchor.relation != "during":
            episodes = [at_edge(episode, topic.edge) for episode in episodes]
        moments.append(episodes)
    return [*moments] if len(moments) == 2 or anchor.relation == "during" else [moments[0]]


def _recalled_anchor(words: str, recalled: Recalled) -> Episode | None:
    """Take memory's anchor where the words agree well enough with what was asked for."""
    hit = recalled.anchor
    if hit is None:
        return None
    score = match.score(words, hit.text)
    if score < match.SAME_TEXT - ANCHOR_SLACK and hit.score < SAME_MEANING:
        return None
    return Episode(kind=hit.kind, start_ns=hit.start_ns, end_ns=max(hit.start_ns, hit.end_ns), hits=(hit,), score=score)


def _move(anchor: Anchor, moments: list[list[Episode]], start_ns: int, end_ns: int) -> tuple[tuple[int, int], ...]:
    """Return the part of the window before, after, during or between the moments; empty where nothing is left of it."""
    first = moments[0][0]
    if anchor.offset_ns:
        return _apart(anchor, first, start_ns, end_ns)
    if anchor.relation == "after":
        windows = [(max(start_ns, first.end_ns), end_ns)]
    elif anchor.relation == "before":
        windows = [(start_ns, min(end_ns, first.start_ns))]
    elif anchor.relation == "between":
        a, b = sorted((first, _next(first, moments[1])), key=lambda episode: episode.start_ns)
        windows = [(max(start_ns, a.end_ns), min(end_ns, b.start_ns))]
    else:
        slack_ns = SLACK_NS if anchor.speech else 0
        windows = [(max(start_ns, m.start_ns - slack_ns), min(end_ns, m.end_ns + slack_ns)) for m in moments[0]]
    return tuple((a, b) for a, b in windows if a <= b)


def _apart(anchor: Anchor, moment: Episode, start_ns: int, end_ns: int) -> tuple[tuple[int, int], ...]:
    """Return the window "ten seconds after", or "within ten seconds after", the moment."""
    slack_ns = max(round(POINT_S * S_NS), anchor.offset_ns // 10)
    is_after = anchor.relation == "after"
    near_ns = moment.end_ns if is_after else moment.start_ns
    far_ns = near_ns + (anchor.offset_ns if is_after else -anchor.offset_ns)
    a, b = sorted((near_ns, far_ns)) if anchor.is_within else (far_ns - slack_ns, far_ns + slack_ns)
    if anchor.is_beyond:
        a, b = (far_ns, end_ns) if is_after else (start_ns, far_ns)
    a, b = max(a, start_ns), min(b, end_ns)
    return ((a, b),) if a <= b else ()


def _nearest(episodes: Sequence[Episode], t_ns: int) -> Episode:
    """Return the one that goes on at that time, or is least far from it."""
    return min(episodes, key=lambda episode: max(episode.start_ns - t_ns, t_ns - episode.end_ns, 0))


def _next(first: Episode, others: Sequence[Episode]) -> Episode:
    """Return the earliest of the others after `first`, or the last one before it."""
    return next((other for other in others if other.start_ns >= first.end_ns), others[-1])
