"""Why an answer would not be honest, and what is to be said beside one that is."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from reasoning import vocabulary as vocab
from reasoning.match import words
from reasoning.phrases import few, noun
from reasoning.timepoints import S_NS
from reasoning.view import View, pick
from reasoning.ways import name_way
from reasoning.wording import count, quote
from runtime.messages import Sensor

if TYPE_CHECKING:
    from reasoning.coverage import Coverage
    from reasoning.draft import Draft
    from reasoning.topics import Topic
    from reasoning.understand import Question
    from runtime.messages import Recalled

MEASURED = frozenset({"motion", "sound"})  # kinds whose level says how strong they were
CAPABILITIES = (
    "I can be asked when, how often, how long or where something moved, what was said and when, which sounds there"
    " were, when the scene changed, and whether the sensors work."
)
EXAMPLES: dict[Sensor, str] = {"video": "When did something move?", "audio": "What was said?"}
UNFINISHED = "Somebody is still speaking; I know the words only once that has ended."
# A list of what there was is honest beside a word that was not understood; "yes", a count or "the first" is not.
LISTS = frozenset({"when", "where", "said", "happened"})


def why_not(question: Question, view: View, coverage: Coverage, sensors: AbstractSet[Sensor]) -> str:
    """Return why what was recalled does not carry an answer, "" where it does."""
    topic, episodes = question.topic, view.episodes
    if reason := _why_not_understood(question, view):
        return reason
    if question.ask == "delay" and view.anchor_end is not None:
        return ""
    if question.negated:
        is_refuted = question.asks_throughout and bool(episodes)
        return "" if is_refuted else coverage.why_not(sensors)
    if not episodes:
        if question.content and (question.about != "speech" or question.ask not in {"whether", "how_often"}):
            # Recognised words are too unsure to say that something was never said, unless just that is asked.
            return _why_not_heard(question, coverage)
        return coverage.why_not(sensors)
    if topic.extreme in {"strongest", "weakest"} and not any(e.level for e in episodes if e.kind in MEASURED):
        return f"I do not measure how strong {noun(episodes)}s are."
    if topic.extreme in {"highest", "lowest"} and len({e.pitch_hz for e in episodes if e.pitch_hz}) < 2:
        return "I know of no two tones that differ in pitch."
    if not pick(topic, episodes):
        return f"I know of only {count(len(episodes), noun(episodes))}."
    return ""


def how_to_ask(question: Question, streams: Mapping[str, Sensor]) -> str:
    """Return what may be asked, with an example where it was no question."""
    if question.is_asked or not question.text:
        return CAPABILITIES
    return f"I need a question, for example {quote(EXAMPLES['video' if 'video' in streams.values() else 'audio'])}."


def _why_not_heard(question: Question, coverage: Coverage) -> str:
    """Return why words were not found; where nothing else was understood, how to ask."""
    named = quote(question.content)
    if question.topic.has_cue:
        return f"I heard nothing like {named}."
    if "audio" not in coverage.streams.values():
        why = f"I do not understand {named}, and there is no sound here in which it could have been said."
    elif not coverage.watched({"audio"}):
        why = f"I do not understand {named}, and could not hear whether it was said."
    else:
        why = f"I heard nothing like {named}."
    return f"{why} {how_to_ask(question, coverage.streams)}"


def _why_not_understood(question: Question, view: View) -> str:
    """Return what was asked about in words that no rule has used, where the answer would seem to have used them."""
    topic, anchor = question.topic, question.anchor
    if anchor is not None and anchor.unused:
        return f"I do not understand {quote(anchor.unused)} in {quote(anchor.phrase)}."
    if anchor is not None and any(moment.has_rare_thing for moment in anchor.topics if not moment.content):
        return f"I do not recognise what is meant by {quote(anchor.phrase)}."
    is_light = anchor is not None and anchor.relation == "during" and anchor.topics[0].about == "dark"
    if anchor is not None and not is_light and any(one.is_absence for one in anchor.topics):  # that is no event
        return f"I cannot place {quote(anchor.phrase)} here."
    is_list = (
        question.ask in LISTS and not topic.nth and not topic.extreme and not question.negated and not topic.is_denied
    )
    if is_list or (not view.episodes and not question.negated and question.ask in {"whether", "how_often"}):
        return ""  # where nothing at all happened, nothing more particular did
    if topic.unused:
        return f"I do not understand {quote(topic.unused)} here."
    if topic.has_rare_thing and question.ask in {"whether", "how_often"}:
        return "I cannot tell what kind of thing moves." if question.about == "motion" else "I cannot tell who speaks."
    return ""


def caveats(question: Question, view: View, recalled: Recalled, draft: Draft) -> list[str]:
    """Return what an answer that was given is not evidence of."""
    topic, anchor = question.topic, question.anchor
    kinds = {item.kind for item in draft.evidence}
    things = (topic, *(anchor.topics if anchor is not None else ()))
    said = []
    if topic.unused:
        said.append(f"I did not understand {quote(topic.unused)} and left it out.")
    if way := name_way(topic.begins, topic.ends) if view.episodes and not topic.is_absence else "":
        said.append(f"I took the movements that {way}.")
    if "motion" in kinds and any(one.has_thing for one in things if one.about == "motion"):
        is_person = bool(set(words(question.text)) & vocab.PEOPLE)
        said.append(f"I see that something moves, not {'who or ' if is_person else ''}what it is.")
    if "utterance" in kinds and topic.about == "speech" and topic.has_rare_thing:
        said.append("I hear that somebody speaks, not who it is.")
    if anchor is not None and view.anchor is not None and view.anchor_choices > 1 and anchor.relation != "during":
        time = draft.clock.stretch(view.anchor.start_ns, view.anchor.end_ns)
        said.append(f"There were {view.anchor_choices} such moments; I took the first, {time}.")
    if anchor is not None and anchor.relation == "during" and anchor.topics[0].about in {"dark", "blind"}:
        is_told = question.about in {"motion", "scene", "seen", "anything"}  # as what the camera missed
        said.append("" if is_told and not anchor.topics[0].is_absence else _when_dark(anchor.topics[0], view, draft))
    if question.content and not view.episodes and (spoken := _times_spoken(view, recalled)):
        said.append(f"I heard {count(spoken, 'utterance')} and may have misheard the words.")
    if view.is_speaking and (topic.content or question.ask in {"said", "happened"}) and topic.about != "motion":
        said.append(UNFINISHED)
    if not draft.clock.is_media and _begins_before(question, recalled):
        said.append(f"I began watching at {draft.clock.at(recalled.session_start_ns)}.")
    return said


def _when_dark(topic: Topic, view: View, draft: Draft) -> str:
    """Return which stretches of darkness, or blindness, were meant."""
    what = "A sensor was blind"
    if topic.about == "dark":
        what = "It was light" if topic.is_absence else "It was dark"
    elif topic.senses <= {"video"} or topic.senses <= {"audio"}:
        what = {"video": "I saw nothing", "audio": "I could hear nothing"}.get("".join(topic.senses), what)
    return f"{what} {few([draft.clock.stretch(*window) for window in view.windows])}."


def _times_spoken(view: View, recalled: Recalled) -> int:
    """Return how often somebody spoke in the windows, in whatever words."""
    hits = [hit for hit in recalled.timeline if hit.kind == "utterance"]
    return sum(
        any(hit.start_ns < end_ns and hit.end_ns > start_ns for start_ns, end_ns in view.windows) for hit in hits
    )


def _begins_before(question: Question, recalled: Recalled) -> bool:
    """Whether a time was asked about of which a part lies before the session."""
    start_ns = question.span.start_ns if question.span is not None else None
    return start_ns is not None and start_ns < recalled.session_start_ns - S_NS
