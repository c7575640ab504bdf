"""A question without its padding: greetings, words about the asker, and the frame that it is embedded in.

"Would you be so kind as to tell me whether it moved, if you don't mind" -> "whether it moved".
"""

from __future__ import annotations

import re

from reasoning import vocabulary as vocab
from reasoning.patterns import either

_CLAUSE = re.compile(r"(?P<words>.+?)(?P<end>[?!;]+|[,.:—](?=\s|$)|$)\s*", re.DOTALL)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SELF = frozenset("i i'd i'm i'll i've we we'd we're we've my our sorry".split())
_CALL = frozenset(
    "tell show give say explain report confirm check verify find let remind can could would will do".split()
)
_KNOW = frozenset(
    "know tell check say wonder wondering wondered sure see ask learn find confirm remember recall".split()
)
_SENSES = vocab.SPEECH | vocab.SOUND | vocab.HEARD | vocab.MOTION | vocab.SEEN | vocab.QUIET | vocab.STILL | vocab.SCENE
_SAYING = frozenset("tell say ask asking see look hear report call order".split())  # that frames are made of too
_INTERJECTION = re.compile(
    r"^\W*"
    + either(
        r"(?:please|kindly|hey|hi|hello|ok|okay|so|and|but|well|now|then|also|um+|uh+|oh|heedful|actually|just|confirm|quick\s+question)\b[\s,:]*",
        r"come\s+on\b(?!\s+(?:the|a)\b)[\s,:]*",
        r"(?:tell|show|give|remind)\s+(?:me|us)\b[\s,:]*(?:about\s+)?",
        r"(?:can|could|would|will)\s+you\s+(?:please\s+)?"
        r"(?:tell|show|give|describe|list|explain|summari[sz]e|let|remind|repeat)\b(?:\s+(?:me|us)\b)?(?:\s+know\b)?",
    ),
    re.IGNORECASE,
)
_OPINION = re.compile(
    r"^\W*(?:would|wouldn't|do|don't)\s+you\s+(?:say|think|believe|suppose|agree)\s+(?:that\s+)?"
    rf"(?!(?:{'|'.join(vocab.ASKING | vocab.AUXILIARIES)})\b)(?=\w)",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"\s+(?:please|thanks|thank\s+you)(?=\W*$)", re.IGNORECASE)
_CORRECTION = re.compile(r"^\W*(?:i\s+mean|or\s+rather|that\s+is|in\s+other\s+words)\b[\s,:]*(?=\w)", re.IGNORECASE)


def core(text: str) -> str:
    """Return what is asked; all of `text` where that would leave nothing."""
    clauses = [(found["words"].strip(), found["end"]) for found in _CLAUSE.finditer(text)]
    for i, (words, _) in enumerate(clauses):
        if i and _CORRECTION.match(words):  # "what was it, I mean when"
            clauses = clauses[i:]
            break
    kept = [(_TRAILING.sub("", _embedded(words)), end) for words, end in clauses if not _is_aside(words)]
    kept = [(words, end) for words, end in kept if _WORD.search(words)]
    return " ".join(f"{words}{end}" for words, end in kept).rstrip(" ,:") or text


def _words(clause: str) -> list[str]:
    return [match[0].lower() for match in _WORD.finditer(clause)]


def _is_aside(clause: str) -> bool:
    """Tell "if you don't mind" and "I wasn't paying attention" from what is asked."""
    words = _words(clause)
    if not words:
        return True
    if words[0] in _SELF:
        return not set(words) & (vocab.ASKING | _SENSES - _SAYING)
    is_question = words[0] in vocab.ASKING - {"if"}
    return not is_question and all(word in vocab.FRAME - vocab.ASKING | {"if"} for word in words)


def _embedded(clause: str) -> str:
    """Return the question inside "I'd like to know when ...", "please tell me is it ..."."""
    clause = _OPINION.sub("whether ", _CORRECTION.sub("", clause))
    tokens = list(_WORD.finditer(clause))
    words = [token[0].lower() for token in tokens]
    for i, word in enumerate(words):
        if word not in vocab.ASKING or not i:
            continue
        start = i - 1 if words[i - 1] in vocab.PREPOSITIONS and word in {"what", "which", "whose", "whom", "how"} else i
        if start and _is_frame(words[:start], word):
            return clause[tokens[start].start() :]
        break
    while (match := _INTERJECTION.match(clause)) and _WORD.search(clause, match.end()):
        clause = clause[match.end() :].lstrip(" ,:")
    return clause


def _is_frame(before: list[str], asking: str) -> bool:
    """Say whether the words before an asking word only ask to be told."""
    asks_to_know = bool(set(before) & _KNOW)
    if before[0] == "what" and asks_to_know:  # "what I want to know is when ..."
        before = before[1:]
    if before[0] in vocab.AUXILIARIES - _CALL - {"do", "have"} | {"if"} or asking == "if":
        return asks_to_know and all(word in vocab.FRAME | {"was", "were"} for word in before)
    if all(word in vocab.FRAME for word in before):
        return True
    return before[0] in _SELF | _CALL | {"please"} and not set(before) & (_SENSES - _SAYING)
