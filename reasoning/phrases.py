"""Episodes in English: "from 0:03.0 to 0:07.2 on the left", "a tone at 440 Hz at 0:19.0", "3 movements"."""

from __future__ import annotations

from collections.abc import Sequence

from reasoning.episodes import Episode
from reasoning.senses import About
from reasoning.wording import Clock, count, listing, quote

LISTED_MAX = 8  # an answer carries no more evidence
NAMED_MAX = 5  # and names no more: of a longer list the first and the last
NOUNS = {"motion": "movement", "utterance": "utterance", "sound": "sound", "frame": "scene change", "gap": "dark phase"}
HAPPENED = {
    "motion": "something moved",
    "utterance": "somebody spoke",
    "frame": "the scene changed",
    "gap": "the picture was dark",
}
GOES_ON = {
    "motion": "something has been moving",
    "utterance": "somebody has been speaking",
    "gap": "the picture has been dark",
}
ABSENT: dict[About, str] = {
    "motion": "nothing moved",
    "scene": "the scene did not change",
    "speech": "nobody spoke",
    "sound": "I heard no sound",
    "heard": "it was quiet",
    "seen": "nothing moved and the scene did not change",
    "anything": "nothing happened",
    "dark": "the picture was not dark",
}


def noun(episodes: Sequence[Episode]) -> str:
    """Return the word for one of them; several kinds together are events."""
    kinds = {episode.kind for episode in episodes}
    labels = {word for episode in episodes for word in episode.label.split() if word in {"tone", "noise"}}
    if kinds == {"sound"} and len(labels) == 1:
        return labels.pop()
    return NOUNS[kinds.pop()] if len(kinds) == 1 else "event"


def describe(episode: Episode, clock: Clock, *, with_words: bool = True) -> str:
    """Return its time and what is known of it, as one item of a list."""
    time = when(episode, clock)
    if episode.kind == "utterance" and with_words:
        unknown = "words that I do not know yet" if episode.is_open else "words that I did not recognise"
        return f"{quote(episode.words) if episode.words else unknown} {time}"
    if episode.kind == "sound":
        return f"{_with_article(episode.label)} {time}"
    place = path(episode)
    return f"{time} {place}" if place else time


def when(episode: Episode, clock: Clock) -> str:
    """Return "from 0:03.0 to 0:07.2", or "since 0:03.0" for what still goes on."""
    is_open = episode.is_open and episode.end_ns >= clock.asked_ns
    if not is_open:
        return clock.stretch(episode.start_ns, episode.end_ns)
    return f"since {clock.at(min(hit.start_ns for hit in episode.hits))}"  # also where the window begins later


def path(episode: Episode) -> str:
    """Return the places that a movement went through, "" where none are known."""
    return episode.path


def shown(episodes: Sequence[Episode], clock: Clock, limit: int = LISTED_MAX) -> Sequence[Episode]:
    """Return those that there is evidence of: the first and the last; of those between, live the newest."""
    if len(episodes) <= limit:
        return episodes
    if limit < 2:
        return episodes[-limit:]
    return [*episodes[: limit - 1], episodes[-1]] if clock.is_media else [episodes[0], *episodes[1 - limit :]]


def name_all(
    episodes: Sequence[Episode],
    clock: Clock,
    *,
    with_words: bool = True,
    limit: int = LISTED_MAX,
    at_least: bool = False,
) -> str:
    """List them, or of many the first and the last; `limit` of them are in the evidence. Words are told in full."""
    is_talk = with_words and all(one.kind == "utterance" for one in episodes)
    items = [describe(one, clock, with_words=with_words) for one in episodes]
    return few(items, limit, named=limit if is_talk else NAMED_MAX, at_least=at_least)


def few(items: Sequence[str], limit: int = LISTED_MAX, *, named: int = NAMED_MAX, at_least: bool = False) -> str:
    """Return a list that can be read: all of a few, else the first, the last and where the rest is."""
    if len(items) <= min(limit, named):
        return listing(items)
    kept = f"{limit} of them" if len(items) > limit else "all"
    first = "the earliest of these" if at_least else "first"  # memory holds more than it returned, and older
    return f"{first} {items[0]} and last {items[-1]} ({kept} in the evidence)"


def clause(
    episodes: Sequence[Episode],
    clock: Clock,
    *,
    with_words: bool,
    at_least: bool = False,
    limit: int = LISTED_MAX,
) -> str:
    """Return what happened, all of one kind, for a sentence of its own or after "Yes, "; the count is in digits."""
    kind, n = episodes[0].kind, len(episodes)
    listed = name_all(episodes, clock, with_words=with_words, limit=limit, at_least=at_least)
    floor = "at least " if at_least else ""
    if n == 1 and episodes[0].is_open and not episodes[0].words and kind in GOES_ON:
        return f"{GOES_ON[kind]} {listed.removeprefix('words that I do not know yet ')}"
    if kind == "utterance" and with_words and n > limit:
        return f"I heard {floor}{count(n, noun(episodes))}: {listed}"
    if kind == "utterance" and with_words:
        return f"I heard somebody say {listed}"
    if kind == "sound":
        return f"I heard {listed}" if n == 1 else f"I heard {floor}{count(n, noun(episodes))}: {listed}"
    return f"{HAPPENED[kind]} {listed}" if n == 1 else f"{HAPPENED[kind]} {floor}{n} times: {listed}"


def sentence(text: str) -> str:
    """Return a clause as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."


def _with_article(text: str) -> str:
    kept = quote(text)[1:-1] or "sound"
    return f"{'an' if kept[0] in 'aeiou' else 'a'} {kept}"
