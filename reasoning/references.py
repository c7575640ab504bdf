"""What "after that" stands for: the statement before it.

"Something moved at 93 s. How long was it still after that?" -> "How long was it still after something moved at 93 s?"
"""

from __future__ import annotations

import re

from reasoning import vocabulary as vocab
from reasoning.patterns import either, has
from reasoning.timepoints import Now
from reasoning.timewords import take_time
from reasoning.topics import find_topic

_ASKS = either(*sorted(vocab.ASKING - {"if", "whether"} | vocab.AUXILIARIES), "tell", "show", "list", "anything", "any")
_SENTENCE = re.compile(
    rf"(?P<words>.+?)(?P<end>[?!;]+|\.+(?=\s|$)|,(?=\s+(?:and\s+|so\s+|but\s+)?{_ASKS}\b)|$)\s*",
    re.DOTALL | re.IGNORECASE,
)
_GOES_ON = rf"(?=\s*(?:[?.!,;]|$|{_ASKS}\b))"
# "Until it was still" has a subject, "after it, was it still" a moment; "after this did it move" has one too.
_STANDS = rf"(?=\s*(?:[?.!,;]|$|{either(*sorted(vocab.ASKING - {'if', 'whether'}), 'did')}\b))"
_THAT = re.compile(
    rf"\b(?P<relation>after|before|since|until|till|following|during|while)\s+(?:all\s+)?(?:(?:that|then)\b{_GOES_ON}|(?:this|it)\b{_STANDS})"
    rf"|\b(?P<later>after\s?wards?|thereafter|next|then){_GOES_ON}"
    rf"|\b(?P<earlier>beforehand)\b{_GOES_ON}",
    re.IGNORECASE,
)


def resolve(text: str, now: Now) -> str:
    """Return `text` with the statement put where a later sentence says "that"; as it is where nothing fits."""
    sentences = [(found["words"].strip(), found["end"]) for found in _SENTENCE.finditer(text)]
    for i, (words, end) in enumerate(sentences[1:], start=1):
        statement, statement_end = sentences[i - 1]
        match = _THAT.search(words)
        if match is None or "?" in statement_end or not _is_event(statement):
            continue
        relation = match["relation"] or ("before" if match["earlier"] else "after")
        relation = f"right {relation}" if (match["later"] or "").lower() == "next" else relation
        span, event = take_time(statement.replace(",", " ").strip(" .;"), now)
        event = f"{event} {span.phrase}" if span is not None else event  # a border in time would be "after 0:44 ..."
        resolved = f"{words[: match.start()]}{relation} {event}{words[match.end() :]}"
        kept = [*sentences[: i - 1], (resolved, end), *sentences[i + 1 :]]
        return " ".join(f"{one}{mark}" for one, mark in kept)
    return text


def _is_event(statement: str) -> bool:
    """Tell "something moved at 93 s" from a question and from "I was away"."""
    topic = find_topic(statement)
    is_question = has(rf"^\W*(?:and\s+|so\s+|but\s+)?{_ASKS}\b", statement)
    return not is_question and topic.has_cue and topic.about not in {"anything", "sensors"}
